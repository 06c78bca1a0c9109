# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An HTTP server that gives the answers a test wrote down, and fails the test on any other request."""

from __future__ import annotations

import dataclasses
import http.server
import json
import ssl
import threading
import typing as t


@dataclasses.dataclass(frozen=True)
class Reply:
    """An answer.

    ``cut`` closes the connection after so many bytes of the body; ``close`` closes it after all. An empty header is
    not sent, which takes away the Content-Length.
    """

    status: int = 200
    body: bytes = b""
    headers: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    cut: int | None = None
    close: bool = False


class Hangup:
    """Closes the connection without an answer."""


@dataclasses.dataclass(frozen=True)
class Seen:
    """A request that came."""

    method: str
    target: str
    headers: t.Mapping[str, str]
    body: bytes
    connection: int


def as_json(document: object, status: int = 200, **headers: str) -> Reply:
    """Return an answer in JSON; underscores in header names are dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(document).encode(), {"Content-Type": "application/json", **named})


def registry_error(status: int, code: str, **headers: str) -> Reply:
    """Return an answer as registries put their errors."""
    return as_json({"errors": [{"code": code, "message": code.lower()}]}, status, **headers)


class ScriptedServer:
    """Each request takes the next answer written for its method and target."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.unexpected: list[str] = []
        self._script: dict[tuple[str, str], list[Reply | Hangup]] = {}
        self._always: dict[tuple[str, str], Reply] = {}
        self._lock = threading.Lock()
        server = self

        class Handler(_Handler):
            scripted = server

        self._http = QuietServer(("127.0.0.1", 0), Handler)
        if context:
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.port: int = self._http.server_address[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def on(self, method: str, target: str, *replies: Reply | Hangup) -> ScriptedServer:
        """Write down answers, one a request."""
        self._script.setdefault((method, target), []).extend(replies)
        return self

    def always(self, method: str, target: str, reply: Reply) -> ScriptedServer:
        """Write down an answer for as many requests as come, which may be none."""
        self._always[method, target] = reply
        return self

    def targets(self) -> list[str]:
        """Return ``METHOD target`` of all requests in their order."""
        return [f"{request.method} {request.target}" for request in self.seen]

    def answer(self, request: Seen) -> Reply | Hangup:
        """Take the next answer for a request."""
        with self._lock:
            self.seen.append(request)
            replies = self._script.get((request.method, request.target))
            if not replies and (request.method, request.target) in self._always:
                return self._always[request.method, request.target]
            if not replies:
                self.unexpected.append(f"{request.method} {request.target}")
                return Reply(418, b"the script has no answer for this")
            return replies.pop(0)

    def close(self) -> None:
        """Stop."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def check(self) -> None:
        """Fail if a request came that was not expected, or one that was did not come."""
        left = [f"{method} {target}" for (method, target), replies in self._script.items() if replies]
        assert not self.unexpected and not left, f"unexpected: {self.unexpected}, never asked: {left}"


class QuietServer(http.server.ThreadingHTTPServer):
    """Answers each connection in a thread, and takes a client that breaks off as nothing to talk about."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that break off are what the tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet an answer: otherwise Nagle's algorithm and delayed acknowledgements cost 40 ms each.
    wbufsize = -1
    disable_nagle_algorithm = True
    scripted: ScriptedServer

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if len(body) < int(self.headers.get("Content-Length", 0)):
            self.close_connection = True  # the client broke off: that is no request
            return
        request = Seen(self.command, self.path, dict(self.headers), body, self.client_address[1])
        reply = self.scripted.answer(request)
        if isinstance(reply, Hangup):
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[: reply.cut])
        self.wfile.flush()
        if reply.close or reply.cut is not None:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _handle  # noqa: N815  # names the base class calls

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""
