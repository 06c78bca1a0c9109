# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that run: User-Mode Linux kernels and their network, all within one network namespace of the set's name."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from .base import make_key
from .commands import HostsError, run, say

BOOT = 240  # seconds that a host has until its engine answers
HALT = 120  # seconds that a host has to shut down
MOST = 9
# A real host has processors of its own: as nodes hear of each other's tasks in time only if they are let run, these hosts come before
# what else this machine does.
NICE = -10
SSH_CONFIG = """\
# ssh -F {folder}/ssh_config {name}-1
Host {name}-*
  User root
  IdentityFile {folder}/id
  IdentitiesOnly yes
  ProxyCommand ip netns exec {name} nc %h %p
  UserKnownHostsFile {folder}/known_hosts
  StrictHostKeyChecking accept-new
  ConnectTimeout 10
  ServerAliveInterval 5
  ServerAliveCountMax 6
  LogLevel ERROR
"""


class Hosts:
    """A set of hosts, numbered from 1: NAME-1 has the address NETWORK.11, and so on.

    `folder` keeps their disks, consoles and keys; `base` is the disk that theirs are changes to.
    """

    def __init__(self, name: str, network: str, folder: Path, memory: str) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
            raise HostsError(f"{name!r} cannot be the hosts' name: use up to 31 lower-case letters, digits and hyphens")
        if not re.fullmatch(r"\d{1,3}\.\d{1,3}\.\d{1,3}", network):
            raise HostsError(f"{network!r} is not the first three numbers of an IPv4 address, such as 10.77.0")
        self.name = name
        self.network = network
        self.folder = folder
        self.memory = memory
        # The kernels' control sockets: their paths must be short.
        self.sockets = Path("/run") / f"hosts-{name}"

    # -- the network

    def namespace_exists(self) -> bool:
        """Whether the set's network is there."""
        return (Path("/run/netns") / self.name).exists()

    def connect(self) -> None:
        """Make the network: a bridge, and on it this machine with the address NETWORK.1. There is no way out."""
        if self.namespace_exists():
            return
        run(["ip", "netns", "add", self.name])
        self.ip("link", "set", "lo", "up")
        self.ip("link", "add", "br0", "type", "bridge")
        self.ip("address", "add", f"{self.network}.1/24", "dev", "br0")
        self.ip("link", "set", "br0", "up")

    def ip(self, *words: str) -> str:
        """Run `ip` within the namespace."""
        return run(["ip", "-n", self.name, *words])

    def plug(self, number: int) -> None:
        """Connect a host's network card."""
        self.ip("link", "set", f"tap{number}", "master", "br0")

    def unplug(self, number: int) -> None:
        """Take a host off the network."""
        self.ip("link", "set", f"tap{number}", "nomaster")

    # -- processes

    def processes(self, number: int | None = None) -> list[int]:
        """The processes within the namespace: those of one host, or all, SSH's connections among them."""
        if not self.namespace_exists():
            return []
        found = [int(pid) for pid in run(["ip", "netns", "pids", self.name]).split()]
        if number is None:
            return found
        note = self.folder / f"{number}.session"
        session = int(note.read_text(encoding="utf-8")) if note.exists() else 0
        return [pid for pid in found if session and session_of(pid) == session]

    def end(self, number: int | None = None) -> None:
        """Kill these processes; whatever a kernel had not written to its disk is lost, as when the power fails."""
        deadline = time.monotonic() + 30
        while pids := self.processes(number):
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass  # Gone by itself since it was listed.
            if time.monotonic() > deadline:
                raise HostsError(f"processes {pids} of {self.name} do not end")
            time.sleep(0.05)

    # -- hosts

    def prepare(self, base: Path) -> None:
        """Have what all hosts need: the folder, a key, how ssh reaches them, the network."""
        self.folder.mkdir(parents=True, exist_ok=True)
        note = self.folder / "base"
        if note.exists() and note.read_text(encoding="utf-8").strip() != str(base):
            raise HostsError(f"the hosts in {self.folder} stand on another disk: take them down first (`down`)")
        note.write_text(f"{base}\n", encoding="utf-8")
        make_key(self.folder)
        (self.folder / "ssh_config").write_text(self.ssh_config(), encoding="utf-8")
        self.connect()

    def ssh_config(self) -> str:
        """How ssh, and so Ansible, reaches the hosts by their names."""
        each = [f"Host {self.name}-{number}\n  HostName {self.network}.1{number}\n" for number in range(1, MOST + 1)]
        return SSH_CONFIG.format(name=self.name, folder=self.folder) + "".join(each)

    def known(self) -> list[int]:
        """The numbers of the hosts that were made."""
        return sorted(int(path.stem) for path in self.folder.glob("[0-9].session"))

    def start(self, number: int) -> None:
        """Start a host on its disk, a new one if it has none yet. Returns at once."""
        if not 1 <= number <= MOST:
            raise HostsError(f"there is no host {number}: they are numbered 1 to {MOST}")
        if self.processes(number):
            return
        base = (self.folder / "base").read_text(encoding="utf-8").strip()
        key = (self.folder / "id.pub").read_text(encoding="utf-8").split()[1]
        if f"tap{number}:" not in self.ip("-o", "link"):
            run(["ip", "netns", "exec", self.name, "ip", "tuntap", "add", f"tap{number}", "mode", "tap"])
            self.ip("link", "set", f"tap{number}", "up")
        self.plug(number)
        shutil.rmtree(self.sockets / str(number), ignore_errors=True)
        self.sockets.mkdir(exist_ok=True)
        command = [
            "nice", "-n", str(NICE), "ip", "netns", "exec", self.name,
            "linux.uml", f"mem={self.memory}", f"umid={number}", f"uml_dir={self.sockets}",
            f"ubd0={self.folder}/{number}.cow,{base}", "root=/dev/ubda", "rw", "con=null", "con0=null,fd:1", "con1=null", "ssl=null",
            f"vec0:transport=tap,ifname=tap{number},depth=128,gro=1",
            f"hosts.name={self.name}", f"hosts.number={number}", f"hosts.network={self.network}", f"hosts.key={key}",
        ]  # fmt: skip
        with (self.folder / f"{number}.log").open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env={**os.environ, "TMPDIR": memory_folder()}
            )
        (self.folder / f"{number}.session").write_text(f"{process.pid}\n", encoding="utf-8")
        # It enters the namespace, and so is one of the set's processes, a moment later.
        while process.poll() is None and not self.processes(number):
            time.sleep(0.02)
        # Where the kernel shares its processors out among sessions, it is the session's number that counts (sched(7), autogroup).
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            Path(f"/proc/{process.pid}/autogroup").write_text(str(NICE), encoding="ascii")

    def wait(self, number: int) -> float:
        """Wait until a host's engine answers; returns the seconds that took, HostsError if it does not."""
        started = time.monotonic()
        said = "it ended at once"
        while self.processes(number) and time.monotonic() - started < BOOT:
            done = subprocess.run(self.ssh_command(number, "docker", "info"), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return time.monotonic() - started
            said = done.stderr.strip()
            time.sleep(1)
        raise HostsError(
            f"{self.name}-{number} does not answer after {time.monotonic() - started:.0f} s: {said} "
            f"(its console is {self.folder}/{number}.log)"
        )

    def stop(self, number: int) -> None:
        """Shut a host down cleanly."""
        # The connection may or may not live to see the end of the command.
        subprocess.run(self.ssh_command(number, "systemctl", "poweroff"), stdin=subprocess.DEVNULL, capture_output=True, check=False)
        deadline = time.monotonic() + HALT
        while self.processes(number):
            if time.monotonic() > deadline:
                raise HostsError(f"{self.name}-{number} did not shut down within {HALT} s; {self.folder}/{number}.log is its console")
            time.sleep(0.2)

    def ssh_command(self, number: int, *command: str) -> list[str]:
        """What runs a command on a host."""
        return ["ssh", "-F", str(self.folder / "ssh_config"), f"{self.name}-{number}", *command]

    def down(self) -> None:
        """End all, and remove disks, keys and network."""
        self.end()
        if self.namespace_exists():
            run(["ip", "netns", "delete", self.name])
        shutil.rmtree(self.sockets, ignore_errors=True)
        if self.folder.exists():
            shutil.rmtree(self.folder)
        say(f"{self.name}: nothing is left of these hosts")


def session_of(pid: int) -> int:
    """The session of a process, 0 if it has ended."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def memory_folder() -> str:
    """Where the kernels keep their memory: a file system in memory if it is large enough, or the usual place."""
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and shutil.disk_usage(shared).free > 8 << 30
    return str(shared) if roomy else os.environ.get("TMPDIR", "/tmp")
