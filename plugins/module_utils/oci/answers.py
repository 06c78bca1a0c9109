# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The heads of HTTP requests and answers, written and read without the detours of Python's library.

Those take two thirds of all a small request costs, and lists of thousands of tags are nothing but small requests. The
library still reads the bodies, and stands in for what is left out here.
"""

from __future__ import annotations

import http
import http.client
import re
import typing as t

from .wire import Wire

_ILLEGAL = re.compile(r"[\0\r\n]")
"""What ends a field, or what some take for its end (RFC 9110, 5.5)."""

_NO_BODY = (http.HTTPStatus.NO_CONTENT, http.HTTPStatus.NOT_MODIFIED)


class PlainConnection(http.client.HTTPConnection):
    """A connection with what came on it; it is opened once and not again."""

    wire: Wire
    idle_since: float
    """When its last answer had been read, by the monotonic clock."""


class TlsConnection(http.client.HTTPSConnection):
    """The same over TLS."""

    wire: Wire
    idle_since: float


Connection = t.Union[PlainConnection, TlsConnection]


class Headers:
    """The fields of an answer, looked up in its text. Names are looked up in any case."""

    __slots__ = ("_text", "_lower")

    def __init__(self, text: str) -> None:
        """Take fields that all begin with the end of a line, and nothing behind the last."""
        self._text = text
        self._lower = text.lower()

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the first value."""
        value, _end = self._find(name, 0)
        return default if value is None else value

    def get_all(self, name: str, default: list[str] | None = None) -> list[str] | None:
        """Return all values, in the order they came in."""
        found: list[str] = []
        value, end = self._find(name, 0)
        while value is not None:
            found.append(value)
            value, end = self._find(name, end)
        return found or default

    def _find(self, name: str, start: int) -> tuple[str | None, int]:
        field = f"\n{name.lower()}:"
        begin = self._lower.find(field, start)
        if begin < 0:
            return None, start
        begin += len(field)
        end = self._text.find("\n", begin)
        end = len(self._text) if end < 0 else end
        return self._text[begin:end].strip(), end


class QuickResponse(http.client.HTTPResponse):
    """An answer of the library with :class:`Headers` in place of a mail message."""

    def __init__(self, wire: Wire, method: str | None = None) -> None:
        super().__init__(t.cast("t.Any", wire), method=method)
        self._wire = wire

    def begin(self) -> None:
        """Read the head, and find out how long the body is (RFC 9112, 6.3), as the library does."""
        if self.headers is not None:
            return
        status = http.HTTPStatus.CONTINUE.value
        while 100 <= status < 200 and status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            version, status, self.reason, fields = _parse(self._wire.read_head())
        if not version.startswith(("HTTP/1.", "HTTP/0.9")):
            raise http.client.UnknownProtocol(version)
        headers = Headers(fields)
        self.code = self.status = status
        self.version = 10 if version in ("HTTP/1.0", "HTTP/0.9") else 11
        self.headers = self.msg = t.cast("http.client.HTTPMessage", headers)
        self.chunked = (headers.get("transfer-encoding") or "").lower() == "chunked"
        self.chunk_left = None
        self.will_close = self._check_close()
        length = headers.get("content-length") or ""
        self.length = int(length) if length.isascii() and length.isdigit() and not self.chunked else None
        if status in _NO_BODY or 100 <= status < 200 or self._method == "HEAD":
            self.length = 0
        if not self.chunked and self.length is None:
            self.will_close = True


def write_head(connection: Connection, method: str, target: str, fields: t.Mapping[str, str]) -> None:
    """Write a request's head on an open connection. ``fields`` hold Host and, if a body follows, its length.

    :raises ValueError: if a field's value holds the end of a line: what follows it would be read as another field.
    """
    if _ILLEGAL.search("".join(fields.values())):
        raise ValueError("a header field holds the end of a line")
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    connection.sock.sendall("\r\n".join(lines).encode("latin-1"))


def read_answer(connection: Connection, method: str) -> QuickResponse:
    """Return the answer to what was written on a connection, its body unread."""
    response = QuickResponse(connection.wire, method=method)
    try:
        response.begin()
    except BaseException:
        response.close()
        raise
    return response


def _parse(head: str) -> tuple[str, int, str, str]:
    """Return version, status, reason and the fields (RFC 9112, 4)."""
    line, _end, fields = head.partition("\n")
    version, status, reason = (*line.split(None, 2), "", "", "")[:3]
    if not (status.isascii() and status.isdigit() and len(status) == 3):
        raise http.client.BadStatusLine(line)
    return version, int(status), reason.strip(), f"\n{fields}"
