# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts restart, drop off the network, come and go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from swarm_hosts import NAME, REGISTRY, address, note, output, page, play, spread, tool, until

NODES = "docker node ls --format '{{.Hostname}} {{.Status}} {{.Availability}}'"


def states() -> dict[str, str]:
    """Each node's state, such as "Ready Active"."""
    return {line.split()[0]: line.partition(" ")[2] for line in output(1, NODES).splitlines()}


def serves(number: int) -> bool:
    """Whether a host's port 80 answers."""
    return "Welcome to nginx" in page(number)


def test_host_3_restarts() -> None:
    tool("stop", 3)
    until("host 3 is seen to be down", lambda: states()[f"{NAME}-3"].startswith("Down"))
    until("its tasks run elsewhere", lambda: sum(spread().values()) == 15 and f"{NAME}-3" not in spread())
    tool("start", 3)
    note("host 3 restarted: seconds until it is ready and serves", round(until("host 3", lambda: states()[f"{NAME}-3"].startswith("Ready") and serves(3))))
    output(3, f"docker pull {REGISTRY}/team/hello:1")


def test_a_node_is_unplugged_and_comes_back() -> None:
    tool("unplug", 2)
    try:
        note("host 2 unplugged: seconds until it is seen to be down", round(until("down", lambda: states()[f"{NAME}-2"].startswith("Down"))))
        until("15 run on the others", lambda: sum(spread().values()) == 15 and f"{NAME}-2" not in spread())
        assert serves(1) and serves(3)
    finally:
        tool("plug", 2)
    note("host 2 plugged in: seconds until it is ready and serves", round(until("host 2", lambda: states()[f"{NAME}-2"].startswith("Ready") and serves(2))))


@pytest.fixture
def four(inventory: str, tmp_path: Path) -> str:
    """An inventory of the fourth host, to be given besides the others'."""
    tool("up", 4)
    hosts = {"swarm_workers": {"hosts": {f"{NAME}-4": {}}}}
    path = tmp_path / "fourth.yml"
    path.write_text(json.dumps({"all": {"children": hosts}}), encoding="utf-8")
    return str(path)


def test_a_fourth_host_comes_and_goes(inventory: str, four: str) -> None:
    # As prepare.yml does for the others.
    output(4, "echo 127.0.0.1 registry-1.docker.io >> /etc/hosts")
    # As documented; the tag is that which runs by now, so that no update moves tasks.
    played = play(inventory, "swarm", "-i", four, "--limit", f"swarm_managers:{NAME}-4", swarm_rollout_tag="next")
    assert played.code == 0
    assert states()[f"{NAME}-4"] == "Ready Active"
    until("the mesh on host 4", lambda: serves(4))
    assert "UNAUTHORIZED" in page(4, f"https://{address(4)}:5000/v2/")
    output(4, f"docker pull {REGISTRY}/team/hello:1")
    # Tasks do not move by themselves; the next go where there are fewest: to host 2, which was unplugged, and host 4.
    assert sum(spread().values()) == 10, "the playbook has put back the inventory's number"
    output(1, "docker service scale --detach nginx=12")
    until("one runs on host 4", lambda: spread().get(f"{NAME}-4"))

    played = play(inventory, "swarm_node", "-i", four, "--limit", f"{NAME}-4", swarm_cluster_state="absent")
    assert played.code == 0
    assert f"{NAME}-4" not in states()
    assert "inactive" in output(4, "docker info --format '{{.Swarm.LocalNodeState}}'")
    until("twelve run on the others", lambda: sum(spread().values()) == 12 and f"{NAME}-4" not in spread())
    tool("stop", 4)


def test_a_manager_that_cannot_be_reached_is_refused(inventory: str) -> None:
    """Nothing has changed, and the message names the manager."""
    before = states()
    tool("unplug", 1)
    try:
        played = play(inventory, "swarm", "-T", "10")
    finally:
        tool("plug", 1)
    assert played.code != 0
    assert f"{NAME}-1" in played.printed and "cannot be reached" in played.printed
    assert set(played.changed.values()) <= {0}
    until("the node is back", lambda: states() == before)
