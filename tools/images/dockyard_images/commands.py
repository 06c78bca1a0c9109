# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs other programs, and says in one line what went wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import BuildError


def run(command: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a program and return what it printed; BuildError with its last lines if it fails or is not there."""
    full = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
    try:
        done = subprocess.run(command, cwd=cwd, env=full, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except FileNotFoundError:
        raise BuildError(f"{command[0]} is not installed") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise BuildError(f"`{' '.join(command[:4])}` failed ({done.returncode}): " + " | ".join(lines[-3:]))
    return done.stdout.decode(errors="replace")


def as_root(command: Sequence[str]) -> list[str]:
    """The command, by sudo if this user is not root; BuildError if there is no sudo."""
    if os.geteuid() == 0:
        return list(command)
    if not shutil.which("sudo"):
        raise BuildError(f"`{' '.join(command)}` needs root, and there is no sudo: run it as root, then build again")
    return ["sudo", "-n", *command]
