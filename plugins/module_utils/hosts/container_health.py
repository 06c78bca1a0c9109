# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a registry's container, as its engine tells it: does it run, how often did it fall, what did it say."""

from __future__ import annotations

import dataclasses
import datetime
import re
import time
import typing as t

from .engine_reader import EngineFailed, EngineReader

_LOG_LINES = 5000
_LOG_SECONDS = 24 * 3600
_MOST_ERRORS = 5
_LONGEST_LINE = 300

_LEVEL = re.compile(r"""\blevel=(?:error|fatal|panic)\b|"level":\s*"(?:error|fatal|panic)"|^panic: |^fatal error: """)
# The registry logs every 4xx answer as an error of level error: those are the client's mistakes.
_CLIENTS_MISTAKE = re.compile(r"""http\.response\.status"?[=:]\s*"?4\d\d""")
_SECRET = re.compile(r"""((?:password|secret|token|authorization)["']?\s*[=:]\s*)("[^"]*"|\S+)""", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Mount:
    """A place in the container and what stands behind it on the host; ``volume`` is a named volume's name."""

    destination: str
    source: str
    volume: str
    writable: bool


@dataclasses.dataclass(frozen=True)
class ContainerFound:
    """A container; all but ``exists`` only holds if it does. Memory is in bytes, a limit of 0 is none; ``up_seconds`` is how long
    it has run since it was last started.

    ``published`` are the host's ``address:port`` of the registry's port; ``oom_kills`` those that the engine remembers of
    the last day. ``health`` is healthy, unhealthy, starting, or empty for a container without a probe.
    """

    exists: bool = False
    status: str = ""
    pid: int = 0
    restarts: int = 0
    up_seconds: float = 0.0
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = False
    oom_kills: int = 0
    health: str = ""
    image: str = ""
    version: str = ""
    memory_limit: int = 0
    memory_used: int | None = None
    published: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def running(self) -> bool:
        """Whether it runs, and is not just being started again."""
        return self.status == "running"


def find_container(reader: EngineReader, name: str, *, port: str = "5000/tcp") -> ContainerFound:
    """Look at a container.

    :param port: the port in the container that the registry listens on.
    :raises EngineFailed: if the engine does not answer.
    """
    try:
        details = reader.json(f"/containers/{name}/json")
    except EngineFailed as error:
        if error.status == 404:
            return ContainerFound()
        raise
    state, config, host = details["State"], details["Config"], details["HostConfig"]
    published = (details["NetworkSettings"].get("Ports") or {}).get(port) or []
    status = str(state["Status"])
    return ContainerFound(
        exists=True,
        status=status,
        pid=int(state.get("Pid") or 0),
        restarts=int(details.get("RestartCount") or 0),
        up_seconds=_seconds_since(str(state["StartedAt"])) if status == "running" else 0.0,
        exit_code=int(state.get("ExitCode") or 0),
        error=str(state.get("Error") or "")[:_LONGEST_LINE],
        oom_killed=bool(state.get("OOMKilled")),
        oom_kills=_oom_kills(reader, name),
        health=str((state.get("Health") or {}).get("Status") or ""),
        image=str(config["Image"]),
        version=str((config.get("Labels") or {}).get("dockyard.registry.version") or ""),
        memory_limit=int(host.get("Memory") or 0),
        memory_used=_memory_used(reader, name) if status == "running" else None,
        published=tuple(dict.fromkeys(f"{one['HostIp'] or '0.0.0.0'}:{one['HostPort']}" for one in published)),
        mounts=tuple(
            Mount(one["Destination"], one.get("Source", ""), one.get("Name", ""), bool(one.get("RW")))
            for one in details.get("Mounts") or []
        ),
        errors=_errors(reader, name),
    )


def _seconds_since(moment: str) -> float:
    """Take the engine's time, in UTC and with up to nine digits behind the seconds."""
    then = datetime.datetime.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return max(0.0, time.time() - then.timestamp())


def last_errors(text: str) -> tuple[str, ...]:
    """Return the last errors of a registry's log, each once, without what looks like a secret."""
    found = [
        " ".join(_SECRET.sub(r"\1(hidden)", line).split())[:_LONGEST_LINE]
        for line in text.splitlines()
        if _LEVEL.search(line) and not _CLIENTS_MISTAKE.search(line)
    ]
    # Two lines that differ in nothing but when and for whom are one.
    latest = {re.sub(r"time=\S+|\"time\":\"[^\"]*\"|\b[0-9a-f]{8}-[0-9a-f-]{27}\b", "", line): line for line in found}
    return tuple(latest.values())[-_MOST_ERRORS:]


def demultiplex(data: bytes) -> str:
    """Return the text of a container's log (Engine API, "Attach to a container", stream format); of a terminal, all."""
    parts: list[bytes] = []
    at = 0
    while at + 8 <= len(data) and data[at] in (0, 1, 2) and data[at + 1 : at + 4] == b"\0\0\0":
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        parts.append(data[at + 8 : at + 8 + size])
        at += 8 + size
    return (b"".join(parts) if parts else data).decode("utf-8", "replace")


def _errors(reader: EngineReader, name: str) -> tuple[str, ...]:
    since = str(int(time.time()) - _LOG_SECONDS)
    try:
        data = reader.read(f"/containers/{name}/logs", stdout="1", stderr="1", tail=str(_LOG_LINES), since=since)
    except EngineFailed as error:
        return (f"the log cannot be read: {error}",)
    return last_errors(demultiplex(data))


def _oom_kills(reader: EngineReader, name: str) -> int:
    """Count the times the kernel ended it for lack of memory: a container that was started again has forgotten it."""
    now = int(time.time())
    filters = {"type": ["container"], "event": ["oom"], "container": [name]}
    try:
        events = reader.read("/events", since=str(now - _LOG_SECONDS), until=str(now), filters=filters)
    except EngineFailed:
        return 0  # the engine remembers nothing: its state says enough
    return len(events.splitlines())


def _memory_used(reader: EngineReader, name: str) -> int | None:
    """Return what it uses without the cache of files, as ``docker stats`` shows it."""
    query: dict[str, t.Any] = {"stream": "0", "one-shot": "1"}
    try:
        memory = reader.json(f"/containers/{name}/stats", **query)["memory_stats"]
        details = memory.get("stats") or {}
        return int(memory["usage"]) - int(details.get("inactive_file", details.get("total_inactive_file", 0)))
    except (EngineFailed, KeyError, TypeError, ValueError):
        return None  # a kernel without these figures
