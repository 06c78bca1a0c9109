# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret leaves its place: the plays of a server with TLS and of a client at `-vvv --diff`, and a search of all that these
printed, logged, left behind, or showed to whoever lists processes meanwhile."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import bcrypt
import pytest

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
SERVER, CLIENT = "dockyard-tls-3", "dockyard-tls-client"
CONFIG = "/etc/dockyard/registry"
USERS = [{"name": "alice", "password": "looking glass for tests"}, {"name": "ci", "password": "pulls all day"}]
"""Those of the other tests."""

FOLDERS = {
    "nobody": ("/boot", "/etc", "/home", "/media", "/mnt", "/opt", "/root", "/run", "/srv", "/tmp", "/usr/local", "/var"),
    "root": ("/etc/dockyard", "/home"),
}
"""Where a user is to find nothing, and where root is to find all."""

testinfra_hosts = ["ansible://registry_clients"]

KINDS = {
    "a bcrypt hash": re.compile(r"\$2[aby]\$[0-9]{2}\$[./0-9A-Za-z]{53}"),
    "a private key": re.compile("-----BEGIN [A-Z ]*PRIVATE KEY"),
}
"""What no text may hold, whichever it is: check mode makes some that are kept nowhere."""


def on(name: str, *command: str) -> str:
    """Run a command on a node and return what it printed."""
    done = subprocess.run(["docker", "exec", name, *command], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Watch(threading.Thread):
    """Lists all processes again and again: what the plays run on the controller, on the nodes, and what others run.

    Others may run beside these tests, and have secrets of their own.
    """

    OTHERS = "others"

    def __init__(self, mark: str) -> None:
        """`mark` stands in the environment of the plays, and in no other."""
        super().__init__(daemon=True)
        self.seen: dict[str, set[bytes]] = {CLIENT: set(), SERVER: set(), "controller": set(), self.OTHERS: set()}
        self._mark = mark.encode()
        self._ended = threading.Event()
        told = subprocess.run(["docker", "inspect", "-f", "{{.Id}}", CLIENT, SERVER], capture_output=True, text=True, timeout=60, check=True)
        self._nodes = dict(zip(told.stdout.split(), (CLIENT, SERVER)))

    def run(self) -> None:
        while not self._ended.wait(0.02):
            for pid in filter(str.isdecimal, os.listdir("/proc")):
                with contextlib.suppress(OSError):  # it has ended
                    self.seen[self._whose(pid)].add(Path(f"/proc/{pid}/cmdline").read_bytes())

    def _whose(self, pid: str) -> str:
        # The control groups of a node's containers lie within the node's.
        groups = Path(f"/proc/{pid}/cgroup").read_text()
        for container, name in self._nodes.items():
            if container in groups:
                return name
        return "controller" if self._mark in Path(f"/proc/{pid}/environ").read_bytes() else self.OTHERS

    def text(self, whose: str) -> str:
        return "\n".join(command.replace(b"\0", b" ").decode("utf-8", "replace") for command in self.seen[whose])

    def end(self) -> None:
        self._ended.set()
        self.join()


def forms(secret: str) -> set[str]:
    """A secret as it is, and as a part of something in base64, wherever in it the secret begins."""
    out = {secret}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + secret.encode()).decode().rstrip("=")
        # The first and the last characters depend on what stands before and after it.
        out.add(encoded[(0, 2, 3)[shift]:-1])
    return out


def kept() -> dict[str, str]:
    """The secrets that the server has by now, each with what it is."""
    out = {}
    for path in on(SERVER, "find", f"{CONFIG}/secrets/users", f"{CONFIG}/secrets/http_secret", "-type", "f").split():
        secret = on(SERVER, "cat", path)
        out[secret] = path
        if "/users/" in path:
            out[basic(path.rpartition("/")[2], secret)] = f"Basic header of {path}"
    for line in on(SERVER, "cat", f"{CONFIG}/etc/htpasswd").splitlines():
        name, _colon, hashed = line.partition(":")
        out[hashed] = f"hash of {name}"
    for path in (f"{CONFIG}/secrets/ca/ca.key", f"{CONFIG}/secrets/tls/server.key"):
        # The last line ends with the public key (RFC 5915, section 3), which certificates show to everybody.
        lines = [line for line in on(SERVER, "cat", path).splitlines() if "-----" not in line]
        assert len(lines) > 1, path
        out.update(dict.fromkeys(lines[:-1], path))
    return out


def basic(name: str, password: str) -> str:
    return base64.b64encode(f"{name}:{password}".encode()).decode()


def readable(name: str, patterns: t.Iterable[str], *, user: str) -> list[str]:
    """The files of a node in which a user finds one of the patterns."""
    command = ["docker", "exec", "-i", name, "runuser", "-u", user, "--", "grep", "--recursive", "--files-with-matches",
               "--fixed-strings", "--text", "--file=-", "--devices=skip",
               "--no-messages", *FOLDERS[user]]
    done = subprocess.run(command, input="\n".join(patterns), capture_output=True, text=True, timeout=120, check=False)
    # 2: there are folders that are not for this user.
    assert done.returncode in (0, 1, 2), done.stderr
    return done.stdout.split()


class Plays:
    """Runs playbooks, with a home of the controller's own, a log and a cache of facts, and keeps what they print."""

    def __init__(self, folder: Path, inventory: str) -> None:
        (folder / "home").mkdir()
        self._inventory, self.folder, self.printed = inventory, folder, ""
        self.environment = {
            **os.environ, "HOME": str(folder / "home"), "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOG_PATH": str(folder / "ansible.log"), "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts"),
        }

    def run(self, playbook: str, *arguments: str, users: list[dict[str, str]], login: dict[str, str], code: int = 0) -> None:
        """Run one; its secrets stand in a file, as they would in a vault, and not on the command line."""
        path = self.folder / "secrets.yml"
        path.touch(0o600)
        path.write_text(json.dumps({"all": {"hosts": {
            SERVER: {"registry_users": users, "registry_tls_days": 600, "registry_tls_renew_days": 550},
            CLIENT: {"registry_client_logins": [{"os_user": "walker", **login}]},
        }}}))
        where = {"server": SERVER, "clients": CLIENT, "target": CLIENT if playbook == "client" else SERVER}
        # The short ones go the long way: their modules are files and commands on the nodes.
        way = {"ANSIBLE_PIPELINING": str(playbook not in ("users", "client"))}
        done = subprocess.run(
            [BIN / "ansible-playbook", f"playbooks/{playbook}.yml", "-i", self._inventory, "-i", str(path),
             "-e", json.dumps(where), "-vvv", "--diff", *arguments],
            cwd=ROOT, capture_output=True, text=True, timeout=900, check=False, env={**self.environment, **way},
        )
        self.printed += done.stdout + done.stderr
        assert done.returncode == code, done.stdout[-4000:]

    def facts(self) -> str:
        """What the nodes tell of themselves, and what the cache has kept of it."""
        done = subprocess.run(
            [BIN / "ansible", "-i", self._inventory, "-m", "setup", "-vvv", f"{SERVER}:{CLIENT}"],
            cwd=ROOT, capture_output=True, text=True, timeout=300, check=True, env=self.environment,
        )
        kept_facts = [path.read_text() for path in (self.folder / "facts").iterdir()]
        assert len(kept_facts) >= 2
        return done.stdout + done.stderr + "".join(kept_facts)


@pytest.fixture
def plays(tmp_path: Path, request: pytest.FixtureRequest) -> t.Iterator[Plays]:
    on(CLIENT, "useradd", "-m", "walker")
    yield Plays(tmp_path, request.config.option.ansible_inventory)
    on(CLIENT, "userdel", "-r", "walker")


def test_no_secret_is_seen(plays: Plays) -> None:
    first, second, wrong, fixed = (secrets.token_urlsafe(24) for _each in range(4))
    hashed = bcrypt.hashpw(fixed.encode(), bcrypt.gensalt(4)).decode()
    more = [*USERS, {"name": "made"}, {"name": "fixed", "hash": hashed}]
    users = [{"name": "fresh", "password": first}, *more]
    changed = [{"name": "fresh", "password": second}, *more]
    known = {
        first: "password", second: "new password", wrong: "wrong password", fixed: "password behind a hash", hashed: "hash",
        **{basic("fresh", password): "Basic header" for password in (first, second, wrong)},
    }

    def login(password: str) -> dict[str, str]:
        return {"username": "fresh", "password": password}

    watch = Watch(str(plays.folder))
    watch.start()
    try:
        plays.run("users", "--check", users=users, login=login(first))
        plays.run("users", users=users, login=login(first))
        known.update(kept())
        plays.run("client", users=users, login=login(first))
        # What goes wrong has more to say than what goes well.
        plays.run("client", users=users, login=login(wrong), code=2)
        plays.run("doctor", users=[{"name": "fresh", "password": wrong}], login=login(wrong), code=2)
        plays.run("users", users=changed, login=login(second))
        plays.run("client", users=changed, login=login(second))
        plays.run("certificates", users=changed, login=login(second))
        plays.run("doctor", users=changed, login=login(second))
        known.update(kept())
        facts = plays.facts()
    finally:
        watch.end()
    patterns = {form: what for secret, what in known.items() for form in forms(secret)}

    # The search finds what there is: root sees the secrets, and the processes of both nodes were listed.
    assert f"{CONFIG}/secrets/http_secret" in readable(SERVER, patterns, user="root")
    assert "/home/walker/.docker/config.json" in readable(CLIENT, patterns, user="root")
    assert all("AnsiballZ_" in watch.text(name) for name in (SERVER, CLIENT))
    assert "ansible-playbook" in watch.text("controller")
    logs = {name: on(name, "journalctl", "--no-pager", "--output=cat") for name in (SERVER, CLIENT)}
    assert all("Invoked with" in log for log in logs.values())

    places = {
        "what the plays printed": plays.printed,
        "the controller's log": (plays.folder / "ansible.log").read_text(),
        "facts": facts,
        **{f"processes, {whose}": watch.text(whose) for whose in watch.seen},
        "the controller's home": "".join(
            path.read_text(errors="replace") for path in (plays.folder / "home").rglob("*") if path.is_file()
        ),
        "the registry's log": on(SERVER, "sh", "-c", "docker logs registry 2>&1"),
        "what the engine shows of the container": on(SERVER, "docker", "inspect", "registry"),
        **{f"the journal of {name}": log for name, log in logs.items()},
    }
    print(f"\n{len(known)} secrets in {len(patterns)} forms")
    found = {}
    for place, text in places.items():
        found[place] = sorted({what for pattern, what in patterns.items() if pattern in text})
        if place != f"processes, {Watch.OTHERS}":
            found[place] += [kind for kind, pattern in KINDS.items() if pattern.search(text)]
        print(f"{place}: {len(text)} characters, {len(text.splitlines())} lines: {len(found[place])} found")
    for name in (SERVER, CLIENT):
        found[f"files of {name} that everybody may read"] = files = readable(name, patterns, user="nobody")
        print(f"files of {name} that everybody may read: {len(files)} found")
    assert not any(found.values()), found
