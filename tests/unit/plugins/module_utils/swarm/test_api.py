# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Talking to a manager: what is asked, what is handed over, and what a failure says."""

from __future__ import annotations

import sys

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import Credentials, IdentityToken, RegistryToken
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.api import SdkMissing, connect, encode_login, resolve
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.errors import InvalidService, SwarmError
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.swarm.cluster import make_spec
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.swarm.fake_manager import (
    Answer,
    APIError,
    DockerException,
    FakeManager,
    install,
    read_login,
)

SOCKET = "unix:///var/run/docker.sock"


@pytest.fixture
def manager(monkeypatch):
    """A manager that the SDK finds."""
    fake = FakeManager()
    fake.made = install(monkeypatch, fake)
    return fake


def test_without_the_sdk(monkeypatch):
    monkeypatch.setitem(sys.modules, "docker", None)
    with pytest.raises(SdkMissing) as caught:
        connect(SOCKET)
    assert "python3-docker" in str(caught.value)
    assert "docker by pip" in str(caught.value)


def test_how_the_client_is_made(manager):
    connect("tcp://192.0.2.1:2375").close()
    assert manager.made == [{"base_url": "tcp://192.0.2.1:2375", "version": "auto", "timeout": 60, "tls": False}]
    assert manager.closed


def test_an_engine_that_is_not_there(manager):
    manager.failure = DockerException("Error while fetching server API version: ('Connection aborted.', FileNotFoundError(2))")
    with pytest.raises(SwarmError) as caught:
        connect(SOCKET)
    assert "the engine at unix:///var/run/docker.sock does not answer" in str(caught.value)
    assert "docker_host" in str(caught.value)


@pytest.mark.parametrize(
    ("swarm", "says"),
    [
        ({"LocalNodeState": "active", "ControlAvailable": False}, "is a worker. Run the task on a manager"),
        ({"LocalNodeState": "inactive"}, "is not in a Swarm (its state is inactive). Make it a manager first"),
        ({}, "is not in a Swarm"),
    ],
)
def test_no_manager(manager, swarm, says):
    manager.swarm = swarm
    with pytest.raises(SwarmError) as caught:
        connect(SOCKET).check_manager()
    assert says in str(caught.value)


def test_what_is_found(manager):
    swarm = connect(SOCKET)
    swarm.check_manager()
    assert swarm.networks() == {"net": "n1"}
    assert swarm.configs() == {"conf": "c1"}
    assert swarm.secrets() == {"key": "k1"}
    assert [node["ID"] for node in swarm.nodes()] == ["node1"]
    assert swarm.find_service("web") is None
    assert swarm.service("s1") is None


def test_a_service_is_found_by_its_whole_name(manager):
    swarm = connect(SOCKET)
    swarm.create(make_spec(name="web-2"), None, "")
    assert swarm.find_service("web") is None
    assert swarm.find_service("web-2")["ID"] == "s1"
    assert len(swarm.tasks("s1")) == 1
    assert swarm.tasks("s2") == []


def test_registries_that_need_no_tls(manager):
    swarm = connect(SOCKET)
    assert not swarm.is_insecure("registry.example.com")
    manager.registry_config = {"IndexConfigs": {"registry.example.com": {"Secure": False}, "docker.io": {"Secure": True}}}
    assert swarm.is_insecure("registry.example.com")
    assert not swarm.is_insecure("docker.io")


def test_the_login_goes_with_what_is_written(manager):
    swarm = connect(SOCKET)
    swarm.create(make_spec(), Credentials("ada", "hunter2"), "registry.example.com")
    swarm.update(swarm.service("s1"), make_spec(replicas=2), None, "")
    swarm.roll_back(swarm.service("s1"))
    assert manager.logins == [{"username": "ada", "password": "hunter2", "serveraddress": "registry.example.com"}, None, None]
    assert manager.writes == [
        ("/create", {}),
        ("/s1/update", {"version": 11}),
        ("/s1/update", {"version": 12, "rollback": "previous", "registryAuthFrom": "previous-spec"}),
    ]


@pytest.mark.parametrize(("login", "key"), [(IdentityToken("secret"), "identitytoken"), (RegistryToken("secret"), "registrytoken")])
def test_tokens_in_the_header(login, key):
    assert read_login(encode_login(login, "r")) == {key: "secret", "serveraddress": "r"}


def test_a_service_that_was_changed_meanwhile(manager):
    swarm = connect(SOCKET)
    swarm.create(make_spec(), None, "")
    service = swarm.service("s1")
    swarm.update(service, make_spec(replicas=2), None, "")
    with pytest.raises(SwarmError, match="answered 500: .*out of sequence.* Somebody else changed the service"):
        swarm.update(service, make_spec(replicas=3), None, "")


def test_a_port_that_another_service_has(manager):
    manager.failure = Answer(400, {"message": "port '80' is already in use by service 'other' (x) as an ingress port"})
    with pytest.raises(SwarmError, match="answered 400: port '80' is already in use by service 'other'"):
        connect(SOCKET).create(make_spec(), None, "")


def test_what_is_no_json(manager):
    manager.failure = Answer(502, "<html>Bad\nGateway</html>")
    with pytest.raises(SwarmError, match="answered 502: <html>Bad Gateway</html>"):
        connect(SOCKET).create(make_spec(), None, "")


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (APIError(503, "rpc error: code = Unknown desc = The swarm does not have a leader. no leader"), "lost most of its managers"),
        (APIError(500, "boom"), "answered 500: boom."),
        (ConnectionRefusedError("refused"), "does not answer: refused. Is Docker running"),
        (DockerException("odd"), "does not answer: odd."),
    ],
)
def test_a_manager_in_trouble(manager, failure, says):
    swarm = connect(SOCKET)
    swarm.create(make_spec(), None, "")
    manager.failure = failure
    for call in (swarm.networks, lambda: swarm.service("s1"), swarm.nodes, lambda: swarm.tasks("s1"), swarm.check_manager):
        with pytest.raises(SwarmError) as caught:
            call()
        assert says in str(caught.value)


def test_removing_twice(manager):
    swarm = connect(SOCKET)
    swarm.create(make_spec(), None, "")
    swarm.remove("s1")
    swarm.remove("s1")
    assert not manager.services_by_id


def test_names_that_the_swarm_does_not_have():
    assert resolve(["a"], {"a": "1", "b": "2"}, "config") == {"a": "1"}
    with pytest.raises(InvalidService, match="the Swarm has no secret registry-key. Make it first; there is registry-keys."):
        resolve(["registry-key"], {"registry-keys": "1", "x": "2"}, "secret")
    with pytest.raises(InvalidService, match=r"Make it first\.$"):
        resolve(["registry-key"], {}, "secret")
