# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an engine tells of its Swarm: a fake engine on a real socket, so that it can be in any state."""

from __future__ import annotations

import http.server
import json
import pathlib
import socket
import socketserver
import threading
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.hosts import swarm_node, swarm_service
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.engine_reader import EngineFailed, EngineReader

NODE = {
    "ID": "n1",
    "Spec": {"Role": "manager", "Availability": "active", "Labels": {"disk": "ssd"}},
    "Description": {"Hostname": "one"},
    "Status": {"State": "ready", "Addr": "0.0.0.0"},
    "ManagerStatus": {"Leader": True, "Reachability": "reachable", "Addr": "192.0.2.1:2377"},
}
WORKER = {
    "ID": "n2",
    "Spec": {"Role": "worker", "Availability": "drain"},
    "Description": {"Hostname": "a-two"},
    "Status": {"State": "down", "Addr": "192.0.2.2"},
}
MANAGER = {
    "Swarm": {
        "LocalNodeState": "active", "NodeID": "n1", "NodeAddr": "192.0.2.1", "ControlAvailable": True, "Cluster": {"ID": "c1"},
        "RemoteManagers": [{"NodeID": "n1", "Addr": "192.0.2.1:2377"}],
    },
    "LiveRestoreEnabled": False,
}
SPEC = {
    "Name": "registry",
    "Labels": {"dockyard.registry.name": "registry"},
    "Mode": {"Replicated": {"Replicas": 1}},
    "TaskTemplate": {"ContainerSpec": {"Image": "registry:3", "Secrets": [{"SecretName": "registry-config-2"}],
                                       "Configs": [{"ConfigName": "a-1"}]}},
    "EndpointSpec": {"Ports": [{"PublishedPort": 5000, "PublishMode": "host"}, {"TargetPort": 1}]},
}


class Engine(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    answers: dict[str, t.Any]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # noqa: N802  # the name that the base class calls
        answers = t.cast(Engine, self.server).answers
        path = self.path.partition("?")[0]
        body = json.dumps(answers.get(path)).encode()
        self.send_response(200 if path in answers else answers.get("otherwise", 404))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return ""

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def engine(tmp_path: pathlib.Path) -> t.Iterator[tuple[EngineReader, dict[str, t.Any]]]:
    path = str(tmp_path / "docker.sock")
    server = Engine(path, Handler)
    server.answers = {}
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield EngineReader(path), server.answers
    server.shutdown()
    server.server_close()


def test_a_manager(engine: tuple[EngineReader, dict[str, t.Any]]) -> None:
    reader, answers = engine
    task = {"Names": ["/web.1.x"], "Labels": {"com.docker.swarm.task.name": "web.1.x"}}
    answers.update({"/info": MANAGER, "/nodes": [NODE, WORKER], "/containers/json": [task]})
    found = swarm_node.find_swarm(reader)
    assert (found.state, found.manager, found.cluster_id, found.managers) == ("active", True, "c1", ("192.0.2.1:2377",))
    assert found.tasks == ("web.1.x",)
    worker, manager = found.nodes
    assert (manager.address, manager.reachability, manager.leader, manager.labels) == (
        "192.0.2.1", "reachable", True, {"disk": "ssd"})
    assert (worker.hostname, worker.state, worker.address, worker.reachability) == ("a-two", "down", "192.0.2.2", "")


def test_outside_of_a_swarm(engine: tuple[EngineReader, dict[str, t.Any]]) -> None:
    reader, answers = engine
    answers.update({"/info": {"Swarm": {"LocalNodeState": "inactive"}, "LiveRestoreEnabled": True}, "/containers/json": []})
    assert swarm_node.find_swarm(reader) == swarm_node.SwarmFound(state="inactive", live_restore=True)


def test_no_engine(tmp_path: pathlib.Path) -> None:
    reader = EngineReader(str(tmp_path / "none.sock"))
    found = swarm_node.find_swarm(reader)
    assert (found.state, found.manager) == ("none", False)
    assert "does not answer" in found.error
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (taken,) = swarm_node.find_ports(reader, [port], manager=False)
        assert (taken.free, taken.service) == (False, "")
        assert "process" in taken.holder
    assert swarm_node.find_ports(reader, [port], manager=False) == [swarm_node.PortFound(port, True)]


def test_ports_and_who_publishes_them(engine: tuple[EngineReader, dict[str, t.Any]]) -> None:
    reader, answers = engine
    answers["/services"] = [
        {"Spec": {"Name": "web"}, "Endpoint": {"Ports": [{"PublishedPort": 8080, "Protocol": "tcp"}, {"TargetPort": 9}]}},
        {"Spec": {"Name": "dns"}, "Endpoint": {"Ports": [{"PublishedPort": 8081, "Protocol": "udp"}]}},
        {"Spec": {"Name": "quiet"}, "Endpoint": {}},
        {"Spec": {"Name": "own", "EndpointSpec": {"Ports": [{"PublishedPort": 8083, "PublishMode": "host"}]}}, "Endpoint": {}},
    ]
    answers["/containers/json"] = [
        {"Names": ["/old"], "Ports": [{"PublicPort": 8082, "Type": "tcp"}, {"PrivatePort": 5, "Type": "tcp"}]},
        {"Names": ["/none"], "Ports": None},
    ]
    web, dns, old, own = swarm_node.find_ports(reader, [8080, 8081, 8082, 8083], manager=True)
    assert own.service == "own"
    assert web == swarm_node.PortFound(8080, False, "the service web", "web")
    assert dns.free
    assert old == swarm_node.PortFound(8082, False, "the container old")
    assert swarm_node.find_ports(reader, [8080], manager=False)[0].free


def test_addresses() -> None:
    assert swarm_node.own_addresses(["127.0.0.1", "192.0.2.77", "no address"]) == ["127.0.0.1"]


def test_the_address_on_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nowhere:
        def __init__(self, family: int, _kind: int) -> None:
            self.family = family

        def __enter__(self) -> object:
            return self

        def __exit__(self, *_error: object) -> None:
            """Close nothing."""

        def connect(self, _address: object) -> None:
            if self.family == socket.AF_INET or not self.six:
                raise OSError("Network is unreachable")

        def getsockname(self) -> tuple[str, int]:
            return ("2001:db8::5", 4)

        six = True

    monkeypatch.setattr(swarm_node.socket, "socket", Nowhere)
    assert swarm_node.default_address() == "2001:db8::5"
    monkeypatch.setattr(Nowhere, "six", False)
    assert swarm_node.default_address() == ""


def test_a_service(engine: tuple[EngineReader, dict[str, t.Any]]) -> None:
    reader, answers = engine
    answers["/services/registry"] = {
        "Spec": SPEC,
        "PreviousSpec": {"TaskTemplate": {"ContainerSpec": {"Secrets": [{"SecretName": "registry-config-1"}]}}},
        "UpdateStatus": {"State": "completed"},
    }
    found = swarm_service.find_service(reader, "registry")
    assert (found.exists, found.image, found.replicas, found.update_state) == (True, "registry:3", 1, "completed")
    assert found.ports == ({"published_port": 5000, "mode": "host"}, {"published_port": 0, "mode": "ingress"})
    assert (found.bound, found.bound_before) == (("a-1", "registry-config-2"), ("registry-config-1",))
    assert swarm_service.find_service(reader, "other") == swarm_service.ServiceFound()
    answers["otherwise"] = 503
    with pytest.raises(EngineFailed):
        swarm_service.find_service(reader, "other")


def test_objects(engine: tuple[EngineReader, dict[str, t.Any]]) -> None:
    reader, answers = engine
    answers["/secrets"] = [{"ID": "2", "Spec": {"Name": "b", "Labels": {"k": "v"}}}, {"ID": "1", "Spec": {"Name": "a"}}]
    assert swarm_service.find_objects(reader, "secrets", "k=v") == [
        swarm_service.ObjectFound("a", "1", {}), swarm_service.ObjectFound("b", "2", {"k": "v"})]
