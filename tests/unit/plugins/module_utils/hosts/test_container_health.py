# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read from an engine's answers: a fake engine on a real socket, for what no real one can be made to say."""

from __future__ import annotations

import http.server
import json
import pathlib
import socketserver
import struct
import threading
import time
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.hosts.container_health import (
    ContainerFound,
    demultiplex,
    find_container,
    last_errors,
)
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.engine_reader import EngineFailed, EngineReader

DETAILS = {
    "State": {"Status": "running", "Pid": 42, "ExitCode": 0, "Error": "", "OOMKilled": False, "Health": {"Status": "healthy"},
              "StartedAt": "2026-01-01T00:00:00.123456789Z"},
    "Config": {"Image": "registry:3", "Labels": {"dockyard.registry.version": "3.1.2"}},
    "HostConfig": {"Memory": 1000},
    "NetworkSettings": {"Ports": {"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5000"}]}},
    "RestartCount": 2,
    "Mounts": [{"Destination": "/var/lib/registry", "Source": "/srv", "RW": False}],
}
LINE = 'time="2026-11-24T06:00:00Z" level=error msg="disk gone"\n'


class Engine(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    answers: dict[str, tuple[int, bytes]]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # noqa: N802  # the name that the base class calls
        answers = t.cast(Engine, self.server).answers
        status, body = answers.get(self.path.partition("?")[0], (404, b"{}"))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return ""

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def engine(tmp_path: pathlib.Path) -> t.Iterator[tuple[EngineReader, dict[str, tuple[int, bytes]]]]:
    path = str(tmp_path / "docker.sock")
    server = Engine(path, Handler)
    server.answers = {}
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield EngineReader(path), server.answers
    server.shutdown()
    server.server_close()


def frame(text: str, stream: int = 2) -> bytes:
    return struct.pack(">B3xI", stream, len(text.encode())) + text.encode()


def test_a_container(engine: tuple[EngineReader, dict[str, tuple[int, bytes]]]) -> None:
    reader, answers = engine
    memory = {"memory_stats": {"usage": 900, "stats": {"inactive_file": 100}}}
    answers["/containers/r/json"] = (200, json.dumps(DETAILS).encode())
    answers["/containers/r/stats"] = (200, json.dumps(memory).encode())
    answers["/containers/r/logs"] = (200, frame(LINE) + frame("level=info\n", 1))
    answers["/events"] = (200, b"{}\n{}\n")
    found = find_container(reader, "r")
    assert found.running and found.health == "healthy" and found.version == "3.1.2"
    assert (found.restarts, found.oom_kills, found.memory_limit, found.memory_used) == (2, 2, 1000, 800)
    assert found.up_seconds == pytest.approx(time.time() - 1767225600, abs=5)
    assert found.published == ("127.0.0.1:5000",)
    assert (found.mounts[0].source, found.mounts[0].writable) == ("/srv", False)
    assert found.errors == (LINE.strip(),)


def test_what_the_engine_does_not_say(engine: tuple[EngineReader, dict[str, tuple[int, bytes]]]) -> None:
    reader, answers = engine
    assert find_container(reader, "r") == ContainerFound()
    answers["/containers/r/json"] = (200, json.dumps(DETAILS).encode())
    found = find_container(reader, "r")
    assert (found.memory_used, found.oom_kills) == (None, 0)
    assert "cannot be read" in found.errors[0]
    answers["/containers/r/json"] = (500, b"{}")
    with pytest.raises(EngineFailed, match="answered 500"):
        find_container(reader, "r")
    answers["/version"] = (200, b"<html>")
    with pytest.raises(EngineFailed, match="no Docker Engine"):
        reader.json("/version")


def test_no_engine(tmp_path: pathlib.Path) -> None:
    with pytest.raises(EngineFailed, match=r"does not answer on .*, which does not exist .*systemctl start docker"):
        EngineReader(str(tmp_path / "none.sock")).json("/version")


@pytest.mark.parametrize(
    ("lines", "errors"),
    [
        (["level=info msg=x", "level=warning msg=y"], []),
        (['{"level":"error","msg":"x"}'], ['{"level":"error","msg":"x"}']),
        (["panic: oh no", "goroutine 1"], ["panic: oh no"]),
        (['level=error msg="response completed with error" http.response.status=404'], []),
        (['level=error msg="response completed with error" http.response.status=500'],
         ['level=error msg="response completed with error" http.response.status=500']),
        (["time=1 level=error msg=x", "time=2 level=error msg=x"], ["time=2 level=error msg=x"]),
        (["level=error password=hunter2 msg=x"], ["level=error password=(hidden) msg=x"]),
        ([f"level=error msg=x{n}" for n in range(9)], [f"level=error msg=x{n}" for n in range(4, 9)]),
    ],
)
def test_errors_of_a_log(lines: list[str], errors: list[str]) -> None:
    assert list(last_errors("\n".join(lines))) == errors


def test_forms_of_a_log() -> None:
    assert demultiplex(frame("a\n", 1) + frame("b\n")) == "a\nb\n"
    assert demultiplex(b"a terminal's text") == "a terminal's text"
    assert demultiplex(b"") == ""
    assert demultiplex(frame("cut off")[:12]) == "cut "
