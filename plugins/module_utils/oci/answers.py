# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP/1.1 requests written and answers read (RFC 9112), without the detours of Python's library.

Those take two thirds of all a small request costs, and lists of thousands of tags are nothing but small requests. The
library still opens the connections.
"""

from __future__ import annotations

import http.client
import re
import typing as t

from .wire import Wire

_ILLEGAL = re.compile(r"[\0\r\n]")
"""What ends a field, or what some take for its end (RFC 9110, 5.5)."""

_CONTINUE, _SWITCHING_PROTOCOLS, _NO_CONTENT, _NOT_MODIFIED = 100, 101, 204, 304
_WITHOUT_BODY = (_SWITCHING_PROTOCOLS, _NO_CONTENT, _NOT_MODIFIED)


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
    """The fields of an answer. Names are looked up in any case."""

    __slots__ = ("_fields", "_first")

    def __init__(self, text: str) -> None:
        """Take the lines of a head that hold fields."""
        self._fields = [line.partition(":") for line in text.split("\n")]
        self._first = {name.lower(): value for name, _colon, value in reversed(self._fields)}

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the first value."""
        value = self._first.get(name.lower())
        return default if value is None else value.strip()

    def get_all(self, name: str, default: list[str] | None = None) -> list[str] | None:
        """Return all values, in the order they came in."""
        return [value.strip() for known, _colon, value in self._fields if known.lower() == name.lower()] or default


class Response:
    """An answer: its head, and its body as it comes (RFC 9112, 6.3).

    ``ended`` says that the body was read to its end, ``will_close`` that the server closes the connection behind it.
    """

    __slots__ = ("status", "headers", "will_close", "ended", "_wire", "_left", "_is_chunked")

    def __init__(self, wire: Wire, method: str) -> None:
        """Read the head; answers that only announce another one are passed over (RFC 9110, 15.2).

        :raises http.client.HTTPException: if something else comes, or nothing.
        """
        status = _CONTINUE
        while 100 <= status < 200 and status != _SWITCHING_PROTOCOLS:
            version, status, fields = _parse(wire.read_head())
        headers = Headers(fields)
        self.status, self.headers, self._wire = status, headers, wire
        self._is_chunked = (headers.get("transfer-encoding") or "").lower() == "chunked"
        length = "" if self._is_chunked else headers.get("content-length") or ""
        has_body = method != "HEAD" and status not in _WITHOUT_BODY
        # Bytes that are left of the body or of a chunk; None is all up to the end of the connection.
        self._left = int(length) if length.isascii() and length.isdigit() else 0 if self._is_chunked else None
        option = (headers.get("connection") or "").lower()
        self.will_close = "close" in option if version == "HTTP/1.1" else "keep-alive" not in option
        self.will_close = self.will_close or self._left is None and has_body
        self.ended = not has_body or self._left == 0 and not self._is_chunked

    @property
    def length(self) -> int | None:
        """The bytes that are left of the body; None if that is not known."""
        return 0 if self.ended else None if self._is_chunked else self._left

    def readinto(self, buffer: memoryview, /) -> int:
        """Read on, and fill the buffer unless a chunk or the body ends; 0 at the end.

        :raises http.client.HTTPException: if the connection ends before the body does.
        """
        if self.ended:
            return 0
        if self._is_chunked and not self._left and not self._begin_chunk():
            return 0
        if self._left is None:
            size = self._wire.readinto(buffer)
            self.ended = not size
            return size
        size = self._wire.readinto(buffer[: self._left])
        if not size:
            raise http.client.IncompleteRead(b"", self._left)
        self._left -= size
        if not self._left and self._is_chunked:
            self._end_chunk()
        elif not self._left:
            self.ended = True
        return size

    def _begin_chunk(self) -> bool:
        """Read how long the next chunk is; False if it is the last one, which has no content (RFC 9112, 7.1)."""
        line = self._wire.readline()
        try:
            self._left = int(line.partition(b";")[0], 16)
        except ValueError:
            self._left = -1
        if self._left < 0:
            raise http.client.HTTPException(f"a chunk begins with {line[:60]!r}")
        if self._left:
            return True
        while self._wire.readline():
            pass  # trailers
        self.ended = True
        return False

    def _end_chunk(self) -> None:
        line = self._wire.readline()
        if line:
            raise http.client.HTTPException(f"a chunk is followed by {line[:60]!r}")


def heads(method: str, targets: t.Iterable[str], fields: t.Mapping[str, str]) -> bytes:
    """Return the heads of requests that are alike but for their targets, one behind the other.

    :param fields: hold Host and, if a body follows, its length.
    :raises ValueError: if a field's value holds the end of a line: what follows it would be read as another field.
    """
    if _ILLEGAL.search("".join(fields.values())):
        raise ValueError("a header field holds the end of a line")
    rest = " HTTP/1.1\r\n" + "".join([f"{name}: {value}\r\n" for name, value in fields.items()]) + "\r\n"
    return "".join([f"{method} {target}{rest}" for target in targets]).encode("latin-1")


def _parse(head: str) -> tuple[str, int, str]:
    """Return version, status and the fields (RFC 9112, 4)."""
    line, _end, fields = head.partition("\n")
    version, status = (*line.split(None, 2), "")[:2]
    if not (status.isascii() and status.isdigit() and len(status) == 3):
        raise http.client.BadStatusLine(line)
    if not version.startswith("HTTP/1."):
        raise http.client.UnknownProtocol(version)
    return version, int(status), fields
