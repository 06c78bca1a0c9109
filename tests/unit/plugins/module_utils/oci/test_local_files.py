# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that appear as a whole, and the room they need."""

from __future__ import annotations

import fcntl
import os
import pathlib
import signal
import stat
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import local_files
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ArchiveError, ContentError

# The children only write files, so that no lock of another thread can hold them up.
FORKS = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def test_a_file_appears_when_it_is_whole(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with local_files.new_file(str(path)) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
        assert len(list(tmp_path.iterdir())) == 2
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_while_it_is_written(tmp_path: pathlib.Path) -> None:
    with local_files.new_file(str(tmp_path / "x"), mode=0o600):
        (temporary,) = tmp_path.iterdir()
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600


@pytest.mark.parametrize("failure", [ContentError("damaged"), KeyboardInterrupt(), SystemExit(1)], ids=repr)
def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: pathlib.Path, failure: BaseException) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(type(failure)), local_files.new_file(str(path)) as file:
        file.write(b"half")
        raise failure
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk() -> None:
    with pytest.raises(ArchiveError, match="/x cannot be written: No space left on device"):
        with local_files.explained("/x"), open("/dev/full", "wb", buffering=0) as file:
            file.write(b"x")


def test_a_place_that_is_a_directory(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(ArchiveError, match="x cannot be written"), local_files.new_file(str(tmp_path / "x")):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_what_killed_runs_left_is_removed_and_nothing_else(tmp_path: pathlib.Path) -> None:
    for name in ("abandoned", "fresh", "locked"):
        path = tmp_path / f"{local_files.PREFIX}{name}"
        path.write_bytes(b"half")
        if name != "fresh":
            os.utime(path, (1, 1))
    (tmp_path / "other").write_bytes(b"old")
    os.utime(tmp_path / "other", (1, 1))
    with (tmp_path / f"{local_files.PREFIX}locked").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert local_files.abandoned_size(str(tmp_path)) == len(b"half")
        local_files.remove_abandoned(str(tmp_path))
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [f"{local_files.PREFIX}fresh", f"{local_files.PREFIX}locked", "other"]


def test_room(tmp_path: pathlib.Path) -> None:
    status = os.statvfs(tmp_path)
    local_files.check_room(str(tmp_path), 1)
    with pytest.raises(ArchiveError) as caught:
        local_files.check_room(str(tmp_path), 1024 * 1024 * (1 << 30) + 1)
    assert f"needs {(1 << 30) + 1} MiB in {tmp_path}, which has " in caught.value.message
    free = int(caught.value.message.split("has ")[1].split()[0])
    assert abs(free - status.f_bavail * status.f_frsize // 1024**2) < 10_000
    local_files.check_room(str(tmp_path), 1024 * 1024 * (1 << 30), freed=1024 * 1024 * (1 << 30))


@FORKS
def test_a_run_that_is_killed_leaves_the_old_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    child = os.fork()
    if not child:
        with local_files.new_file(str(path)) as file:
            file.write(b"half")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert path.read_bytes() == b"old"
    (left,) = [other for other in tmp_path.iterdir() if other != path]
    local_files.remove_abandoned(str(tmp_path))
    assert left.exists(), "it might belong to a run that has only begun"
    os.utime(left, (1, 1))
    local_files.remove_abandoned(str(tmp_path))
    assert list(tmp_path.iterdir()) == [path]


@FORKS
def test_what_can_be_written(tmp_path: pathlib.Path) -> None:
    local_files.check_writable(str(tmp_path))
    with pytest.raises(ArchiveError, match="none is not a directory"):
        local_files.check_writable(str(tmp_path / "none"))
    assert as_nobody(lambda: local_files.check_writable("/")) == (
        "/ cannot be written by this user. Run the task as another (become)."
    )


def as_nobody(work: t.Callable[[], None]) -> str:
    """Return the error of something that is done without root's rights, in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        message = ""
        try:
            if not os.geteuid():
                os.setuid(65534)
            work()
        except ArchiveError as error:
            message = str(error)
        finally:
            os.write(writing, message.encode())
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        return pipe.read()
