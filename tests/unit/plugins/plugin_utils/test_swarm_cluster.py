# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in the way of a Swarm, with the host, the variable and the way out."""

# Nothing here changes a default: pylint: disable=dangerous-default-value
from __future__ import annotations

import pytest

from ansible_collections.dockyard.registry.plugins.plugin_utils import swarm_cluster

SETTINGS = {
    "swarm_cluster_managers": ["one"],
    "swarm_cluster_workers": ["two", "three"],
    "swarm_cluster_port": 2377,
    "swarm_cluster_data_path_port": 4789,
    "swarm_cluster_address_pools": [],
    "swarm_cluster_address_pool_size": 24,
}
OUT = {"state": "inactive", "error": "", "node_id": "", "address": "", "manager": False, "cluster_id": "", "managers": [],
       "nodes": [], "tasks": [], "live_restore": False}
FREE = [{"port": 2377, "free": True, "holder": "", "service": ""}]


def node(number, name, role="worker", **changes):
    return {"node_id": f"id-{name}", "hostname": name, "role": role, "availability": "active", "state": "ready",
            "address": f"192.0.2.{number}", "reachability": "reachable" if role == "manager" else "", "leader": False,
            "labels": {}, **changes}


NODES = [node(1, "one", "manager"), node(2, "two"), node(3, "three")]


def host(name, role="worker", number=1, **changes):
    return {"host": name, "role": role, "in_play": True, "problem": "", "look": {"swarm": OUT, "ports": FREE},
            "address": f"192.0.2.{number}", "availability": "active", "labels": {}, **changes}


def member(name, role="worker", number=1, nodes=NODES, **changes):
    swarm = {**OUT, "state": "active", "node_id": f"id-{name}", "manager": role == "manager",
             "nodes": nodes if role == "manager" else [], "managers": ["192.0.2.1:2377"]}
    return host(name, role, number, look={"swarm": swarm, "ports": []}, **changes)


def bare(**changes):
    return [host("one", "manager", 1, **changes), host("two", number=2), host("three", number=3)]


def running(nodes=NODES, **changes):
    return [member("one", "manager", 1, nodes), member("two", number=2), member("three", number=3, **changes)]


def problems(hosts, state="present", **settings):
    return swarm_cluster.cluster_problems(hosts, state, {**SETTINGS, **settings})


def test_nothing_is_wrong():
    assert problems(bare()) == []
    assert problems(running()) == []
    assert problems([*running()[:2], host("three", number=3)]) == []
    alone = [host("one", "manager", address="127.0.0.1")]
    assert problems(alone, swarm_cluster_workers=[]) == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"swarm_cluster_managers": []}, ["swarm_cluster_managers is empty", "group swarm_managers"]),
        ({"swarm_cluster_workers": ["one", "two"]}, ["one is in swarm_managers and in swarm_workers"]),
        ({"swarm_cluster_workers": ["two"]}, ["three is in neither"]),
        ({"swarm_cluster_port": 70000}, ["swarm_cluster_port is 70000", "1 to 65535"]),
        ({"swarm_cluster_data_path_port": "80"}, ["swarm_cluster_data_path_port is '80'", "1024"]),
        ({"swarm_cluster_address_pools": ["10.0.0.0/33"]}, ["'10.0.0.0/33'", "no network", "10.20.0.0/16"]),
        ({"swarm_cluster_address_pools": ["10.0.0.0/28"]}, ["'10.0.0.0/28'", "smaller than", "/24"]),
    ],
)
def test_settings(settings, says):
    found = problems(bare(), **settings)
    assert len(found) == 1
    assert all(word in found[0] for word in says), found


def test_state():
    assert problems(bare(), "gone") == ["swarm_cluster_state is 'gone': it is one of present, absent."]


def test_a_manager_that_cannot_be_reached_is_named_and_nothing_is_said_of_others():
    hosts = [host("one", "manager", problem="Task failed: No route to host.", look={}), *running()[1:]]
    (found,) = problems(hosts)
    assert found.startswith("The manager one cannot be reached: No route to host. Nothing was changed")
    long = [host("one", "manager", problem="x" * 500, look={}), *running()[1:]]
    assert "x" * 157 + "..." not in problems(long)[0]
    assert len(problems(long)[0]) < 350


def test_a_manager_that_other_managers_cannot_reach():
    (found,) = problems(running([*NODES, node(9, "old", "manager", reachability="unreachable")]))
    assert "The manager old (192.0.2.9) cannot be reached by the other managers" in found
    assert "docker node demote id-old && docker node rm --force id-old" in found


def test_a_worker_that_cannot_be_reached_stops_nobody():
    assert problems([*running()[:2], host("three", problem="No route to host", look={})]) == []


@pytest.mark.parametrize(
    ("addresses", "says"),
    [
        (["127.0.0.1", "127.0.0.1"], ["127.0.0.1, which is loopback, on one, two", "3 hosts"]),
        (["127.0.0.1", "192.0.2.2"], ["127.0.0.1, which is loopback, on one"]),
        (["::1", "192.0.2.2"], ["::1, which is loopback, on one"]),
        (["192.0.2.2", "192.0.2.2"], ["192.0.2.2 on one and two", "an address of its own"]),
        (["192.0.2.300", "192.0.2.2"], ["of one is '192.0.2.300'", "neither an IP address nor"]),
    ],
)
def test_addresses(addresses, says):
    hosts = [{**one, "address": address} for one, address in zip(bare(), [*addresses, "192.0.2.3"], strict=True)]
    (found,) = problems(hosts)
    assert all(word in found for word in ["swarm_cluster_advertise_addr", *says]), found


def test_a_network_interface_is_an_address():
    assert problems(bare(address="eth1")) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"availability": "off"}, ["swarm_cluster_availability of one is 'off'", "active, pause, drain"]),
        ({"labels": ["ssd"]}, ["swarm_cluster_labels of one is ['ssd']", "mapping"]),
        ({"labels": {"dockyard.registry/a": True}}, ["'dockyard.registry/a'", "no constraint can name"]),
        ({"labels": {"disk": {"a": 1}}}, ["has disk {'a': 1}", "short text"]),
        ({"labels": {"disk": "<ssd>"}}, ["has disk '<ssd>'"]),
        ({"look": {"swarm": {**OUT, "state": "locked"}, "ports": []}}, ["The Swarm of one is locked", "docker swarm unlock"]),
        ({"look": {"swarm": {**OUT, "state": "error", "error": "no cert"}, "ports": []}}, ["state error: no cert"]),
        ({"look": {"swarm": {**OUT, "live_restore": True}, "ports": FREE}}, ["live-restore", "daemon.json"]),
        ({"look": {"swarm": OUT, "ports": [{**FREE[0], "free": False, "holder": "etcd (process 7)"}]}},
         ["swarm_cluster_port is 2377", "on one etcd (process 7) has that port"]),
        ({"in_play": False}, ["There is no Swarm yet, and one", "--limit"]),
    ],
)
def test_nodes(changes, says):
    found = problems(bare(**changes))
    assert len(found) == 1
    assert all(word in found[0] for word in says), found


def test_a_node_of_another_swarm_is_left_there():
    stranger = member("three", number=3)
    (found,) = problems([*running(NODES[:2])[:2], stranger])
    assert "three is a node of another Swarm already (its managers: 192.0.2.1:2377)" in found
    assert found.endswith("docker swarm leave")
    (alone,) = problems([*bare()[:2], stranger])
    assert "three is a node of another Swarm" in alone


def test_members():
    hosts = running()
    found = swarm_cluster.members(hosts, "present")
    assert found["manager"] == "one"
    assert found["nodes"]["three"]["node_id"] == "id-three"
    assert swarm_cluster.members(bare(), "present") == {"manager": "", "nodes": {"one": {}, "two": {}, "three": {}}}
    assert swarm_cluster.members([{**one, "in_play": one["host"] == "one"} for one in hosts], "absent")["manager"] == ""


def leaving(hosts, *names):
    return [{**one, "in_play": one["host"] in names} for one in hosts]


def test_a_worker_leaves():
    assert problems(leaving(running(), "three"), "absent") == []
    assert problems(leaving(bare(), "three"), "absent") == []


def test_the_last_manager_does_not_leave():
    (found,) = problems(running(), "absent")
    assert "no manager of the inventory would be left" in found
    assert "--limit" in found


def test_a_node_with_a_registrys_images_does_not_leave():
    nodes = [*NODES[:2], node(3, "three", labels={"dockyard.registry.registry": "true"})]
    (found,) = problems(leaving(running(nodes), "three"), "absent")
    assert "three has the label dockyard.registry.registry" in found


def test_a_host_that_is_gone():
    gone = host("three", number=3, problem="No route to host", look={})
    down = [*NODES[:2], node(3, "three", state="down")]
    assert problems(leaving([*running(down)[:2], gone], "three"), "absent") == []
    (alive,) = problems(leaving([*running()[:2], gone], "three"), "absent")
    assert "the Swarm says that it is ready" in alive
    (unknown,) = problems(leaving([*running(NODES[:2])[:2], gone], "three"), "absent")
    assert "knows no single node of that name or address" in unknown


def test_a_node_of_another_swarm_is_not_removed():
    (found,) = problems(leaving(running(NODES[:2]), "three"), "absent")
    assert "three is a node of another Swarm than one" in found


def test_managers_stay_a_majority():
    nodes = [node(1, "one", "manager"), node(2, "two", "manager"), node(3, "three", "manager", reachability="unreachable")]
    hosts = [member("one", "manager", 1, nodes), member("two", "manager", 2, nodes)]
    (found,) = problems(leaving(hosts, "two"), "absent", swarm_cluster_managers=["one", "two"], swarm_cluster_workers=[])
    assert "Without two the Swarm would have 1 of 2 managers" in found


def test_labels_are_text():
    assert swarm_cluster.node_labels({"ssd": True, "rack": 3, "disk": "a"}) == {"ssd": "true", "rack": "3", "disk": "a"}
