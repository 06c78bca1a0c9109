# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a list of workloads, which of them is meant, and what becomes of it."""

# Nothing here changes a default: pylint: disable=dangerous-default-value
from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.dockyard.registry.plugins.module_utils.swarm.options import argument_spec
from ansible_collections.dockyard.registry.plugins.plugin_utils.rollouts import (
    PASSED_ON,
    last_part,
    rollout_problems,
    rollout_services,
)

ROLE = Path(__file__).resolve().parents[4] / "roles" / "swarm_rollout"
DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
SHOP = {"image": "team/shop", "tag": "2.4", "replicas": 2, "publish": [{"published_port": 8080, "target_port": 80}]}
JOBS = {"name": "jobs", "image": "registry.example.com:5000/team/jobs:1"}


def settings(**given):
    return {**DEFAULTS, **{f"swarm_rollout_{key}": value for key, value in given.items()}}


def node(number, **given):
    return {"node_id": f"n{number}", "hostname": f"host{number}", "role": "manager" if number == 1 else "worker",
            "availability": "active", "state": "ready", "address": f"192.0.2.{number}", "labels": {}, **given}


NODES = [node(1), node(2), node(3)]


def services(nodes=NODES, ipvs=True, **given):
    assert rollout_problems(settings(**given)) == []
    return rollout_services(settings(**given), nodes, ipvs)


def test_the_defaults_are_good():
    (found,) = services(registry="registry.example.com")
    params = found["params"]
    assert (params["name"], params["image"], params["replicas"]) == ("nginx", "registry.example.com/nginx:latest", 10)
    assert params["networks"] == ["workloads"]
    assert params["publish"] == [{"published_port": 80, "target_port": 80, "protocol": "tcp", "mode": "ingress"}]
    assert params["update_config"] == {"order": "start-first", "failure_action": "rollback", "parallelism": 2}
    assert params["rollback_config"] == {"order": "start-first", "parallelism": 2}
    assert (params["stop_signal"], params["stop_grace_period"], params["endpoint_mode"]) == ("SIGQUIT", "30s", "vip")
    assert found["notes"] == []


def test_all_that_is_handed_on_is_an_option_of_the_module():
    spec = argument_spec()
    assert not set(PASSED_ON) - set(spec)
    (found,) = services()
    assert not set(found["params"]) - set(spec)


def test_the_role_hands_on_all_of_it():
    task = yaml.safe_load((ROLE / "tasks" / "workload.yml").read_text())[0]["dockyard.registry.service"]
    assert not set(PASSED_ON) - set(task)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"publish_mode": "mesh"}, ["swarm_rollout_publish_mode is 'mesh'", "auto, ingress, host, none"]),
        ({"state": "gone"}, ["swarm_rollout_state is 'gone'"]),
        ({"registry": "https://registry.example.com"}, ["swarm_rollout_registry is 'https://registry.example.com'", "without https://"]),
        ({"username": "ci"}, ["only one is given"]),
        ({"password": "hunter2"}, ["only one is given"]),
        ({"workloads": {"image": "nginx"}}, ["is not a list"]),
        ({"workloads": ["nginx"]}, ["swarm_rollout_workloads[0] has no image"]),
        ({"workloads": [{"image": "nginx", "replica": 2}]}, ["swarm_rollout_workloads[0] (nginx) has replica", "replicas"]),
        ({"workloads": [SHOP, {**JOBS, "name": "shop"}]}, ["swarm_rollout_workloads[1]: the name shop is there twice"]),
        ({"workloads": [{**SHOP, "name": "s" * 64}]}, ["swarm_rollout_workloads[0]: the service's name is", "64 characters", "63 at most"]),
        ({"workloads": [{"image": "team/shop.web"}]}, ["swarm_rollout_workloads[0]: the service's name is 'shop.web'", "Set its name"]),
        ({"workloads": [SHOP, JOBS], "tag": "3"}, ["swarm_rollout_tag is '3'", "shop, jobs", "swarm_rollout_workload"]),
        ({"workloads": [SHOP, JOBS], "state": "rolled_back"}, ["there are 2 workloads: shop, jobs"]),
        ({"workloads": [], "replicas": 3}, ["0 workloads: none"]),
        ({"workload": "web"}, ["swarm_rollout_workload is 'web'", "has nginx", "swarm_rollout_image"]),
        ({"workloads": [{"image": "nginx:1", "tag": "2"}]}, ["nginx: image is 'nginx:1', which has a tag", "tag is '2'"]),
        ({"workloads": [{"image": "NGINX"}]}, ["NGINX: image is 'NGINX'", "lower-case"]),
        ({"replicas": "many"}, ["nginx: replicas is 'many'", "whole number"]),
        ({"workloads": [{**SHOP, "update": {"paralellism": 2}}]}, ["shop: update is", "parallelism"]),
        ({"workloads": [{**SHOP, "rollback": "fast"}]}, ["shop: rollback is 'fast'"]),
        ({"workloads": [{**SHOP, "publish": "80:80"}]}, ["shop: publish is '80:80'", "published_port"]),
        ({"workloads": [{**SHOP, "publish": [{"published_port": 0, "target_port": 80}]}]}, ["shop: publish[0] is"]),
        ({"workloads": [{**SHOP, "publish": ["80:80"]}]}, ["shop: publish[0] is '80:80'"]),
        ({"workloads": [{**SHOP, "update": {"order": "start-first"}}], "publish_mode": "host"},
         ["shop: update.order is 'start-first'", "mode host (swarm_rollout_publish_mode)", "stop-first"]),
    ],
)
def test_problems(given, says):
    (problem,) = rollout_problems(settings(**given))
    for text in says:
        assert text in problem
    assert "hunter2" not in problem


def test_a_mesh_that_the_kernel_does_not_have():
    ipvs = [("host1", True), ("host2", False)]
    (problem,) = rollout_problems(settings(publish_mode="ingress"), ipvs)
    assert "the kernel of host2 has no IPVS" in problem
    assert "auto" in problem
    assert rollout_problems(settings(publish_mode="auto"), ipvs) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [("shop", "team/shop:2.4", 2), ("jobs", "registry.example.com:5000/team/jobs:1", 1)]),
        ({"image": "team/shop", "tag": "2.5"}, [("shop", "team/shop:2.5", 2)]),
        ({"image": "team/shop:2.6"}, [("shop", "team/shop:2.6", 2)]),
        ({"image": "r.example.com/shop", "replicas": 3}, [("shop", "r.example.com/shop:2.4", 3)]),
        ({"workload": "shop", "replicas": "15"}, [("shop", "team/shop:2.4", 15)]),
        ({"image": "other/jobs:2"}, [("jobs", "other/jobs:2", 1)]),
        ({"image": "nginx", "tag": "1"}, [("nginx", "nginx:1", 1)]),
        ({"image": "nginx", "workload": "web"}, [("web", "nginx", 1)]),
        ({"registry": "r:5000"}, [("shop", "r:5000/team/shop:2.4", 2), ("jobs", "registry.example.com:5000/team/jobs:1", 1)]),
        ({"registry": "r:5000", "image": "localhost/x"}, [("x", "localhost/x", 1)]),
    ],
)
def test_which_is_meant(given, expected):
    found = [service["params"] for service in services(workloads=[SHOP, JOBS], **given)]
    assert [(params["name"], params["image"], params["replicas"]) for params in found] == expected


def test_one_of_one_needs_no_name():
    (found,) = services(replicas="15", tag="next")
    assert (found["params"]["replicas"], found["params"]["image"]) == (15, "nginx:next")
    assert rollout_problems(settings(state="rolled_back")) == []


@pytest.mark.parametrize(
    ("image", "name"),
    [("nginx", "nginx"), ("team/shop:2", "shop"), ("r:5000/a/b@sha256:0", "b"), ("r.example.com/c:1@sha256:0", "c")],
)
def test_the_last_part(image, name):
    assert last_part(image) == name


def test_without_ipvs_few_replicas_have_the_nodes_ports():
    (found,) = services(ipvs=False, workloads=[SHOP])
    params = found["params"]
    assert [port["mode"] for port in params["publish"]] == ["host"]
    assert params["endpoint_mode"] == "dnsrr"
    assert (params["update_config"]["order"], params["rollback_config"]["order"]) == ("stop-first", "stop-first")
    assert "Port 8080 is published on the 2 of 3 nodes" in found["notes"][0]
    assert "no routing mesh" in found["notes"][0]
    assert "does not answer for a moment" in found["notes"][1]


def test_without_ipvs_many_replicas_are_reached_by_name_and_that_is_told():
    (found,) = services(ipvs=False)
    params = found["params"]
    assert params["publish"] == []
    assert params["endpoint_mode"] == "dnsrr"
    assert params["update_config"]["order"] == "start-first"
    (note,) = found["notes"]
    for text in ("10 tasks cannot share port 80 of 3 nodes", "NOT published", "reached as nginx on the network workloads", "3 replicas at most"):
        assert text in note


def test_a_workload_on_no_network_and_no_port_is_told_so():
    workload = {**SHOP, "replicas": 4, "networks": [{"name": "front"}]}
    (found,) = services(ipvs=False, workloads=[workload], network="")
    assert "on the network front" in found["notes"][0]
    (found,) = services(nodes=[node(1)], ipvs=False, workloads=[SHOP], network="")
    assert "cannot share port 8080 of 1 node, " in found["notes"][0]
    assert "on no network either" in found["notes"][0]


def test_only_nodes_that_may_have_a_task_count():
    nodes = [node(1), node(2, availability="drain"), node(3, state="down"), node(4, labels={"web": "yes"})]
    (found,) = services(nodes=nodes, publish_mode="host", workloads=[SHOP])
    assert found["params"]["publish"]
    constraints = ["node.labels.web==yes", "node.platform.os==linux"]
    (found,) = services(nodes=nodes, publish_mode="host", workloads=[{**SHOP, "constraints": constraints}])
    assert "of 1 node" in found["notes"][0]


def test_a_global_workload_has_every_nodes_port():
    (found,) = services(ipvs=False, workloads=[{**SHOP, "mode": "global"}])
    assert "replicas" not in found["params"]
    assert "published on each node" in found["notes"][0]


def test_nothing_published():
    (found,) = services(publish_mode="none")
    assert (found["params"]["publish"], found["notes"]) == ([], [])


def test_an_order_that_is_given_is_kept():
    (found,) = services(publish_mode="host", workloads=[{**SHOP, "update": {"order": "stop-first"}}])
    assert found["params"]["update_config"]["order"] == "stop-first"
    assert len(found["notes"]) == 1
