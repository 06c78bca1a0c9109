# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stretch of network: hands on each byte, in order, a while after it came, and never slows the flow otherwise.

Only bytes are delayed: a connection is made at once, so that opening one costs no round trip, for all contenders alike.

    relay.py HOST:PORT MILLISECONDS     prints the port it listens at
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import sys

UNDERWAY = 64 * 1024 * 1024
"""Bytes that may be on their way in one direction of a connection: at 10 ms that is 6 GB/s, more than a machine moves."""


class Direction(asyncio.Protocol):
    """What one side sends, on its way to the other."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._waiting: collections.deque[tuple[float, bytes]] = collections.deque()
        self._size = 0
        self._blocked = False
        self._ending = False
        self._ended = False
        self._timer: asyncio.TimerHandle | None = None
        self.transport: asyncio.Transport | None = None
        self.other: Direction | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Take bytes; an empty one is the end of what this side sends."""
        self._waiting.append((self._loop.time() + self._delay, data))
        self._size += len(data)
        if self._size > UNDERWAY and self.transport:
            self.transport.pause_reading()
        self._plan()

    def eof_received(self) -> bool:
        """Hand on the end like the bytes before it; the other direction stays open."""
        self._end()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Let what is on its way arrive before the other side is closed; an error closes it at once."""
        if exc is None:
            self._end()
        elif self.other and self.other.transport:
            self.other.transport.abort()

    def pause_writing(self) -> None:
        """This side takes no more for now: what is on its way to it waits."""
        if self.other:
            self.other.block(True)

    def resume_writing(self) -> None:
        """This side takes more again."""
        if self.other:
            self.other.block(False)

    def block(self, blocked: bool) -> None:
        """Stop or start handing on."""
        self._blocked = blocked
        if not blocked:
            self._plan()

    def join(self, other: Direction) -> None:
        """Name the side that the bytes go to."""
        self.other = other
        self._plan()

    def _end(self) -> None:
        if not self._ending:
            self._ending = True
            self.data_received(b"")

    def _plan(self) -> None:
        if self._waiting and not self._timer and not self._blocked and self.other and self.other.transport:
            self._timer = self._loop.call_at(self._waiting[0][0], self._deliver)

    def _deliver(self) -> None:
        self._timer = None
        assert self.other is not None and self.other.transport is not None
        now = self._loop.time()
        while self._waiting and self._waiting[0][0] <= now and not self._blocked:
            _due, data = self._waiting.popleft()
            self._size -= len(data)
            self._hand_on(self.other.transport, data)
        if self._size <= UNDERWAY and self.transport and not self.transport.is_closing():
            self.transport.resume_reading()
        self._plan()

    def _hand_on(self, target: asyncio.Transport, data: bytes) -> None:
        if data:
            if not target.is_closing():
                target.write(data)
            return
        self._ended = True
        if self.other and self.other._ended:
            target.close()
            if self.transport:
                self.transport.close()
        elif not target.is_closing():
            with contextlib.suppress(OSError):
                target.write_eof()


class Client(Direction):
    """The side that called: the server is called at once."""

    def __init__(self, host: str, port: int, delay: float) -> None:
        super().__init__(delay)
        self._place = (host, port)
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Call the server."""
        super().connection_made(transport)
        self._task = asyncio.get_running_loop().create_task(self._call())

    async def _call(self) -> None:
        try:
            _transport, server = await asyncio.get_running_loop().create_connection(
                lambda: Direction(self._delay), *self._place
            )
        except OSError:
            if self.transport:
                self.transport.abort()
            return
        server.join(self)
        self.join(server)


async def serve(host: str, port: int, delay: float) -> asyncio.Server:
    """Listen at a free port of loopback; each direction takes ``delay`` seconds."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Client(host, port, delay), "127.0.0.1", 0)


async def main() -> None:
    """Relay until this is ended."""
    host, _colon, port = sys.argv[1].rpartition(":")
    server = await serve(host, int(port), float(sys.argv[2]) / 1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
