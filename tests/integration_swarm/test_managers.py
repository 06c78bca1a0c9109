# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several managers: they join, leave one after the other, so that those who stay can still decide, and come back."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from nodes import node, play, run  # noqa: E402  # found only after the line above

HOSTS = [f"dockyard-manager-{number}" for number in (1, 2, 3)]


@pytest.fixture(scope="module")
def inventory(tmp_path_factory):
    with contextlib.ExitStack() as stack:
        for name in HOSTS:
            stack.enter_context(node(name, "--hostname", name))
        path = tmp_path_factory.mktemp("managers") / "hosts.yml"
        path.write_text(json.dumps({"all": {
            "vars": {"ansible_connection": "community.docker.docker", "ansible_become": False,
                     "ansible_python_interpreter": "/usr/bin/python3"},
            "children": {"swarm_managers": {"hosts": dict.fromkeys(HOSTS, {})}, "swarm_workers": {"hosts": {}}}}}))
        yield path


def managers():
    """The state of each manager, as the first one knows it."""
    form = "{{if .ManagerStatus}}{{.Hostname}} {{.ManagerStatus}}{{end}}"
    shown = run(HOSTS[0], "docker", "node", "ls", "--format", form).splitlines()
    return {line.split()[0]: line.split()[1] for line in shown if len(line.split()) == 2}


def test_managers_join_and_go(inventory):
    done = play("swarm_node", inventory, timeout=600)
    assert done.code == 0, done.printed
    assert "SWMTKN" not in done.printed
    assert managers() == {HOSTS[0]: "Leader", HOSTS[1]: "Reachable", HOSTS[2]: "Reachable"}
    again = play("swarm_node", inventory, timeout=600)
    assert again.code == 0, again.printed
    assert [again.changed(name) for name in HOSTS] == [0, 0, 0]

    # Two of three: the second one, too, goes with the word of a majority.
    gone = play("swarm_node", inventory, "--limit", f"{HOSTS[1]},{HOSTS[2]}", timeout=600, swarm_cluster_state="absent")
    assert gone.code == 0, gone.printed
    assert managers() == {HOSTS[0]: "Leader"}
    for name in HOSTS[1:]:
        assert run(name, "docker", "info", "-f", "{{.Swarm.LocalNodeState}}").strip() == "inactive"

    # The last one is the Swarm.
    refused = play("swarm_node", inventory, "--limit", HOSTS[0], timeout=600, swarm_cluster_state="absent")
    assert (refused.code, refused.changed(HOSTS[0])) == (2, 0), refused.printed
    assert "no manager of the inventory would be left" in refused.printed
    assert managers() == {HOSTS[0]: "Leader"}

    back = play("swarm_node", inventory, timeout=600)
    assert back.code == 0, back.printed
    end = time.monotonic() + 60
    while list(managers().values()).count("Reachable") != 2:
        assert time.monotonic() < end, managers()
        time.sleep(0.5)
