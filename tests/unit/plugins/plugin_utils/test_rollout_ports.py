# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports that workloads are to be published at, and who has them already."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from ansible_collections.dockyard.registry.plugins.plugin_utils.rollout_ports import port_problems, published_ports

SHOP = {"image": "team/shop", "replicas": 2, "publish": [{"published_port": 8080, "target_port": 80}]}
SETTINGS = {
    "swarm_rollout_state": "present",
    "swarm_rollout_registry": "",
    "swarm_rollout_username": "",
    "swarm_rollout_password": "",
    "swarm_rollout_workloads": [SHOP],
    "swarm_rollout_workload": "",
    "swarm_rollout_image": "",
    "swarm_rollout_tag": "",
    "swarm_rollout_replicas": 0,
    "swarm_rollout_publish_mode": "auto",
    "swarm_rollout_network": "workloads",
}
FREE = MappingProxyType({"port": 8080, "free": True, "holder": "", "service": ""})
CADDY = {**FREE, "free": False, "holder": "caddy (process 7)"}


def settings(**given):
    return {**SETTINGS, **{f"swarm_rollout_{key}": value for key, value in given.items()}}


def published(service):
    return {**FREE, "free": False, "holder": f"the service {service}", "service": service}


def nodes(first=FREE, second=FREE, *, swarm=True, ipvs=True):
    names = ("one", "two")
    listed = [{"node_id": f"id-{name}", "hostname": name, "role": "worker", "availability": "active", "state": "ready",
               "labels": {"web": "yes"} if name == "one" else {}} for name in names]
    return [
        {"host": name, "look": {
            "swarm": {"manager": swarm and name == "one", "state": "active" if swarm else "inactive",
                      "node_id": f"id-{name}" if swarm else "", "nodes": listed if swarm and name == "one" else []},
            "ipvs": {"available": ipvs, "reason": ""},
            "ports": [{**port, "service": port["service"] if name == "one" else ""}],
        }}
        for name, port in zip(names, (first, second), strict=True)
    ]


@pytest.mark.parametrize("ipvs", [True, False])
@pytest.mark.parametrize("swarm", [True, False])
def test_a_port_that_something_on_a_node_has(swarm, ipvs):
    assert port_problems(settings(), nodes(swarm=swarm, ipvs=ipvs)) == []
    (found,) = port_problems(settings(), nodes(FREE, CADDY, swarm=swarm, ipvs=ipvs))
    assert found == ("shop: published_port is 8080, and on two caddy (process 7) has that port. End it, or choose another "
                     "published_port.")


def test_a_port_of_its_own():
    """A worker sees a container or its engine there, and only the manager knows whose that is."""
    task = {**CADDY, "holder": "the container shop.1.abc"}
    for ipvs in (True, False):
        assert port_problems(settings(), nodes(published("shop"), task, ipvs=ipvs)) == []


def test_a_port_of_another_service():
    (found,) = port_problems(settings(), nodes(published("web"), CADDY))
    assert "and the service web publishes that port" in found
    # Without the mesh the two may be on different nodes: that is the scheduler's business.
    assert port_problems(settings(), nodes(published("web"), CADDY, ipvs=False)) == []


def test_only_nodes_that_may_run_a_task_count_without_the_mesh():
    there = [{**SHOP, "replicas": 1, "constraints": ["node.labels.web==yes"]}]
    assert port_problems(settings(workloads=there), nodes(FREE, CADDY, ipvs=False)) == []
    assert len(port_problems(settings(workloads=there), nodes(CADDY, FREE, ipvs=False))) == 1
    assert len(port_problems(settings(workloads=there), nodes(FREE, CADDY))) == 1


def test_what_is_not_published_needs_no_port():
    many = [{**SHOP, "replicas": 9}]
    assert port_problems(settings(workloads=many), nodes(CADDY, CADDY, ipvs=False)) == []
    for given in ({"state": "absent"}, {"publish_mode": "none"}, {"workloads": "no list"}):
        assert port_problems(settings(**given), nodes(CADDY, CADDY)) == []
    udp = [{**SHOP, "publish": [{"published_port": 8080, "target_port": 80, "protocol": "udp"}]}]
    assert port_problems(settings(workloads=udp), nodes(CADDY, CADDY)) == []


@pytest.mark.parametrize("key", ["update", "rollback"])
def test_an_order_that_cannot_work_on_these_kernels(key):
    workloads = [{**SHOP, key: {"order": "start-first"}}]
    assert port_problems(settings(workloads=workloads), nodes()) == []
    (found,) = port_problems(settings(workloads=workloads), nodes(ipvs=False))
    assert f"shop: {key}.order is 'start-first', and without IPVS in all kernels port 8080" in found


def test_without_a_manager_nobody_is_blamed():
    assert port_problems(settings(), nodes(CADDY, CADDY)[1:]) == []


@pytest.mark.parametrize(
    ("given", "ports"),
    [
        ({}, [8080]),
        ({"state": "absent"}, []),
        ({"workloads": "no list"}, []),
        ({"workloads": [{"image": "a"}, SHOP]}, [8080]),
        ({"workloads": [{"image": "a"}, SHOP], "workload": "a"}, []),
        ({"workloads": [{**SHOP, "publish": [{"published_port": "53", "target_port": 53},
                                             {"published_port": 54, "target_port": 54, "protocol": "udp"}]}]}, [53]),
    ],
)
def test_which_ports_are_asked_about(given, ports):
    assert published_ports(settings(**given)) == ports
