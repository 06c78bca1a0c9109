# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Layers compressed with gzip by all processors, always the same way.

A layer is cut into blocks that are compressed by themselves and put together in their order (RFC 1951: each ends at a byte,
none refers to another), so the bytes are the same whatever the number of threads. zlib works without Python's lock.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import hashlib
import os
import typing as t
import zlib

BLOCK_SIZE = 1024 * 1024
"""Bytes of a layer in a block."""

_LEVEL = 3
"""Twice as fast as zlib's usual 6, for layers that are 6 % larger."""

_SAMPLE_SIZE = 16 * 1024
_SAMPLE_GAIN = 0.97
"""A block whose sample keeps more than this of its size is stored: it is compressed or encrypted already."""

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""RFC 1952: no name, no time, no system, so that equal input is equal output."""


@dataclasses.dataclass(frozen=True)
class Packed:
    """A compressed layer in a file: where it stands, its digest, and the digest of what was compressed."""

    offset: int
    size: int
    digest: str
    diff_id: str


class Packer:
    """Compresses layers, one after the other, into a file. Use it in a ``with`` statement."""

    def __init__(self, file: t.IO[bytes], algorithm: str = "sha256") -> None:
        """Begin; the file is appended to.

        :param algorithm: of the digests of what is compressed.
        """
        self._file = file
        self._algorithm = algorithm
        threads = os.cpu_count() or 1
        self._most = 2 * threads
        self._executor = concurrent.futures.ThreadPoolExecutor(threads)
        self._waiting: collections.deque[concurrent.futures.Future[bytes]] = collections.deque()
        self._crc = self._length = 0
        self._begin()

    def __enter__(self) -> Packer:
        return self

    def __exit__(self, *_error: object) -> None:
        for future in self._waiting:
            future.cancel()
        self._executor.shutdown()

    def write(self, data: memoryview) -> None:
        """Go on with a layer.

        :raises OSError: here and in :meth:`finish`, if the file cannot be written.
        """
        self._content.update(data)
        self._crc = zlib.crc32(data, self._crc)
        self._length += len(data)
        while len(data):
            room = BLOCK_SIZE - len(self._block)
            self._block += data[:room]
            data = data[room:]
            if len(self._block) == BLOCK_SIZE:
                self._submit(last=False)

    def finish(self) -> Packed:
        """End a layer, and begin the next one."""
        self._submit(last=True)
        while self._waiting:
            self._take_one()
        self._put(self._crc.to_bytes(4, "little") + (self._length & 0xFFFFFFFF).to_bytes(4, "little"))
        diff_id = f"{self._algorithm}:{self._content.hexdigest()}"
        packed = Packed(self._offset, self._size, f"sha256:{self._digest.hexdigest()}", diff_id)
        self._begin()
        return packed

    def _begin(self) -> None:
        self._offset = self._size = 0
        self._block = bytearray()
        self._content = hashlib.new(self._algorithm)
        self._digest = hashlib.sha256()
        self._crc = self._length = 0
        self._started = False

    def _submit(self, *, last: bool) -> None:
        block, self._block = self._block, bytearray()
        self._waiting.append(self._executor.submit(_deflate, block, last))
        while len(self._waiting) > self._most:
            self._take_one()

    def _take_one(self) -> None:
        if not self._started:
            self._started = True
            self._offset = self._file.tell()
            self._put(_HEADER)
        self._put(self._waiting.popleft().result())

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._size += len(data)
        self._file.write(data)


def _deflate(block: bytearray, last: bool) -> bytes:
    compressor = zlib.compressobj(_level_of(block), zlib.DEFLATED, -zlib.MAX_WBITS, 9)
    return compressor.compress(block) + compressor.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)


def _level_of(block: bytearray) -> int:
    """Return how hard to try: not at all where a sample from the middle shows that nothing is to be gained."""
    middle = len(block) // 2
    sample = block[middle : middle + _SAMPLE_SIZE]
    packed = zlib.compress(sample, 1)
    return 0 if len(packed) > _SAMPLE_GAIN * len(sample) and len(sample) == _SAMPLE_SIZE else _LEVEL
