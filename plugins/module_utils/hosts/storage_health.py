# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The storage behind a registry: is the folder that was meant the one it writes to, can it be written, how full is it.

The registry's own health check sees none of this: it asks whether there is a folder (distribution: health checks,
``storagedriver``), and an empty folder where a disk should be is one, too.
"""

from __future__ import annotations

import dataclasses
import os
import stat
import time

STORAGE = "/var/lib/registry"
"""Where the registry's container has its images."""

_WALK_SECONDS = 5.0


@dataclasses.dataclass(frozen=True)
class StorageFound:
    """A folder of images on the host.

    ``same`` tells whether the container sees this very folder, None if that cannot be known. ``missing_mount`` is a place
    of /etc/fstab on the way to the folder where nothing is mounted. Sizes are in bytes; ``used_bytes`` counts the blobs,
    and is a lower bound unless ``counted`` is set. ``problem`` says why the rest is unknown.
    """

    path: str
    exists: bool = False
    is_registry: bool = False
    read_only: bool = False
    same: bool | None = None
    missing_mount: str = ""
    total_bytes: int = 0
    free_bytes: int = 0
    free_files_percent: float | None = None
    used_bytes: int = 0
    counted: bool = False
    problem: str = ""


def find_storage(path: str, *, pid: int = 0, seconds: float = _WALK_SECONDS) -> StorageFound:
    """Look at a folder.

    :param pid: a process of the container, to see what it sees.
    :param seconds: how long to count what is in it.
    """
    missing = unmounted(_text("/etc/fstab"), _text("/proc/self/mounts"), path)
    try:
        details = os.stat(path)
        system = os.statvfs(path)
        inside = f"/proc/{pid}/root{STORAGE}"
        read_only = bool(system.f_flag & os.ST_RDONLY) or (bool(pid) and _read_only(inside))
        used, counted = used_bytes(os.path.join(path, "docker/registry/v2/blobs"), seconds=seconds)
    except OSError as error:
        return StorageFound(
            path, exists=os.path.lexists(path), missing_mount=missing, problem=error.strerror or str(error)
        )
    return StorageFound(
        path,
        exists=stat.S_ISDIR(details.st_mode),
        is_registry=os.path.isdir(os.path.join(path, "docker/registry/v2")),
        read_only=read_only,
        same=_same(details, inside) if pid else None,
        missing_mount=missing,
        total_bytes=system.f_blocks * system.f_frsize,
        free_bytes=system.f_bavail * system.f_frsize,
        free_files_percent=round(100 * system.f_favail / system.f_files, 1) if system.f_files else None,
        used_bytes=used,
        counted=counted,
    )


def unmounted(fstab: str, mounts: str, path: str) -> str:
    """Return the place of an fstab (fstab(5)) that the path is below and where nothing is mounted, empty if none is."""
    there = {_unescaped(line.split()[1]) for line in mounts.splitlines() if len(line.split()) > 1}
    for line in fstab.splitlines():
        fields = line.partition("#")[0].split()
        if len(fields) < 3 or not fields[1].startswith("/") or "noauto" in (fields[3:4] or [""])[0].split(","):
            continue
        place = os.path.normpath(_unescaped(fields[1]))
        if place != "/" and (os.path.normpath(path) + "/").startswith(place + "/") and place not in there:
            return place
    return ""


def used_bytes(folder: str, *, seconds: float) -> tuple[int, bool]:
    """Return the bytes of all files below a folder, and whether there was time to count them all."""
    end = time.monotonic() + seconds
    total, folders = 0, [folder]
    while folders:
        if time.monotonic() > end:
            return total, False
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        total += entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            continue  # deleted meanwhile, or a registry without any image
    return total, True


def _same(details: os.stat_result, inside: str) -> bool | None:
    try:
        other = os.stat(inside)
    except OSError:
        return None  # the process is gone, or not ours to look into
    return (details.st_dev, details.st_ino) == (other.st_dev, other.st_ino)


def _read_only(inside: str) -> bool:
    try:
        return bool(os.statvfs(inside).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _unescaped(field: str) -> str:
    """Spaces and the like stand as octal in these files."""
    for code in ("040", "011", "012", "134"):
        field = field.replace(f"\\{code}", chr(int(code, 8)))
    return field
