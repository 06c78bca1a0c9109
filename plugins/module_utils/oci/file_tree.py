# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of an image directory or tar archive, read in place and never unpacked.

Archives come from anywhere, so nothing in them is trusted: names that leave the archive, links that do, and special
files are refused before a byte is used, as is a file that is larger than what is expected of it.
"""

from __future__ import annotations

import os
import posixpath
import stat
import tarfile
import typing as t

from .errors import ArchiveError
from .streams import Readable, read_all

_MAX_MEMBERS = 100_000
_MAX_HEADER = 1024 * 1024
"""Bytes of a long name or extended header, which the tar module reads into memory."""

_MAX_LINKS = 8
_EXPORT_AGAIN = "The archive is damaged or was changed: export or fetch it again."
_COMPRESSED = {b"\x1f\x8b": "gunzip", b"BZh": "bunzip2", b"\xfd7zXZ": "unxz", b"\x28\xb5\x2f\xfd": "unzstd"}


class FileTree(t.Protocol):
    """Files by relative name, parts joined by ``/``."""

    path: str

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes, None if it is not there."""

    def identity(self, name: str) -> str:
        """Return the name of the file that a name leads to over links."""

    def open(self, name: str) -> Readable:
        """Open a file; the caller closes it. Threads may call this at the same time."""

    def close(self) -> None:
        """Give back what is open."""


def read_small(tree: FileTree, name: str, limit: int) -> bytes | None:
    """Return a file of at most ``limit`` bytes, None if it is not there.

    :raises ArchiveError: if it is larger, or cut off.
    """
    size = tree.size(name)
    if size is None:
        return None
    if size > limit:
        raise ArchiveError(
            f"{tree.path}: {shown(name)} has {size} bytes, more than {limit}.", hint="This is not an image."
        )
    content = read_all(tree.open(name))
    if len(content) != size:
        raise ArchiveError(f"{tree.path}: {shown(name)} ends after {len(content)} of {size} bytes.", hint=_EXPORT_AGAIN)
    return content


def shown(name: str) -> str:
    """Return a name out of an archive as a message may show it: without what a terminal would obey."""
    return name if name.isprintable() else repr(name)


class FileView:
    """Reads a part of a shared open file, with a position of its own: threads may have several."""

    def __init__(self, file: t.IO[bytes], offset: int, size: int) -> None:
        self._file = file
        self._offset = offset
        self._end = offset + size

    def readinto(self, buffer: memoryview, /) -> int:
        """Read on; 0 at the end."""
        data = os.pread(self._file.fileno(), min(len(buffer), self._end - self._offset), self._offset)
        buffer[: len(data)] = data
        self._offset += len(data)
        return len(data)

    def close(self) -> None:
        """Leave the file open: it belongs to who made the view."""


class DirectoryTree:
    """The files of a directory. Links inside may not lead out of it."""

    def __init__(self, path: str) -> None:
        """Check that the directory is there.

        :raises ArchiveError: otherwise.
        """
        self.path = path
        self._root = os.path.realpath(path)
        if not os.path.isdir(self._root):
            hint = "For an archive use oci-archive: or docker-archive:." if os.path.exists(path) else "Check the path."
            raise ArchiveError(f"{path} is not a directory on this host.", hint=hint)

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes, None if it is not there."""
        real = self.identity(name)
        try:
            status = os.stat(real)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _unreadable(real, error) from error
        if not stat.S_ISREG(status.st_mode):
            raise ArchiveError(f"{self.path}: {name} is not a regular file.", hint=_EXPORT_AGAIN)
        return status.st_size

    def identity(self, name: str) -> str:
        """Return the real path of a file."""
        real = os.path.realpath(os.path.join(self._root, name))
        if os.path.commonpath((self._root, real)) != self._root:
            raise ArchiveError(
                f"{self.path}: {name} leads out of the directory.", hint="Links may not leave the image."
            )
        return real

    def open(self, name: str) -> Readable:
        """Open a file."""
        real = self.identity(name)
        try:
            return open(real, "rb")
        except OSError as error:
            raise _unreadable(real, error) from error

    def close(self) -> None:
        """Do nothing: files are open only while they are read."""


class TarTree:
    """The files of an uncompressed tar archive, found once and then read by their offset.

    The archive stays open until :meth:`close`, so that another file under its name changes nothing.
    """

    def __init__(self, path: str, file: t.IO[bytes] | None = None) -> None:
        """Read the archive's table of contents.

        :param file: the archive itself, if ``path`` is only what messages call it; closed with the tree.
        :raises ArchiveError: if it is missing, compressed, no tar, cut off, or holds what no image archive does.
        """
        self.path = path
        self._files: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        try:
            self._file = file or open(path, "rb", opener=_open_at_once)
        except OSError as error:
            raise _unreadable(path, error) from error
        try:
            self._read_contents()
        except tarfile.TarError as error:
            self.close()
            raise ArchiveError(f"{path} is not a whole tar archive ({error}).", hint=_EXPORT_AGAIN) from error
        except OSError as error:
            self.close()
            raise _unreadable(path, error) from error
        except ArchiveError:
            self.close()
            raise

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes, None if it is not there."""
        found = self._files.get(self.identity(name))
        return found[1] if found else None

    def identity(self, name: str) -> str:
        """Return the member that a name leads to over links."""
        name = self._clean(name)
        for _step in range(_MAX_LINKS):
            if name not in self._links:
                return name
            name = self._links[name]
        raise ArchiveError(f"{self.path}: the links at {shown(name)} lead in a circle.", hint=_EXPORT_AGAIN)

    def open(self, name: str) -> Readable:
        """Open a file."""
        return FileView(self._file, *self._files[self.identity(name)])

    def place(self, name: str) -> tuple[int, int] | None:
        """Return where a file's bytes begin, and how many there are; None if it is not there."""
        return self._files.get(self.identity(name))

    def length(self) -> int:
        """Return the bytes of the whole archive."""
        return os.fstat(self._file.fileno()).st_size

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the archive itself; fewer if it ends before."""
        return os.pread(self._file.fileno(), size, offset)

    def close(self) -> None:
        """Close the archive."""
        self._file.close()

    def _read_contents(self) -> None:
        file, status = self._file, os.fstat(self._file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ArchiveError(f"{self.path} is not a regular file.", hint="Give an archive, not a device or a pipe.")
        file.seek(0)
        _refuse_compressed(self.path, file.read(6))
        file.seek(0)
        with tarfile.open(fileobj=file, mode="r:", tarinfo=BoundedTarInfo) as archive:
            for number, member in enumerate(archive):
                self._refuse_many(number)
                self._add(member, status.st_size)
            file.seek(archive.offset)
        # The tar module takes a cut off header for the end of the archive; the end is a block of zeros.
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise ArchiveError(f"{self.path} is not a whole tar archive (it has no end mark).", hint=_EXPORT_AGAIN)

    def _refuse_many(self, number: int) -> None:
        if number >= _MAX_MEMBERS:
            raise ArchiveError(f"{self.path} has more than {_MAX_MEMBERS} members.", hint="This is not an image.")

    def _add(self, member: tarfile.TarInfo, length: int) -> None:
        name = self._add_other(member)
        if name:
            # An extended header may give a size that the check of the plain one has not seen.
            if member.size < 0 or member.offset_data + member.size > length:
                raise ArchiveError(f"{self.path} ends in the middle of {shown(name)}.", hint=_EXPORT_AGAIN)
            self._files[name] = (member.offset_data, member.size)
            self._links.pop(name, None)

    def _add_other(self, member: tarfile.TarInfo) -> str:
        """Add a link, and refuse what no image archive has; of a file its name is returned, else an empty text."""
        name = self._clean(member.name)
        if member.isdir():
            return ""
        if member.issym():
            self._links[name] = self._clean(
                posixpath.join(posixpath.dirname(name), member.linkname), link=member.linkname
            )
        elif member.islnk():
            self._links[name] = self._clean(member.linkname, link=member.linkname)
        elif member.isreg() and not member.issparse():
            return name
        else:
            raise ArchiveError(
                f"{self.path}: {shown(name)} is a special file.", hint="No image archive has these: refused."
            )
        return ""

    def _clean(self, name: str, *, link: str = "") -> str:
        """Return a name without ``.`` and ``..``. A link may step up inside the archive, a member's name may not."""
        cleaned = posixpath.normpath(name)
        outside = cleaned.startswith("/") or cleaned.split("/")[0] == ".."
        if outside or link.startswith("/") or (not link and ".." in name.split("/")):
            what = f"the link to {link!r}" if link else repr(name)
            raise ArchiveError(
                f"{self.path}: {what} leads out of the archive.", hint="No image archive does that: refused."
            )
        return cleaned


class SharedTree:
    """The files of an archive that several images are in."""

    def __init__(self, tree: FileTree, *, path: str = "") -> None:
        """Hand on what the tree has.

        :param path: what messages call it, if that is not the tree's own path.
        """
        self.tree = tree
        self.path = path or tree.path

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes, None if it is not there."""
        return self.tree.size(name)

    def identity(self, name: str) -> str:
        """Return the name of the file that a name leads to over links."""
        return self.tree.identity(name)

    def open(self, name: str) -> Readable:
        """Open a file."""
        return self.tree.open(name)

    def close(self) -> None:
        """Do nothing: the archive belongs to whoever shares it."""


class BoundedTarInfo(tarfile.TarInfo):
    """Refuses headers that would make the tar module read without bound or step backwards."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> BoundedTarInfo:
        member = super().frombuf(buf, encoding, errors)
        extended = member.type in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
        if member.size < 0 or (extended and member.size > _MAX_HEADER):
            raise tarfile.ReadError(f"a header claims {member.size} bytes")
        return member


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for whoever writes, if the path is a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def _refuse_compressed(path: str, start: bytes) -> None:
    for magic, program in _COMPRESSED.items():
        if start.startswith(magic):
            raise ArchiveError(
                f"{path} is compressed as a whole.",
                hint=f"Unpack it first, for example with {program}; layers may stay.",
            )


def _unreadable(path: str, error: OSError) -> ArchiveError:
    return ArchiveError(f"{path} cannot be read: {error.strerror or error}.", hint="The path is on the managed host.")
