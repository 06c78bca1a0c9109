# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bytes on their way: what can be sent, what can be read, and the check that they are the right ones."""

from __future__ import annotations

import hashlib
import io
import typing as t

from .errors import ContentError
from .media_types import Descriptor

BUFFER_SIZE = 512 * 1024
"""Bytes a thread holds of a blob at any time."""

Opener = t.Callable[[], "Readable"]

Count = t.Callable[[int], None]
"""Takes bytes that were read since it was called last, from any thread."""


class Readable(t.Protocol):
    """A stream of bytes. ``readinto`` returns 0 at the end, and only there."""

    def readinto(self, buffer: memoryview, /) -> int: ...

    def close(self) -> None: ...


class Body(t.NamedTuple):
    """A request's body: its exact size in bytes, and how to open it, again if need be."""

    size: int
    open: Opener


def bytes_body(data: bytes) -> Body:
    """Return bytes as a body."""
    return Body(len(data), lambda: io.BytesIO(data))


class CountingReader:
    """Tells how much of a stream has been read."""

    def __init__(self, stream: Readable, count: Count) -> None:
        self._stream = stream
        self._count = count

    def readinto(self, buffer: memoryview, /) -> int:
        """Read on; 0 at the end."""
        size = self._stream.readinto(buffer)
        self._count(size)
        return size

    def close(self) -> None:
        """Close the stream below."""
        self._stream.close()


class LimitedReader:
    """Ends a stream after ``length`` bytes."""

    def __init__(self, stream: Readable, length: int) -> None:
        self._stream = stream
        self._left = length

    def readinto(self, buffer: memoryview, /) -> int:
        """Read on; 0 at the end."""
        wanted = min(len(buffer), self._left)
        count = self._stream.readinto(buffer[:wanted]) if wanted else 0
        self._left -= count
        return count

    def close(self) -> None:
        """Close the stream below."""
        self._stream.close()


class SequentialParts:
    """Opens a stream part by part: parts in their order cost one pass, a part that is asked for again another one."""

    def __init__(self, open_stream: Opener) -> None:
        self._open_stream = open_stream
        self._stream: Readable | None = None
        self._position = 0

    def open(self, start: int, length: int) -> Readable:
        """Return ``length`` bytes from ``start`` on. Only one part is open at a time; closing it keeps the stream."""
        if self._stream is None or self._position != start:
            self.close()
            self._stream, self._position = self._open_stream(), 0
            drain_to(self, start)
        return LimitedReader(_Borrowed(self), length)

    def readinto(self, buffer: memoryview, /) -> int:
        """Read on; 0 at the end of the whole stream."""
        size = self._stream.readinto(buffer) if self._stream else 0
        self._position += size
        return size

    def close(self) -> None:
        """Close the stream below."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class _Borrowed:
    """Reads a stream that others close."""

    def __init__(self, stream: Readable) -> None:
        self.readinto = stream.readinto

    def close(self) -> None:
        """Leave the stream open."""


class VerifyingReader:
    """Passes a blob on and fails before its last bytes if its size or digest is wrong.

    So a wrong blob is never sent to its end, and a Content-Length that was promised is never fulfilled with it.
    """

    def __init__(self, stream: Readable, descriptor: Descriptor, *, where: str) -> None:
        self._stream = stream
        self._descriptor = descriptor
        self._where = where
        self._hash = hashlib.new(descriptor.digest.partition(":")[0])
        self._count = 0

    def readinto(self, buffer: memoryview, /) -> int:
        """Read on.

        :raises ContentError: if the stream ends early, runs on, or has another digest.
        """
        size = self._stream.readinto(buffer)
        self._hash.update(buffer[:size])
        self._count += size
        if self._count > self._descriptor.size or (size == 0 and self._count < self._descriptor.size):
            kind = "more" if self._count > self._descriptor.size else f"only {self._count}"
            raise ContentError(
                f"{self._where} has {kind} bytes where {self._descriptor.size} are promised.",
                hint="The source is damaged: fetch or export the image again.",
            )
        if self._count == self._descriptor.size:
            self._check_digest()
        return size

    def close(self) -> None:
        """Close the stream below."""
        self._stream.close()

    def _check_digest(self) -> None:
        actual = f"{self._hash.name}:{self._hash.hexdigest()}"
        if actual != self._descriptor.digest:
            raise ContentError(
                f"{self._where} has the digest {actual}, not {self._descriptor.digest}.",
                hint="The source is damaged: fetch or export the image again.",
            )


def read_chunks(stream: Readable, buffer_size: int = BUFFER_SIZE) -> t.Iterator[memoryview]:
    """Yield a stream's bytes in views of one buffer; each view is valid until the next is asked for."""
    buffer = memoryview(bytearray(buffer_size))
    while True:
        size = stream.readinto(buffer)
        if not size:
            return
        yield buffer[:size]


def drain_to(stream: Readable, count: int) -> None:
    """Read ``count`` bytes and drop them; less if the stream ends before."""
    for _chunk in read_chunks(LimitedReader(stream, count)):
        pass


def read_all(stream: Readable) -> bytes:
    """Return all bytes of a stream whose size is known to be small, and close it."""
    try:
        return b"".join(bytes(chunk) for chunk in read_chunks(stream))
    finally:
        stream.close()


def drain(stream: Readable) -> None:
    """Read a stream to its end for the sake of its checks, and close it."""
    try:
        for _chunk in read_chunks(stream):
            pass
    finally:
        stream.close()
