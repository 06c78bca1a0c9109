# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs other programs, installs those that lack, and says in one line what went wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

# Program to the Debian package that brings it.
PROGRAMS = {
    "linux.uml": "user-mode-linux",
    "mmdebstrap": "mmdebstrap",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "nc": "netcat-openbsd",
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
}


class HostsError(Exception):
    """Something about the hosts cannot be done. The text says what, and where to look."""


def say(text: str) -> None:
    """Print one line at once, also into a pipe."""
    print(text, flush=True)


def run(command: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """Run a program and return what it printed; HostsError with its last lines if it fails or is not there."""
    full = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
    try:
        done = subprocess.run(command, env=full, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        raise HostsError(f"{command[0]} is not installed") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise HostsError(f"`{' '.join(command[:6])}` failed ({done.returncode}): " + " | ".join(lines[-3:]))
    return done.stdout


def require() -> None:
    """Have the programs that hosts are made with; installs with apt those that lack. HostsError without root."""
    if os.geteuid() != 0:
        raise HostsError("hosts with a network of their own are made as root: run it with sudo")
    if not os.path.exists("/dev/net/tun"):
        raise HostsError("/dev/net/tun is not there: the hosts' network cards need it (`modprobe tun`)")
    lacking = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
    if not lacking:
        return
    if not shutil.which("apt-get"):
        raise HostsError(f"please install {', '.join(lacking)}: there is no apt-get here")
    say(f"apt: installing {' '.join(lacking)} (10 to 60 s)")
    command = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", "--no-install-recommends", "install", *lacking]
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        run(command, env)
    except HostsError:  # lists that are old, or not there
        run(["apt-get", "-q", "update"])
        run(command, env)
