# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of the scenario, and what the tests do with them: run commands and plays, ask web servers, write down figures."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FILES = Path(__file__).resolve().parents[1] / "files"
NAME = "dockyard-swarm"
SSH_CONFIG = ROOT / ".cache" / "hosts" / NAME / "ssh_config"
REGISTRY = "registry.dockyard.test:5000"
# The password that the scenario begins with, and the one that it changes that to.
ALICE = ("wonderland for tests", "looking glass for tests")
FIGURES: dict[str, str] = {}


def address(number: int) -> str:
    """A host's address."""
    return f"10.77.0.1{number}"


def note(what: str, figure: object) -> None:
    """Write down a figure, for the table at the end; at once also in .cache/logs, should the run be stopped."""
    FIGURES[what] = str(figure)
    log = ROOT / ".cache" / "logs" / "swarm-figures.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as lines:
        lines.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {what}: {figure}\n")
    print(f"{what}: {figure}")


def tool(*words: object, timeout: int = 600) -> None:
    """Do something with the hosts that they cannot do themselves: start, stop, cut, plug, unplug, up."""
    command = [sys.executable, ROOT / "tools/hosts/hosts.py", "--name", NAME, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def run(number: int, command: str, given: str = "", timeout: int = 300) -> subprocess.CompletedProcess[str]:
    """Run a shell command on a host; 255 if it does not answer."""
    words = ["ssh", "-F", SSH_CONFIG, f"{NAME}-{number}", command]
    done = subprocess.run(words, input=given, capture_output=True, text=True, timeout=timeout, check=False)
    print(f"[{number}] {command}\n{done.stdout}{done.stderr}")
    return done


def output(number: int, command: str, given: str = "", timeout: int = 300) -> str:
    """What a shell command on a host prints; it must not fail."""
    done = run(number, command, given, timeout)
    assert done.returncode == 0, f"{NAME}-{number}: {command}: {done.stderr}"
    return done.stdout.strip()


def within(*words: object) -> list[str]:
    """A command that runs on this machine, on the hosts' network."""
    return ["ip", "netns", "exec", NAME, *map(str, words)]


def page(number: int, url: str = "") -> str:
    """What a host answers at a URL, its port 80 if none is given."""
    done = subprocess.run(within("curl", "-sSk", "-m", "20", url or f"http://{address(number)}/"), capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def until(what: str, found: t.Callable[[], t.Any], seconds: float = 240) -> float:
    """Wait for something to be true; returns the seconds that took."""
    began = time.monotonic()
    while not (last := found()):
        assert time.monotonic() - began < seconds, f"not within {seconds} s: {what} ({last!r})"
        time.sleep(1)
    return time.monotonic() - began


def running(service: str) -> list[str]:
    """The nodes on which a service's tasks run, one name for each task."""
    listed = output(1, f"docker service ps {service} --filter desired-state=running --format '{{{{.Node}}}} {{{{.CurrentState}}}}'")
    return sorted(line.split()[0] for line in listed.splitlines() if line.split()[1] == "Running")


def spread() -> dict[str, int]:
    """How many nginx each node runs."""
    return dict(collections.Counter(running("nginx")))


class Played(t.NamedTuple):
    """What came of a play: its exit code, what was printed on one line, and the recap's figure of changes for each host."""

    code: int
    printed: str
    changed: dict[str, int]


def play(inventory: str, playbook: str, *arguments: object, timeout: int = 1500, **variables: t.Any) -> Played:
    """Run a playbook of the collection, as its user does."""
    program = Path(sys.executable).parent / "ansible-playbook"
    began = time.monotonic()
    done = subprocess.run(
        [program, f"playbooks/{playbook}.yml", "-i", inventory, "-e", json.dumps(variables), *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False,
        env={**os.environ, "COLUMNS": "200", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections")},
    )  # fmt: skip
    text = done.stdout + done.stderr
    print(text[-6000:])
    note(f"playbook {playbook} {' '.join([*variables, *map(str, arguments)])}: seconds", round(time.monotonic() - began))
    recap = [line.split() for line in text.splitlines() if " changed=" in line and " unreachable=" in line]
    changed = {words[0]: int(word.partition("=")[2]) for words in recap for word in words if word.startswith("changed=")}
    return Played(done.returncode, " ".join(text.split()), changed)


class Steady(t.NamedTuple):
    """What became of steady requests."""

    sent: int
    failed: int
    pages: dict[str, int]
    problems: list[str]


@contextlib.contextmanager
def steady_requests(folder: Path, *numbers: int, pause: float = 0.05) -> t.Iterator[list[Steady]]:
    """Ask port 80 of these hosts in turn until the block ends, with a pause of some seconds; then the list has the result."""
    log = folder / "requests.json"
    found: list[Steady] = []
    command = within(sys.executable, FILES / "steady_requests.py", log, pause, *(f"http://{address(number)}/" for number in numbers))
    with subprocess.Popen(command) as asking:
        try:
            yield found
        finally:
            asking.send_signal(signal.SIGTERM)
            asking.wait(60)
    found.append(Steady(**json.loads(log.read_text(encoding="utf-8"))))


def settled(folder: Path, *numbers: int, seconds: float = 20, patience: float = 300) -> int:
    """Wait until port 80 of these hosts has answered each of some seconds' steady requests; returns the seconds that took.

    A connection that hangs counts as failed after ten seconds: what lasts less than that is no proof.
    """
    began = time.monotonic()
    while True:
        with steady_requests(folder, *numbers) as found:
            time.sleep(seconds)
        if found[0].sent and not found[0].failed:
            return round(time.monotonic() - began)
        print(f"not settled: {found[0]}")
        assert time.monotonic() - began < patience, f"not within {patience} s: {found[0].problems}"


def pusher(url: str, log: Path, login: str, ca: Path, workers: int) -> subprocess.Popen[bytes]:
    """Begin to push images."""
    env = {**os.environ, "REGISTRY_LOGIN": login, "REGISTRY_CA": str(ca)}
    return subprocess.Popen(within(sys.executable, FILES / "push_images.py", "push", url, log, workers), env=env)


def pull_again(url: str, log: Path, login: str, ca: Path) -> dict[str, t.Any]:
    """Pull all that was acknowledged; returns how many that were, and which are lost."""
    env = {**os.environ, "REGISTRY_LOGIN": login, "REGISTRY_CA": str(ca)}
    done = subprocess.run(
        within(sys.executable, FILES / "push_images.py", "pull", url, log), env=env, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)
