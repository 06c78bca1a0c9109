# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes on a connection: the heads of answers at one go, their bodies straight into the reader's buffer."""

from __future__ import annotations

import http.client
import re
import socket

_AT_ONCE = 16 * 1024
"""Bytes that are asked for where the length is not known: a head, and with it most small answers."""

_MAX_LINE = 64 * 1024
"""Bytes of one line."""

_MAX_LINES = 200
"""Lines of one head; an answer to a list of challenges has a few dozen."""

_MAX_HEAD = 512 * 1024

_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(r"[ \t]*\n[ \t]+")
_BEGIN = b"HTTP/"


class Wire:
    """Reads an open socket, for one answer after the other."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = b""

    @property
    def has_rest(self) -> bool:
        """Whether something came that nobody asked for: what would be read next is then no answer to the next request."""
        return bool(self._buffer)

    def read_head(self) -> str:
        """Return the lines of a head without the empty one that ends it; lines that go on in the next are one.

        :raises http.client.HTTPException: if something else comes, or nothing.
        """
        searched = 0
        while True:
            end = _END.search(self._buffer, searched) if b"\n" in self._buffer else None
            if end:
                break
            searched = max(0, len(self._buffer) - 3)
            if len(self._buffer) > _MAX_HEAD:
                raise http.client.LineTooLong("header line")
            more = self._sock.recv(_AT_ONCE)
            if not more:
                if self._buffer:
                    raise http.client.IncompleteRead(self._buffer[:100])
                raise http.client.RemoteDisconnected("Remote end closed connection without response")
            self._buffer += more
            # What speaks something else may wait for us to go on.
            if self._buffer[: len(_BEGIN)] != _BEGIN[: len(self._buffer)]:
                raise http.client.BadStatusLine(repr(self._buffer[:60]))
        head, self._buffer = self._buffer[: end.start()], self._buffer[end.end() :]
        text = head.decode("iso-8859-1").replace("\r\n", "\n")
        if text.count("\n") > _MAX_LINES:
            raise http.client.HTTPException(f"got more than {_MAX_LINES} headers")
        if len(text) > _MAX_LINE and max(map(len, text.split("\n"))) > _MAX_LINE:
            raise http.client.LineTooLong("header line")
        # Nobody should send lines that go on any more (RFC 9112, 5.2).
        return _FOLD.sub(" ", text) if "\n " in text or "\n\t" in text else text

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer; less only if the end comes before."""
        filled = min(len(buffer), len(self._buffer))
        if filled:
            buffer[:filled] = self._buffer[:filled]
            self._buffer = self._buffer[filled:]
        while filled < len(buffer):
            more = self._sock.recv_into(buffer[filled:])
            if not more:
                break
            filled += more
        return filled

    def readline(self) -> bytes:
        """Return a line without its end.

        :raises http.client.HTTPException: if it is too long, or the end comes before.
        """
        while b"\n" not in self._buffer:
            more = self._sock.recv(_AT_ONCE)
            if not more or len(self._buffer) > _MAX_LINE:
                raise http.client.LineTooLong("line") if more else http.client.IncompleteRead(self._buffer[:100])
            self._buffer += more
        line, _end, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")
