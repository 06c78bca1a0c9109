# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The relay: every byte, in order, no earlier than it may come and not much later, and no slower in bulk."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

if sys.version_info < (3, 11):
    pytest.skip("bench needs Python 3.11", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parents[3] / "bench"))

from dockyard_bench import relay  # noqa: E402

DELAY = 0.05


async def through(talk):
    """Run ``talk`` with a reader and a writer that lead through the relay to a server which echoes after the end."""

    async def echo(reader, writer):
        data = b""
        while chunk := await reader.read(65536):
            data += chunk
        writer.write(data)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    between = await relay.serve("127.0.0.1", server.sockets[0].getsockname()[1], DELAY)
    reader, writer = await asyncio.open_connection("127.0.0.1", between.sockets[0].getsockname()[1])
    try:
        return await asyncio.wait_for(talk(reader, writer), 30)
    finally:
        writer.close()
        between.close()
        server.close()


def test_bytes_arrive_whole_in_order_and_late_in_both_directions() -> None:
    sent = bytes(range(256)) * 20_000

    async def talk(reader, writer):
        since = time.monotonic()
        for start in range(0, len(sent), 100_000):
            writer.write(sent[start:start + 100_000])
            await writer.drain()
        writer.write_eof()
        received = await reader.read()
        return received, time.monotonic() - since

    received, seconds = asyncio.run(through(talk))
    assert received == sent
    assert seconds >= 2 * DELAY


def test_pieces_sent_apart_are_each_delayed_and_do_not_wait_for_one_another() -> None:
    async def talk(reader, writer):
        since = time.monotonic()
        for piece in (b"a", b"b", b"c"):
            writer.write(piece)
            await asyncio.sleep(DELAY)
        writer.write_eof()
        received = await reader.read()
        return received, time.monotonic() - since

    received, seconds = asyncio.run(through(talk))
    assert received == b"abc"
    assert seconds >= 5 * DELAY  # three pauses, and there and back after the last


def test_more_than_may_be_underway_is_held_back_and_arrives() -> None:
    sent = b"x" * 1_000_000

    async def talk(reader, writer):
        writer.write(sent)
        writer.write_eof()
        return await reader.read()

    before = relay.UNDERWAY
    relay.UNDERWAY = 10_000
    try:
        assert asyncio.run(through(talk)) == sent
    finally:
        relay.UNDERWAY = before


def test_a_server_that_is_not_there_ends_the_connection() -> None:
    async def talk():
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        between = await relay.serve("127.0.0.1", port, DELAY)
        reader, writer = await asyncio.open_connection("127.0.0.1", between.sockets[0].getsockname()[1])
        try:
            writer.write(b"hello")
            with pytest.raises(ConnectionError):
                if not await asyncio.wait_for(reader.read(), 10):
                    raise ConnectionAbortedError
        finally:
            writer.close()
            between.close()

    asyncio.run(talk())
