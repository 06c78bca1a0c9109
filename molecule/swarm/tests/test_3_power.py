# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The power of the registry's host fails in the middle of pushes, with nothing written down but what is on its disk."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from swarm_hosts import ALICE, NAME, REGISTRY, address, note, output, page, pull_again, pusher, spread, tool, until

URL = f"https://{address(1)}:5000/v2/team/cut"
LOGIN = f"alice:{ALICE[0]}"


def acknowledged(log: Path) -> list[dict[str, str]]:
    """The pushes that the registry answered."""
    return [line for line in map(json.loads, log.read_text(encoding="utf-8").splitlines()) if "tag" in line]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was pushed, a line each."""
    return tmp_path_factory.mktemp("cut") / "pushes"


def test_power_fails_in_the_middle_of_pushes(log: Path, ca: Path) -> None:
    log.touch()
    pushing = pusher(URL, log, LOGIN, ca, 2)
    try:
        until("20 images are acknowledged", lambda: len(acknowledged(log)) >= 20)
        tool("cut", 1)
        time.sleep(1)
    finally:
        pushing.send_signal(signal.SIGTERM)
        pushing.wait(30)
    began = time.monotonic()
    tool("start", 1)
    until("the registry answers", lambda: "UNAUTHORIZED" in page(1, f"https://{address(1)}:5000/v2/"))
    note("power cut: seconds from power on until the registry answers", round(time.monotonic() - began))


def test_every_acknowledged_image_is_there(log: Path, ca: Path) -> None:
    found = pull_again(URL, log, LOGIN, ca)
    note("power cut: images acknowledged, lost", f"{found['acknowledged']}, {len(found['lost'])}")
    assert found["acknowledged"] >= 20
    assert found["lost"] == []


def test_what_was_there_before_is_there() -> None:
    image = f"{REGISTRY}/team/hello:1"
    output(3, f"docker login --username alice --password-stdin {REGISTRY}", ALICE[0])
    output(3, f"docker rmi --force {image}; docker pull {image}")
    assert "Hello" in output(3, f"docker run --rm {image}")


def test_swarm_is_whole_and_the_workload_serves() -> None:
    until("15 replicas", lambda: sum(spread().values()) == 15)
    ready = output(1, "docker node ls --format '{{.Status}}'").splitlines()
    assert ready.count("Ready") == 3
    for number in (1, 2, 3):
        until(f"port 80 of host {number}", lambda number=number: "Welcome to nginx, next" in page(number))  # type: ignore[misc]
    assert f"{NAME}-1" in output(1, "docker service ps registry --filter desired-state=running --format '{{.Node}}'")


def test_an_image_pushed_just_before_the_cut_is_there(ca: Path, tmp_path: Path) -> None:
    """The hardest case: nothing is written after it, so nothing takes it along to the disk."""
    single = tmp_path / "pushes"
    single.touch()
    pushing = pusher(f"{URL}-last", single, LOGIN, ca, 1)
    try:
        until("an image is acknowledged", lambda: acknowledged(single))
    finally:
        pushing.kill()
        pushing.wait(30)
    tool("cut", 1)
    began = time.monotonic()
    tool("start", 1)
    until("the registry answers", lambda: "UNAUTHORIZED" in page(1, f"https://{address(1)}:5000/v2/"))
    note("power cut right after a push: seconds from power on until the registry answers", round(time.monotonic() - began))
    found = pull_again(f"{URL}-last", single, LOGIN, ca)
    note("power cut right after a push: images acknowledged, lost", f"{found['acknowledged']}, {len(found['lost'])}")
    assert found["lost"] == []
