# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Directories and tars: what is read, and what hostile ones are told."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import pathlib
import tarfile

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ArchiveError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.file_tree import DirectoryTree, TarTree, read_small
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    link,
    write_directory,
    write_tar,
)

FILES = {"a.json": b"{}", "d/b": b"b" * 1000}


def test_a_directory(tmp_path: pathlib.Path) -> None:
    tree = DirectoryTree(write_directory(tmp_path, FILES))
    assert read_small(tree, "d/b", 1000) == FILES["d/b"]
    assert (tree.size("d/b"), tree.size("missing"), tree.size("a.json/x")) == (1000, None, None)
    assert read_small(tree, "missing", 10) is None


def test_a_tar(tmp_path: pathlib.Path) -> None:
    path = write_tar(
        tmp_path / "x.tar",
        {"./a.json": b"{}", **FILES},
        link("d/c", "b"),
        link("e", "d/../d/c"),
        link("f", "d/b", hard=True),
    )
    tree = TarTree(path)
    for name in ("d/b", "d/c", "e", "f", "./d/b"):
        assert read_small(tree, name, 1000) == FILES["d/b"]
        assert tree.identity(name) == "d/b"
    assert tree.size("missing") is None and tree.size("d") is None


def test_the_last_of_two_members_with_one_name_counts(tmp_path: pathlib.Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for content in (b"old", b"new!"):
            member = tarfile.TarInfo("a")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    assert read_small(TarTree(str(tmp_path / "x.tar")), "a", 10) == b"new!"


def special(name: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = kind
    return member


@pytest.mark.parametrize(
    "member",
    [
        special("../evil", tarfile.DIRTYPE),
        special("a/../../evil", tarfile.DIRTYPE),
        special("/etc/evil", tarfile.DIRTYPE),
        special("..", tarfile.DIRTYPE),
        link("a", "/etc/passwd"),
        link("a", "../etc/passwd"),
        link("d/a", "../../etc/passwd"),
        link("a", "../etc/passwd", hard=True),
        link("a", "/etc/passwd", hard=True),
        special("fifo", tarfile.FIFOTYPE),
        special("device", tarfile.BLKTYPE),
    ],
    ids=lambda member: f"{member.name} {member.linkname}",
)
def test_hostile_members(tmp_path: pathlib.Path, member: tarfile.TarInfo) -> None:
    path = write_tar(tmp_path / "x.tar", FILES, member)
    with pytest.raises(ArchiveError, match="x.tar.*(leads out of the archive|special file).*refused"):
        TarTree(path)


def test_names_asked_for_may_not_leave_the_archive(tmp_path: pathlib.Path) -> None:
    tree = TarTree(write_tar(tmp_path / "x.tar", FILES))
    for name in ("../x", "/etc/passwd", "d/../../x"):
        with pytest.raises(ArchiveError, match="leads out"):
            tree.size(name)


def test_links_in_a_circle(tmp_path: pathlib.Path) -> None:
    tree = TarTree(write_tar(tmp_path / "x.tar", {}, link("a", "b"), link("b", "a")))
    with pytest.raises(ArchiveError, match="circle"):
        tree.size("a")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not a whole tar"),
        (b"not a tar at all" * 100, "not a whole tar"),
        (gzip.compress(b"x" * 2000, mtime=0), "compressed as a whole.*gunzip"),
        (bz2.compress(b"x" * 2000), "compressed as a whole.*bunzip2"),
    ],
    ids=["empty", "text", "gzip", "bzip2"],
)
def test_files_that_are_no_tar(tmp_path: pathlib.Path, content: bytes, problem: str) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=f"x.tar.*{problem}"):
        TarTree(str(path))


@pytest.mark.parametrize("length", [300, 700, 1100, 2000])
def test_a_tar_that_is_cut_off(tmp_path: pathlib.Path, length: int) -> None:
    path = pathlib.Path(write_tar(tmp_path / "x.tar", {"a": b"a" * 100, "b": b"b" * 5000}))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ArchiveError, match="x.tar.*(ends in the middle|not a whole tar).*again"):
        TarTree(str(path))


def test_a_header_that_claims_to_be_giant(tmp_path: pathlib.Path) -> None:
    member = special("x", tarfile.GNUTYPE_LONGNAME)
    member.size = 1 << 40
    path = tmp_path / "x.tar"
    path.write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(10240))
    with pytest.raises(ArchiveError, match="a header claims"):
        TarTree(str(path))


def test_paths_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(ArchiveError, match="cannot be read.*managed host"):
            TarTree(str(path))
    with pytest.raises(ArchiveError, match="missing is not a directory.*Check the path"):
        DirectoryTree(str(tmp_path / "missing"))
    with pytest.raises(ArchiveError, match="is not a directory.*oci-archive"):
        DirectoryTree(write_tar(tmp_path / "x.tar", {}))


def test_a_large_file_where_a_small_one_belongs(tmp_path: pathlib.Path) -> None:
    tree = DirectoryTree(write_directory(tmp_path, FILES))
    with pytest.raises(ArchiveError, match="d/b has 1000 bytes, more than 999"):
        read_small(tree, "d/b", 999)


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside"])
def test_links_out_of_a_directory(tmp_path: pathlib.Path, target: str) -> None:
    (tmp_path / "outside").write_text("secret")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a").symlink_to(target)
    with pytest.raises(ArchiveError, match="leads out of the directory"):
        read_small(DirectoryTree(str(inside)), "a", 1000)


def test_special_files_in_a_directory(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "a")
    with pytest.raises(ArchiveError, match="not a regular file"):
        read_small(DirectoryTree(str(tmp_path)), "a", 1000)
