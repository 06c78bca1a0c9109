# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One Swarm for all tests of this folder; each has services of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import swarm_node  # noqa: E402  # found only after the line above


@pytest.fixture(scope="session", autouse=True)
def _swarm():
    with swarm_node.swarm():
        yield
