# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registries that run for a while on a free port of loopback, and what their access logs say."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import typing as t
from pathlib import Path

USER = "bench"
PASSWORD = "only-for-this-run"
COST = 10

_CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: false}}}}
storage:
  filesystem: {{rootdirectory: {data}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
{auth}
"""
_LINE = re.compile(rb'"([A-Z]+) (\S+) HTTP/1\.[01]" (\d{3}) (\d+)')
_PATIENCE = 60.0


class Traffic(t.NamedTuple):
    """The requests that a registry was asked, and the bytes that it answered."""

    requests: int
    sent: int

    def __add__(self, other: object) -> Traffic:
        assert isinstance(other, Traffic)
        return Traffic(self.requests + other.requests, self.sent + other.sent)


class Registry:
    """A registry that runs; ``authority`` is ``host:port``, ``data`` its storage."""

    def __init__(self, authority: str, folder: Path) -> None:
        self.authority = authority
        self.data = folder / "data"
        self._log = folder / "log"

    def mark(self) -> int:
        """Return where the log ends now."""
        return self._log.stat().st_size

    def traffic(self, since: int) -> Traffic:
        """Return what was asked since a mark."""
        with self._log.open("rb") as log:
            log.seek(since)
            return count(log)


def count(lines: t.Iterable[bytes]) -> Traffic:
    """Return the requests in lines of an access log, and the bytes of bodies that GETs were answered with."""
    requests = sent = 0
    for line in lines:
        match = _LINE.search(line)
        if match:
            requests += 1
            sent += int(match[4]) if match[1] == b"GET" else 0
    return Traffic(requests, sent)


@contextlib.contextmanager
def running(program: Path, folder: Path, *, users: bool = False) -> t.Iterator[Registry]:
    """Run a registry over ``folder/data`` until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    auth = ""
    if users:
        import bcrypt  # here, for the rest works without it

        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(COST)).decode()
        (folder / "htpasswd").write_text(f"{USER}:{hashed}\n")
        auth = f"auth: {{htpasswd: {{realm: bench, path: {folder / 'htpasswd'}}}}}"
    config = folder / "config.yml"
    config.write_text(_CONFIG.format(data=folder / "data", port=port, auth=auth))
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "serve", config], stdout=output, stderr=output, env={**os.environ, "OTEL_TRACES_EXPORTER": "none"}
        )
    with ended(process):
        _wait_for(process, port, log)
        yield Registry(f"127.0.0.1:{port}", folder)


@contextlib.contextmanager
def relayed(authority: str, milliseconds: float) -> t.Iterator[str]:
    """Return the address at which a registry seems to be far away, until the block ends."""
    script = Path(__file__).with_name("relay.py")
    process = subprocess.Popen(
        [sys.executable, script, authority, str(milliseconds)], stdout=subprocess.PIPE, text=True
    )
    with ended(process):
        assert process.stdout is not None
        yield f"127.0.0.1:{int(process.stdout.readline())}"


@contextlib.contextmanager
def ended(process: subprocess.Popen[t.Any]) -> t.Iterator[None]:
    """End a process with the block."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def clone(data: Path, target: Path) -> None:
    """Copy a registry's storage; blobs, which no registry changes, are hard links."""

    def copy(source: str, destination: str) -> None:
        if Path(source).name == "data":
            os.link(source, destination)
        else:
            shutil.copyfile(source, destination)

    shutil.copytree(data, target, copy_function=copy)


def _wait_for(process: subprocess.Popen[t.Any], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        time.sleep(0.01)
    raise RuntimeError(f"the registry did not start: {log.read_text()[-500:]}")
