# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes one image layer: a gzipped tar that depends on nothing but what it holds.

Same entries, same bytes: sorted, one time stamp, no user names, a fixed gzip header.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
import tarfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# Magic, deflate, no flags, no time, "maximum compression" bit off, unknown system.
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
GZIP_LEVEL = 6
TAR_BLOCK = 10240


@dataclass(frozen=True)
class Entry:
    """A file, folder or link of an image; `path` is absolute, `link` is a symbolic link's target."""

    path: str
    mode: int = 0o644
    data: bytes = b""
    link: str = ""
    is_folder: bool = False
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True)
class Blob:
    """A finished blob: its digest, its size in bytes and, for a layer, the digest of the tar inside."""

    digest: str
    size: int
    diff_id: str = ""


class LayerStream(io.RawIOBase):
    """A file to write a layer's tar to: hashes it, packs it, hashes the packed bytes, writes them to `out`."""

    def __init__(self, out: BinaryIO) -> None:
        super().__init__()
        self._out = out
        self._deflate = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, 9)
        self._plain = hashlib.sha256()
        self._packed = hashlib.sha256()
        self._crc = 0
        self._plain_size = 0
        self._packed_size = 0
        self._emit(GZIP_HEADER)

    def _emit(self, data: bytes) -> None:
        self._packed.update(data)
        self._packed_size += len(data)
        self._out.write(data)

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._plain_size

    def write(self, data) -> int:  # type: ignore[no-untyped-def, override]
        view = memoryview(data)
        self._plain.update(view)
        self._crc = zlib.crc32(view, self._crc)
        self._plain_size += view.nbytes
        self._emit(self._deflate.compress(view))
        return view.nbytes

    def finish(self) -> Blob:
        """End the gzip stream and return what was written."""
        self._emit(self._deflate.flush())
        self._emit(struct.pack("<II", self._crc, self._plain_size & 0xFFFFFFFF))
        return Blob("sha256:" + self._packed.hexdigest(), self._packed_size, "sha256:" + self._plain.hexdigest())


def tar_info(entry: Entry, mtime: int) -> tarfile.TarInfo:
    """The tar header of an entry."""
    info = tarfile.TarInfo(entry.path.lstrip("/"))
    info.mode, info.uid, info.gid, info.mtime = entry.mode, entry.uid, entry.gid, mtime
    if entry.is_folder:
        info.type = tarfile.DIRTYPE
    elif entry.link:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.link, 0o777
    else:
        info.size = len(entry.data)
    return info


def open_tar(out: BinaryIO | LayerStream) -> tarfile.TarFile:
    """A tar file to write to, in the form all of the builder's tars have."""
    return tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, bufsize=TAR_BLOCK)  # type: ignore[arg-type]


def write_blob(folder: Path, data: bytes) -> Blob:
    """Put bytes into a folder of blobs under their digest."""
    name = hashlib.sha256(data).hexdigest()
    folder.joinpath(name).write_bytes(data)
    return Blob("sha256:" + name, len(data))


def keep_blob(partial: Path, blob: Blob) -> Blob:
    """Give a blob that was written under a working name its digest's name."""
    os.replace(partial, partial.with_name(blob.digest.removeprefix("sha256:")))
    return blob


def write_layer(folder: Path, entries: Iterable[Entry], mtime: int) -> Blob:
    """Write the layer of these entries into a folder of blobs; folders above an entry are added (0755, root)."""
    found = {entry.path: entry for entry in entries}
    for path in list(found):
        for parent in parents(path):
            found.setdefault(parent, Entry(parent, mode=0o755, is_folder=True))
    partial = folder / "layer.partial"
    with partial.open("wb") as out:
        stream = LayerStream(out)
        with open_tar(stream) as tar:
            for path in sorted(found):
                tar.addfile(tar_info(found[path], mtime), io.BytesIO(found[path].data))
        blob = stream.finish()
    return keep_blob(partial, blob)


def parents(path: str) -> list[str]:
    """The folders above an absolute path, without the root: /a/b/c has /a and /a/b."""
    parts = path.strip("/").split("/")[:-1]
    return ["/" + "/".join(parts[: end + 1]) for end in range(len(parts))]
