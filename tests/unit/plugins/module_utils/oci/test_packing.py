# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Layers that are compressed by all processors: right for every reader, and the same bytes each time."""

from __future__ import annotations

import gzip
import io
import os
import random

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import packing
from ansible_collections.dockyard.registry.plugins.module_utils.oci.packing import BLOCK_SIZE, Packer
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import digest_of

TEXT = b"".join(b"line %d of a file that compresses well\n" % number for number in range(60_000))
NOISE = random.Random(1).randbytes(BLOCK_SIZE + 12345)


@pytest.mark.parametrize("size", [0, 1, BLOCK_SIZE - 1, BLOCK_SIZE, BLOCK_SIZE + 1, len(TEXT)])
@pytest.mark.parametrize("step", [777, 3 * BLOCK_SIZE])
def test_what_comes_out_is_what_went_in(size: int, step: int) -> None:
    file, content = io.BytesIO(), TEXT[:size]
    with Packer(file) as packer:
        for start in range(0, size, step):
            packer.write(memoryview(content[start : start + step]))
        packed = packer.finish()
    raw = file.getvalue()
    assert gzip.decompress(raw) == content
    assert (packed.offset, packed.size, packed.digest, packed.diff_id) == (0, len(raw), digest_of(raw), digest_of(content))


def packed_bytes(*layers: bytes) -> bytes:
    file = io.BytesIO()
    with Packer(file) as packer:
        for layer in layers:
            packer.write(memoryview(layer))
            packer.finish()
    return file.getvalue()


def test_the_number_of_processors_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    expected = packed_bytes(TEXT, NOISE)
    for count in (None, 2, 7):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert packed_bytes(TEXT, NOISE) == expected


def test_layers_stand_behind_what_was_written_between() -> None:
    file = io.BytesIO()
    with Packer(file, "sha512") as packer:
        packer.write(memoryview(TEXT))
        first = packer.finish()
        file.write(b"something else")
        packer.write(memoryview(NOISE))
        second = packer.finish()
    raw = file.getvalue()
    assert second.offset == first.size + len(b"something else")
    assert gzip.decompress(raw[second.offset : second.offset + second.size]) == NOISE
    assert first.diff_id.startswith("sha512:")


def test_noise_is_stored_and_text_is_not() -> None:
    assert len(NOISE) < len(packed_bytes(NOISE)) < len(NOISE) + 1000
    assert len(packed_bytes(TEXT)) < len(TEXT) / 4


def test_a_full_disk_stops_the_threads() -> None:
    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), Packer(Full()) as packer:
        for _time in range(20):
            packer.write(memoryview(NOISE))


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the threads are, no more blocks wait than were agreed on."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with Packer(io.BytesIO()) as packer:
        for _time in range(30):
            packer.write(memoryview(NOISE))
            assert len(packer._waiting) <= 4
    assert packing.BLOCK_SIZE == 2**20
