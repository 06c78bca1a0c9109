# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether this machine's kernel can do IPVS, on which a Swarm's virtual addresses and its routing mesh stand.

Read-only: nothing is loaded. What libnetwork does when a node enters a Swarm is ``modprobe ip_vs``; whether that will work is
what ``modprobe --dry-run`` tells, together with the right to load a module, which a container seldom has.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import typing as t

MODULE = "ip_vs"
_CAP_SYS_MODULE = 16  # capability.h


@dataclasses.dataclass(frozen=True)
class Ipvs:
    """Whether IPVS can be had, and by what that was told."""

    available: bool
    reason: str


def find_ipvs(*, proc: str = "/proc", run: t.Callable[[list[str]], tuple[int, str]] | None = None) -> Ipvs:
    """Look for IPVS in the kernel, then among the modules that it could load.

    :param run: runs a command and returns its exit code and all that it printed.
    """
    if os.path.exists(f"{proc}/net/ip_vs"):
        return Ipvs(True, "the kernel has it: /proc/net/ip_vs is there")
    code, text = (run or _run)(["modprobe", "--dry-run", "--verbose", MODULE])
    if code != 0:
        return Ipvs(False, " ".join(text.split()) or f"modprobe {MODULE} answers {code}")
    if any(line.split()[-1] in ("/bin/true", "/bin/false") for line in text.splitlines() if line.startswith("install ")):
        return Ipvs(False, f"modprobe.d forbids the module {MODULE}: {text.strip()}")
    if not _may_load(proc):
        return Ipvs(False, f"the module {MODULE} is there and not loaded, and nothing here may load modules (a container?)")
    return Ipvs(True, f"the kernel can load the module {MODULE}")


def _may_load(proc: str) -> bool:
    """Whether what runs here could be given the right to load modules: the bounding set says it of all, root included."""
    with open(f"{proc}/self/status", encoding="ascii", errors="replace") as file:
        bounds = [line.split()[1] for line in file if line.startswith("CapBnd:")]
    return not bounds or bool(int(bounds[0], 16) >> _CAP_SYS_MODULE & 1)


def _run(command: list[str]) -> tuple[int, str]:
    # /sbin is not on everybody's PATH.
    env = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # pylint: disable=ansible-bad-function  # run_command has no time-out, nor is it here
            command, capture_output=True, text=True, errors="replace", timeout=30, check=False, env=env
        )
    except FileNotFoundError:
        return 127, f"there is no {command[0]} to ask, and /proc/net/ip_vs is not there"
    except (OSError, subprocess.TimeoutExpired) as error:
        return 126, f"{command[0]}: {error}"
    return done.returncode, done.stdout + done.stderr
