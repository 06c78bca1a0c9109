# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that are there as a whole or not at all, and the room they need.

A file is written under another name beside its own, brought to the disk and then renamed: whoever looks meanwhile, and
whoever looks after a crash, finds the old file or the new one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
import typing as t

from .errors import ArchiveError

PREFIX = ".dockyard-"
"""Begins the names of files that are being written."""

_ABANDONED_AFTER = 60.0
"""Seconds without a write, after which an unlocked file with such a name belongs to a run that was killed."""

_MIB = 1024 * 1024

Place = t.Callable[[str, str], None]
"""Moves a finished file, the first, over another, the second."""


@contextlib.contextmanager
def new_file(path: str, *, mode: int = 0o666, place: Place = os.replace) -> t.Iterator[t.BinaryIO]:
    """Return a file to write that becomes ``path`` when the block ends, and vanishes if the block fails.

    :param mode: its permissions, less those that the process's umask takes away.
    :raises ArchiveError: for what the system refuses, a full disk for example.
    """
    temporary = os.path.join(os.path.dirname(path), f"{PREFIX}{secrets.token_hex(8)}")
    with explained(path):
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            with open(descriptor, "w+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield file
                file.flush()
                os.fsync(file)
            place(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
    sync_directory(os.path.dirname(path))


def sync_directory(path: str) -> None:
    """Bring the names in a directory to the disk."""
    with explained(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_abandoned(directory: str) -> None:
    """Remove what killed runs have left in a directory. A run that still writes holds a lock on its file."""
    _visit_abandoned(directory, os.unlink)


def abandoned_size(directory: str) -> int:
    """Return the bytes that :func:`remove_abandoned` will free."""
    sizes: list[int] = []
    _visit_abandoned(directory, lambda path: sizes.append(os.stat(path).st_size))
    return sum(sizes)


def _visit_abandoned(directory: str, visit: t.Callable[[str], None]) -> None:
    with explained(directory):
        names = [name for name in os.listdir(directory) if name.startswith(PREFIX)]
    for name in names:
        path = os.path.join(directory, name)
        with explained(path), contextlib.suppress(FileNotFoundError, BlockingIOError):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - os.fstat(descriptor).st_mtime > _ABANDONED_AFTER:
                    visit(path)
            finally:
                os.close(descriptor)


def check_writable(directory: str) -> None:
    """Fail now if no file can be made in a directory.

    :raises ArchiveError: if it is not there, or not ours to write.
    """
    if not os.path.isdir(directory):
        raise ArchiveError(f"{directory} is not a directory on this host.", hint="Make it first, or check the path.")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ArchiveError(f"{directory} cannot be written by this user.", hint="Run the task as another (become).")


def check_room(directory: str, needed: int, *, freed: int = 0) -> None:
    """Fail now if the file system of a directory lacks ``needed`` bytes.

    :param freed: bytes that will be free by then.

    :raises ArchiveError: says what is needed and what there is, in MiB.
    """
    with explained(directory):
        status = os.statvfs(directory)
    free = status.f_bavail * status.f_frsize + freed
    if needed > free:
        raise ArchiveError(
            f"the image needs {_mib(needed)} MiB in {directory}, which has {free // _MIB} MiB free.",
            hint="Make room, or choose a path on another disk.",
        )


@contextlib.contextmanager
def explained(path: str) -> t.Iterator[None]:
    """Turn what the system refuses inside of the block into an error that names the path."""
    try:
        yield
    except OSError as error:
        raise ArchiveError(
            f"{path} cannot be written: {error.strerror or error}.", hint="The path is on the managed host."
        ) from error


def _mib(size: int) -> int:
    return -(-size // _MIB)
