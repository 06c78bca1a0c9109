# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tar archive written in one go, the same bytes for the same members: no times, no owners, fixed permissions."""

from __future__ import annotations

import tarfile
import typing as t

from .errors import ContentError
from .streams import Opener, read_chunks

END = bytes(2 * tarfile.BLOCKSIZE)
"""The end mark of an archive."""


class Member(t.NamedTuple):
    """A file: its name, its exact size in bytes, and how to open it."""

    name: str
    size: int
    open: Opener


def archive_size(directories: t.Sequence[str], members: t.Sequence[Member]) -> int:
    """Return the bytes an archive will have."""
    headers = [header(name, 0, directory=True) for name in directories]
    headers += [header(member.name, member.size) for member in members]
    return sum(map(len, headers)) + sum(member.size + padding(member.size) for member in members) + len(END)


def write_archive(file: t.BinaryIO, directories: t.Sequence[str], members: t.Iterable[Member]) -> None:
    """Write an archive of directories and files, in this order, through one buffer.

    :raises ContentError: if a member has another size than it says.
    """
    for name in directories:
        file.write(header(name, 0, directory=True))
    for member in members:
        _write_member(file, member)
    file.write(END)


def _write_member(file: t.BinaryIO, member: Member) -> None:
    file.write(header(member.name, member.size))
    stream = member.open()
    try:
        written = sum(file.write(chunk) for chunk in read_chunks(stream))
    finally:
        stream.close()
    if written != member.size:
        raise ContentError(f"{member.name} has {written} bytes where {member.size} are promised.")
    file.write(bytes(padding(member.size)))


def header(name: str, size: int, *, directory: bool = False) -> bytes:
    """Return the header of a member: plain ustar, extended (POSIX pax) only for what that cannot say."""
    member = tarfile.TarInfo(name)
    member.type = tarfile.DIRTYPE if directory else tarfile.REGTYPE
    member.mode = 0o755 if directory else 0o644
    member.size = size
    return member.tobuf(tarfile.PAX_FORMAT)


def padding(size: int) -> int:
    """Return the zeros that follow a file of ``size`` bytes."""
    return -size % tarfile.BLOCKSIZE
