# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing a bundle: beside its place, several blobs at a time, and then at once under its name."""

from __future__ import annotations

import os
import threading

from ..copy import StoppableReader, in_parallel
from ..local_files import Place, new_file, remove_abandoned
from ..streams import Count, CountingReader, Readable, read_chunks
from .layout import Slot
from .planning import Plan


def write_bundle(plan: Plan, *, place: Place, count: Count) -> None:
    """Write what a plan says. If it fails or is interrupted, the old bundle is what it was.

    :param place: moves the finished file, which only its owner can read, to its path and gives it its permissions.
    :param count: is told of the bytes of blobs as they are written.
    :raises RegistryError: if a source fails, or the disk.
    """
    if not plan.changed:
        return
    path = os.path.realpath(plan.path)
    remove_abandoned(os.path.dirname(path))
    stopped = threading.Event()
    with new_file(path, mode=0o600, place=place) as file:
        descriptor = file.fileno()

        def fill(slot: Slot) -> None:
            stream = CountingReader(plan.open_blob(slot.content), count)
            _copy(descriptor, slot.offset, StoppableReader(stream, stopped))

        os.ftruncate(descriptor, plan.layout.size)
        for piece in plan.layout.pieces:
            _write_at(descriptor, memoryview(piece.data), piece.offset)
        slots = sorted(plan.layout.slots, key=lambda slot: (-slot.content.size, slot.offset))
        in_parallel(fill, slots, on_failure=stopped.set)


def _copy(descriptor: int, offset: int, stream: Readable) -> None:
    try:
        for chunk in read_chunks(stream):
            _write_at(descriptor, chunk, offset)
            offset += len(chunk)
    finally:
        stream.close()


def _write_at(descriptor: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written
