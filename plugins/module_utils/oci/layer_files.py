# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Layers of a docker-archive made ready for a registry: compressed always the same way, digests known, verified."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import tempfile
import typing as t
import zlib

from .errors import ArchiveError, ContentError
from .file_tree import FileTree, FileView, shown
from .media_types import DOCKER_LAYER, Descriptor
from .packing import Packed, Packer
from .streamed_archive import StreamedArchive
from .streams import BUFFER_SIZE, Readable, read_chunks

MAX_UNPACKED = 4 * 1024**3
"""Bytes that a compressed layer may unpack to, however small it is. They cost time only: nothing unpacked is kept."""

MAX_RATIO = 100
"""How many times larger than itself a layer may be unpacked beyond that. Real ones stay below 20, gzip ends at 1032."""

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer as a registry gets it, and how to open it.

    ``trusted`` says that its digest was taken here, of what stands in a file that nobody else can open.
    """

    descriptor: Descriptor
    open: t.Callable[[], Readable]
    file: t.IO[bytes] | None = None
    trusted: bool = False


def prepare_layer(tree: FileTree, name: str, diff_id: str, temp_dir: str | None) -> Layer:
    """Read a layer to its end and return it ready to be sent.

    One that is gzip-compressed already stays as it is. Another is compressed into an unnamed temporary file: its
    digest must be known before it is sent, and compressing twice would cost more than the disk.

    :param diff_id: the digest of the uncompressed layer that the image's configuration names.
    :raises ArchiveError: if that digest differs, or the layer is compressed in a way Docker's manifests do not know.
    """
    where = f"{tree.path}: {shown(name)}"
    start = _start(tree.open(name))
    if start.startswith(_ZSTD_MAGIC):
        raise ArchiveError(
            f"{where} is compressed with zstd.", hint="Use oci-archive: if the archive has an index.json."
        )
    if start.startswith(_GZIP_MAGIC):
        layer, actual = _take(tree, name, diff_id, where)
    else:
        layer, actual = _compress(tree, name, diff_id, temp_dir)
    if actual != diff_id:
        close_layer(layer)
        raise _wrong(where, actual, diff_id)
    return layer


def packed_layer(archive: StreamedArchive, packed: Packed, diff_id: str, *, where: str) -> Layer:
    """Return a layer that was compressed while its archive came.

    :raises ArchiveError: if it is not the one that its image names.
    """
    if packed.diff_id != diff_id:
        raise _wrong(where, packed.diff_id, diff_id)
    descriptor = Descriptor(DOCKER_LAYER, packed.digest, packed.size)
    return Layer(descriptor, lambda: archive.open_packed(packed), trusted=True)


def linked_layer(descriptor: Descriptor, *, where: str) -> Layer:
    """Return a layer that a registry has compressed already: it is named, and never read."""

    def refuse() -> Readable:
        raise ContentError(
            f"{where}: the registry had the layer {descriptor.digest}, and has it no more.",
            hint="Run it again: the layer is then compressed and sent.",
        )

    return Layer(descriptor, refuse, trusted=True)


def _wrong(where: str, actual: str, diff_id: str) -> ArchiveError:
    return ArchiveError(
        f"{where} has the digest {actual}, its image says {diff_id}.",
        hint="The archive is damaged or was changed: export the image again.",
    )


def close_layer(layer: Layer) -> None:
    """Remove the temporary file of a layer, if it has one."""
    if layer.file is not None:
        layer.file.close()


def _start(stream: Readable) -> bytes:
    buffer = memoryview(bytearray(len(_ZSTD_MAGIC)))
    try:
        return bytes(buffer[: stream.readinto(buffer)])
    finally:
        stream.close()


def _take(tree: FileTree, name: str, diff_id: str, where: str) -> tuple[Layer, str]:
    compressed, size = hashlib.sha256(), 0
    stream = tree.open(name)
    try:
        for chunk in read_chunks(stream):
            compressed.update(chunk)
            size += len(chunk)
    finally:
        stream.close()
    content, unpacked_size, limit = hashlib.new(diff_id.partition(":")[0]), 0, max(MAX_UNPACKED, size * MAX_RATIO)
    stream = tree.open(name)
    try:
        with gzip.GzipFile(fileobj=t.cast(t.BinaryIO, _Readable(stream))) as unpacked:
            for chunk in read_chunks(unpacked):
                content.update(chunk)
                unpacked_size += len(chunk)
                if unpacked_size > limit:
                    raise ArchiveError(
                        f"{where} has {size} bytes and unpacks to more than {limit}.",
                        hint="This looks like a gzip bomb. If you trust it, oci-archive: takes layers as they are.",
                    )
    except (OSError, EOFError, zlib.error) as error:
        raise ArchiveError(f"{where} is not whole gzip data ({error}).", hint="Export the image again.") from error
    finally:
        stream.close()
    descriptor = Descriptor(DOCKER_LAYER, f"sha256:{compressed.hexdigest()}", size)
    return Layer(descriptor, lambda: tree.open(name)), f"{content.name}:{content.hexdigest()}"


def _compress(tree: FileTree, name: str, diff_id: str, temp_dir: str | None) -> tuple[Layer, str]:
    stream = tree.open(name)
    try:
        file = tempfile.TemporaryFile(dir=temp_dir, prefix="dockyard-layer-")
        with Packer(file, diff_id.partition(":")[0]) as packer:
            for chunk in read_chunks(stream):
                packer.write(chunk)
            packed = packer.finish()
        file.flush()
    except OSError as error:
        where = temp_dir or tempfile.gettempdir()
        raise ArchiveError(
            f"{tree.path}: {shown(name)} could not be compressed in {where}: {error.strerror or error}.",
            hint="That folder needs room for the image's largest layers.",
        ) from error
    finally:
        stream.close()
    descriptor = Descriptor(DOCKER_LAYER, packed.digest, packed.size)
    return Layer(descriptor, lambda: FileView(file, 0, packed.size), file, trusted=True), packed.diff_id


class _Readable:
    """The little that gzip asks of a file."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream

    def read(self, size: int = BUFFER_SIZE) -> bytes:
        buffer = memoryview(bytearray(size))
        return bytes(buffer[: self._stream.readinto(buffer)])
