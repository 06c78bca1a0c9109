# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Linux hosts on one machine, each with a kernel of its own (User-Mode Linux), systemd, sshd and Docker Engine.

    python3 tools/hosts/hosts.py [--name NAME] COMMAND

    base          make the disk that all hosts begin with, unless it is there (.cache/hosts)
    up N          start hosts 1 to N, those that do not run yet
    ssh I WORD... run a command on host I
    stop I        shut host I down
    cut I         cut host I's power: what is not on its disk is lost
    start I       start host I again, on its own disk
    unplug I      take host I off the network; plug I brings it back
    status        the hosts, and whether they answer
    down          end all hosts; their disks, keys and network go, too

Plain Python 3.11 or later, as root; docs/hosts.md tells more. Exit 1 if it could not be done.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

if sys.version_info < (3, 11):
    sys.exit("tools/hosts/hosts.py needs Python 3.11 or later")

from dockyard_hosts.base import base_image  # noqa: E402
from dockyard_hosts.commands import HostsError, require, say  # noqa: E402
from dockyard_hosts.hosts import Hosts  # noqa: E402

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache" / "hosts"
ONE = ["ssh", "stop", "cut", "start", "unplug", "plug"]


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="dockyard-hosts", help="of the hosts, NAME-1 and so on, and of all that they need")
    parser.add_argument("--network", default="10.77.0", metavar="A.B.C", help="host I has the address A.B.C.1I")
    parser.add_argument("--memory", default="1200M", help="of one host")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("base", "status", "down"):
        commands.add_parser(name)
    commands.add_parser("up").add_argument("number", type=int, metavar="N")
    for name in ONE:
        command = commands.add_parser(name)
        command.add_argument("number", type=int, metavar="I")
        if name == "ssh":
            command.add_argument("words", nargs=argparse.REMAINDER, metavar="WORD")
    return parser.parse_args(words)


def up(hosts: Hosts, number: int) -> None:
    """Start hosts 1 to `number` together, and wait for each."""
    hosts.prepare(base_image(HERE, CACHE))
    for each in range(1, number + 1):
        hosts.start(each)
    for each in range(1, number + 1):
        seconds = hosts.wait(each)
        say(f"{hosts.name}-{each} {hosts.network}.1{each}: its engine answers (waited {seconds:.0f} s)")


def status(hosts: Hosts) -> None:
    """Say of each host whether it answers."""
    for each in hosts.known():
        answers = subprocess.run(hosts.ssh_command(each, "true"), stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
        say(f"{hosts.name}-{each} {hosts.network}.1{each} {'up' if answers else 'running' if hosts.processes(each) else 'off'}")


def main() -> int:
    """Run the command line; returns the exit code."""
    options = arguments()
    hosts = Hosts(options.name, options.network, CACHE / options.name, options.memory)
    require()
    if options.command in ONE and options.number not in hosts.known():
        raise HostsError(f"there is no {hosts.name}-{options.number}; there are: {hosts.known()}")
    match options.command:
        case "base":
            say(f"{base_image(HERE, CACHE)} is there")
        case "up":
            up(hosts, options.number)
        case "status":
            status(hosts)
        case "down":
            hosts.down()
        case "ssh":
            return subprocess.run(hosts.ssh_command(options.number, *options.words), check=False).returncode
        case "start":
            hosts.start(options.number)
            seconds = hosts.wait(options.number)
            say(f"{hosts.name}-{options.number}: its engine answers (waited {seconds:.0f} s)")
        case "cut":
            hosts.end(options.number)
        case other:
            getattr(hosts, other)(options.number)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HostsError as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit("stopped")
