# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two nodes for the tests of plays: containers with systemd and an engine, on a network of their own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "dockyard-node:trixie"


def docker(*arguments: str, timeout: int = 120) -> str:
    """Run docker and return what it printed."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout


@contextlib.contextmanager
def node(name: str, *options: str) -> t.Iterator[str]:
    """Run a node until the block ends, and yield its address."""
    if not docker("images", "-q", IMAGE).strip():
        docker("load", "-i", str(ROOT / ".cache/images/node.tar"))
    subprocess.run(["docker", "rm", "-fv", name], capture_output=True, timeout=60, check=False)
    docker(
        "run", "-d", "--name", name, "--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--cap-add", "SYS_PTRACE",
        "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined", "--cgroupns", "private",
        "--tmpfs", "/run", "--tmpfs", "/run/lock", "-v", "/var/lib/docker", *options, IMAGE,
    )
    try:
        yield docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", name).strip()
    finally:
        docker("rm", "-fv", name)


def run(name: str, *command: str) -> str:
    """Run a command in a node and return what it printed."""
    return docker("exec", name, *command)


class Played(t.NamedTuple):
    """What came of a play: its exit code, all that was printed on one line, and the recap's figure of changes."""

    code: int
    printed: str
    lines: list[str]

    def changed(self, host: str) -> int:
        """Return how many tasks changed something on a host."""
        recap = next(line for line in self.lines if line.startswith(f"{host} ") and " changed=" in line)
        return int(recap.partition("changed=")[2].split()[0])


def play(
    playbook: str, inventory: Path, *arguments: str, timeout: int = 300, environment: t.Mapping[str, str] | None = None,
    **variables: t.Any,
) -> Played:
    """Run a playbook of this collection, or one by its full path; the variables stand on the command line."""
    done = subprocess.run(
        [
            Path(sys.executable).parent / "ansible-playbook", ROOT / "playbooks" / f"{playbook}.yml", "-i", inventory,
            "-e", json.dumps(variables), *arguments,
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False,
        # Pipelining: one command on a node for each task instead of six.
        env={**os.environ, "COLUMNS": "200", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_PIPELINING": "1", **(environment or {})},
    )
    text = done.stdout + done.stderr
    return Played(done.returncode, " ".join(text.split()), text.splitlines())
