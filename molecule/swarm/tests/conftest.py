# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenario's tests share, and the table of figures at their end."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import swarm_hosts  # noqa: E402


@pytest.fixture(scope="session")
def inventory(request: pytest.FixtureRequest) -> str:
    """The scenario's inventory."""
    return str(request.config.option.ansible_inventory)


@pytest.fixture(scope="session", autouse=True)
def patience() -> None:
    """Three hosts share this machine: one that is late is not yet down (the engine's own measure is 15 s)."""
    swarm_hosts.output(1, "docker swarm update --dispatcher-heartbeat 10s")


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The registry's CA, in a file on this machine."""
    path = tmp_path_factory.mktemp("trust") / "ca.crt"
    path.write_text(swarm_hosts.output(1, "cat /etc/dockyard/registry/ca.crt") + "\n", encoding="utf-8")
    return path


def pytest_terminal_summary(terminalreporter: t.Any) -> None:
    """Show the figures, also when all passed."""
    terminalreporter.section("figures")
    for what, figure in swarm_hosts.FIGURES.items():
        terminalreporter.write_line(f"{what}: {figure}")
