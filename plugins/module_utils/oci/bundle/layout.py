# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where each file of a bundle stands in it: sizes are known before a byte is read, so offsets are, too.

So blobs are written several at a time, and a bundle that is read must be, byte for byte, what would be written.
"""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ..layout_documents import OCI_LAYOUT, contents_of
from ..media_types import Descriptor
from ..oci_layout import blob_name
from ..tar_writer import END, header, padding
from .documents import Attached, Bundled, small_files


@dataclasses.dataclass(frozen=True)
class Piece:
    """Bytes that are known before any blob is read, and where they stand; ``name`` is the file they are for."""

    offset: int
    data: bytes
    name: str


@dataclasses.dataclass(frozen=True)
class Slot:
    """The place of a blob that is still to be read."""

    offset: int
    content: Descriptor


@dataclasses.dataclass(frozen=True)
class Layout:
    """All of a bundle: what is known, where the blobs go, and its size in bytes."""

    pieces: tuple[Piece, ...]
    slots: tuple[Slot, ...]
    size: int


def lay_out(images: t.Sequence[Bundled], attached: t.Sequence[Attached] = ()) -> Layout:
    """Return where everything stands: the small files first, so that a reader of the stream knows what follows.

    :param attached: what is about the images, and goes with them.
    """
    every = [*(image.image for image in images), *(one.image for one in attached)]
    manifests = {manifest.digest: manifest.raw for image in every for manifest in image.manifests}
    contents = {blob_name(content.digest): content for image in every for content in contents_of(image)}
    pieces: list[Piece] = []
    slots: list[Slot] = []
    offset = 0

    def put(data: bytes, name: str) -> None:
        nonlocal offset
        if data:
            pieces.append(Piece(offset, data, name))
            offset += len(data)

    def put_file(name: str, data: bytes) -> None:
        put(header(name, len(data)) + data + bytes(padding(len(data))), name)

    for folder in sorted({"blobs", *(os.path.dirname(name) for name in contents)}):
        put(header(folder, 0, directory=True), folder)
    put_file("oci-layout", OCI_LAYOUT)
    for name, data in small_files(images, attached).items():
        put_file(name, data)
    for name, content in sorted(contents.items()):
        raw = manifests.get(content.digest)
        if raw is not None:
            put_file(name, raw)
            continue
        put(header(name, content.size), name)
        slots.append(Slot(offset, content))
        offset += content.size
        put(bytes(padding(content.size)), name)
    put(END, "the end mark")
    return Layout(tuple(pieces), tuple(slots), offset)
