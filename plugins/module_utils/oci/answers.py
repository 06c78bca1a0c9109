# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The head of an HTTP answer, read without the mail parser of Python's library.

That parser takes a third of all a small request costs, and lists of thousands of tags are nothing but small requests.
"""

from __future__ import annotations

import http
import http.client
import typing as t

_MAX_LINE = 64 * 1024
"""Bytes of one line, as in Python's library."""

_MAX_LINES = 200
"""Lines of one head; an answer to a list of challenges has a few dozen."""

_NO_BODY = (http.HTTPStatus.NO_CONTENT, http.HTTPStatus.NOT_MODIFIED)


class Headers:
    """The fields of an answer. Names are looked up in any case."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, list[str]]) -> None:
        """Take the values by lower-case name."""
        self._values = values

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the first value."""
        found = self._values.get(name.lower())
        return found[0] if found else default

    def get_all(self, name: str, default: list[str] | None = None) -> list[str] | None:
        """Return all values, in the order they came in."""
        return self._values.get(name.lower(), default)


class QuickResponse(http.client.HTTPResponse):
    """An answer of the library with :class:`Headers` in place of a mail message."""

    def begin(self) -> None:
        """Read the head, and find out how long the body is (RFC 9112, 6.3), as the library does."""
        if self.headers is not None:
            return
        while True:
            version, status, reason = self._read_status()
            headers = _read_headers(self.fp)
            if status != http.HTTPStatus.CONTINUE:
                break
        if not version.startswith(("HTTP/1.", "HTTP/0.9")):
            raise http.client.UnknownProtocol(version)
        self.code = self.status = status
        self.reason = reason.strip()
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


def _read_headers(stream: t.BinaryIO) -> Headers:
    values: dict[str, list[str]] = {}
    last: list[str] = []
    for _number in range(_MAX_LINES):
        line = stream.readline(_MAX_LINE + 1)
        if len(line) > _MAX_LINE:
            raise http.client.LineTooLong("header line")
        text = line.decode("iso-8859-1")
        stripped = text.strip()
        if not stripped:
            return Headers(values)
        if text[0] in " \t" and last:
            last[-1] += f" {stripped}"  # a line that goes on, which nobody should send any more (RFC 9112, 5.2)
            continue
        name, _colon, value = stripped.partition(":")
        last = values.setdefault(name.rstrip().lower(), [])
        last.append(value.strip())
    raise http.client.HTTPException(f"got more than {_MAX_LINES} headers")


class PlainConnection(http.client.HTTPConnection):
    """A connection whose answers are read quickly."""

    response_class = QuickResponse


class TlsConnection(http.client.HTTPSConnection):
    """The same over TLS."""

    response_class = QuickResponse
