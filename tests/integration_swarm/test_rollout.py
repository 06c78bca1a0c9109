# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook rollout on a Swarm whose kernel has no IPVS: steady requests by the workload's name, and what is refused."""

from __future__ import annotations

import subprocess

import pytest
import yaml
from nodes import ROOT, play
from swarm_node import LOGIN, NODE, REGISTRY, Load, containers, run, succeeds, until

pytestmark = pytest.mark.usefixtures("swarm_of_one")

NETWORK = "rollout-net"
DEFAULTS = yaml.safe_load((ROOT / "roles" / "swarm_rollout" / "defaults" / "main.yml").read_text())
NGINX = {
    **DEFAULTS["swarm_rollout_workloads"][0],
    "tag": "1",
    "replicas": 3,
    "healthcheck": {**DEFAULTS["swarm_rollout_workloads"][0]["healthcheck"], "interval": "1s", "start_period": "1s"},
}
VARIABLES = {
    "swarm_rollout_registry": REGISTRY,
    "swarm_rollout_username": LOGIN["username"],
    "swarm_rollout_password": LOGIN["password"],
    "swarm_rollout_network": NETWORK,
    "swarm_rollout_workloads": [NGINX],
}


@pytest.fixture
def rollout(tmp_path):
    """Run the playbook on the node."""
    inventory = tmp_path / "hosts.yml"
    host = {
        "ansible_connection": "community.docker.docker",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_pipelining": True,
        # root, where there is no sudo
        "ansible_become": False,
    }
    inventory.write_text(yaml.safe_dump({"swarm_managers": {"hosts": {NODE: host}}}))

    def run_it(*arguments, **variables):
        return play("rollout", inventory, *arguments, **{**VARIABLES, **variables})

    yield run_it
    if succeeds("docker", "network", "inspect", NETWORK):
        assert run_it(swarm_rollout_state="absent").code == 0


def good(played):
    assert played.code == 0, "\n".join(played.lines)
    return played


def test_a_rolling_update_loses_no_request(rollout):
    first = good(rollout())
    assert "nginx: 3 of 3 run 127.0.0.1:5000/nginx:1@sha256:" in first.printed
    assert "NOT published. It is reached as nginx on the network rollout-net." in first.printed
    assert good(rollout()).changed(NODE) == 0

    loads = [Load("short", "http://nginx/", network=NETWORK), Load("kept", "http://nginx/", "kept", network=NETWORK)]
    updated = good(rollout(tag="2"))
    counted = [load.end() for load in loads]
    assert "run 127.0.0.1:5000/nginx:2@sha256:" in updated.printed
    for count in counted:
        assert count["failed"] == 0, count
        assert count["sent"] > 50, count

    back = good(rollout(workload="nginx", rollback=True))
    assert "nginx: 3 of 3 run 127.0.0.1:5000/nginx:1@sha256:" in back.printed
    assert good(rollout(rollback="true")).changed(NODE) == 0

    assert "nginx: 5 of 5 run" in good(rollout(replicas="5")).printed
    assert len(containers("nginx")) == 5
    assert LOGIN["password"] not in first.printed + updated.printed

    assert good(rollout(swarm_rollout_state="absent")).changed(NODE) == 2
    assert not containers("nginx")
    assert not succeeds("docker", "network", "inspect", NETWORK)
    assert good(rollout(swarm_rollout_state="absent")).changed(NODE) == 0


def test_one_replica_has_the_nodes_port(rollout):
    workload = {**NGINX, "replicas": 1, "publish": [{"published_port": 8090, "target_port": 80}]}
    first = good(rollout(swarm_rollout_workloads=[workload]))
    assert "Port 8090 is published on the 1 of 1 nodes that run a task." in first.printed
    assert "does not answer for a moment" in first.printed
    assert run(NODE, "curl", "-sf", "http://127.0.0.1:8090/")
    # Its own port is no obstacle.
    assert good(rollout(swarm_rollout_workloads=[workload])).changed(NODE) == 0


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"swarm_rollout_publish_mode": "ingress"}, [f"the kernel of {NODE} has no IPVS", "auto"]),
        ({"tag": "11"}, ["has no nginx:11.", "tags of nginx are"]),
        ({"workload": "web"}, ["swarm_rollout_workload is 'web'"]),
        ({"replicas": "-1"}, ["nginx: replicas is '-1'"]),
        ({"swarm_rollout_password": ""}, ["swarm_rollout_username and swarm_rollout_password only one is given"]),
        (
            {"swarm_rollout_workloads": [{**NGINX, "replicas": 1, "update": {"order": "start-first"}}], "swarm_rollout_publish_mode": "host"},
            ["update.order is 'start-first'", "mode host"],
        ),
        # The first of them is as it should be, and is not deployed either.
        ({"swarm_rollout_workloads": [NGINX, {"name": "shop", "image": "shop", "tag": "1"}]}, ["has no shop:1. It has nothing called shop."]),
    ],
)
def test_refused(rollout, variables, says):
    played = rollout(**variables)
    assert played.code == 2, played.printed
    for text in says:
        assert text in played.printed, played.printed
    assert played.changed(NODE) == 0
    assert LOGIN["password"] not in played.printed
    assert not containers("nginx")
    assert not succeeds("docker", "network", "inspect", NETWORK)


def test_a_port_that_is_taken(rollout):
    workload = {**NGINX, "replicas": 1, "publish": [{"published_port": 8091, "target_port": 80}]}
    taken = subprocess.Popen(["docker", "exec", NODE, "timeout", "200", "python3", "-m", "http.server", "8091"])
    try:
        until(lambda: succeeds("curl", "-s", "127.0.0.1:8091"))
        played = rollout(swarm_rollout_workloads=[workload])
    finally:
        run(NODE, "pkill", "-f", "http.server 8091")
        taken.wait(60)
    assert played.code == 2, played.printed
    assert f"nginx: published_port is 8091, and on {NODE} python3 (process" in played.printed, played.printed
    assert played.changed(NODE) == 0
    assert not succeeds("docker", "network", "inspect", NETWORK)


def test_a_host_that_is_no_manager(rollout):
    played = rollout(target="localhost", ansible_connection="local", ansible_become=False)
    assert played.code == 2
    assert "None of localhost answers and is a manager of a Swarm." in played.printed
