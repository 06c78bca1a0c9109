# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An archive of ``docker save`` taken while it is sent: its layers are compressed at once, and never stand unpacked.

What a layer is shows in its first bytes, for the list of layers comes last. One that is not seen as such is kept as it
is, and compressed when the list names it.
"""

from __future__ import annotations

import tarfile
import typing as t

from .errors import ArchiveError
from .file_tree import BoundedTarInfo, FileView, TarTree
from .packing import Packed, Packer
from .saved_layers import LayerNames
from .streams import BUFFER_SIZE, Readable

_ZEROS = bytes(tarfile.BLOCKSIZE)


class StreamedArchive(TarTree):
    """The files of an archive that came as a stream, kept in one file; layers are compressed in it."""

    def __init__(
        self,
        path: str,
        stream: Readable,
        file: t.IO[bytes],
        *,
        names: LayerNames | None = None,
        spared: t.Collection[str] = (),
    ) -> None:
        """Take the archive to its end.

        :param path: what messages call the archive.
        :param file: where its files are kept; closed with the tree.
        :param names: tells which layer a file is.
        :param spared: the digests of the content of layers that nobody will read: they are not kept.
        :raises ArchiveError: if it is no tar, or holds what no image archive does.
        :raises OSError: if the file cannot be written.
        """
        self._packed: dict[str, Packed] = {}
        self._passed: dict[str, str] = {}
        self._names = names or LayerNames(())
        self._spared = frozenset(spared)
        self._stream = stream
        super().__init__(path, file)

    def packed(self, name: str) -> Packed | None:
        """Return a layer that was compressed on its way, None if it stands there as it came."""
        return self._packed.get(self.identity(name))

    def passed(self, name: str) -> str:
        """Return the digest of the content of a layer that was not kept, empty if the file was."""
        return self._passed.get(self.identity(name), "")

    def lacks(self, diff_ids: t.Iterable[str]) -> bool:
        """Tell whether a layer was not kept."""
        return not set(self._passed.values()).isdisjoint(diff_ids)

    def open_packed(self, packed: Packed) -> Readable:
        """Open a compressed layer."""
        return FileView(self._file, packed.offset, packed.size)

    def _read_contents(self) -> None:
        with Packer(self._file) as packer:
            with tarfile.open(
                fileobj=t.cast("t.IO[bytes]", _Reader(self._stream)), mode="r|", bufsize=BUFFER_SIZE, tarinfo=BoundedTarInfo
            ) as archive:
                for number, member in enumerate(archive):
                    self._refuse_many(number)
                    name = self._add_other(member)
                    if name:
                        self._keep(name, member.size, t.cast("t.IO[bytes]", archive.extractfile(member)), packer)
        self._file.flush()

    def _keep(self, name: str, size: int, content: t.IO[bytes], packer: Packer) -> None:
        """Keep one file."""
        self._links.pop(name, None)
        buffer = memoryview(bytearray(BUFFER_SIZE))
        count = content.readinto(buffer)  # type: ignore[attr-defined]
        is_layer = _is_layer(name, buffer[:count])
        if count == size and self._names.is_document(name):
            self._names.read(name, bytes(buffer[:count]))
        diff_id = self._names.diff_id(name) if is_layer else ""
        is_passed = diff_id in self._spared
        offset, left = self._file.tell(), size
        while count:
            left -= count
            if is_passed:
                pass
            elif is_layer:
                packer.write(buffer[:count])
            else:
                self._file.write(buffer[:count])
            count = content.readinto(buffer)  # type: ignore[attr-defined]
        if left:
            raise ArchiveError(f"{self.path} ends in the middle of {name}.", hint="Look into the engine's log.")
        if is_passed:
            self._passed[name] = diff_id
        elif is_layer:
            self._packed[name] = packer.finish()
        # Of a layer the size is the one that it had: nobody opens it by its name.
        self._files[name] = (offset, size)


def _is_layer(name: str, start: memoryview) -> bool:
    """Tell whether a file is an unpacked layer: a tar archive, which may be empty."""
    if not (name.endswith("/layer.tar") or name.startswith("blobs/")) or len(start) < tarfile.BLOCKSIZE:
        return False
    first = bytes(start[: tarfile.BLOCKSIZE])
    return first == _ZEROS or first[257:262] == b"ustar"


class _Reader:
    """The little that tarfile asks of a stream."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        buffer = memoryview(bytearray(size))
        filled = 0
        while filled < size:
            count = self._stream.readinto(buffer[filled:])
            if not count:
                break
            filled += count
        return bytes(buffer[:filled])
