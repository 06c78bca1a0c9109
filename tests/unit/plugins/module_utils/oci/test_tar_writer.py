# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives, byte for byte."""

from __future__ import annotations

import io
import pathlib
import subprocess
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ConnectionFailed, ContentError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import bytes_body
from ansible_collections.dockyard.registry.plugins.module_utils.oci.tar_writer import (
    Member,
    archive_size,
    write_archive,
)

LONG = f"blobs/sha512/{'a' * 128}"


def members_of(files: dict[str, bytes]) -> list[Member]:
    return [Member(name, len(content), bytes_body(content).open) for name, content in files.items()]


def written(files: dict[str, bytes], directories: tuple[str, ...] = ("blobs",)) -> bytes:
    file = io.BytesIO()
    write_archive(file, directories, members_of(files))
    assert len(file.getvalue()) == archive_size(directories, members_of(files))
    return file.getvalue()


@given(st.dictionaries(st.sampled_from(["oci-layout", "blobs/a", "blobs/b", LONG]), st.binary(max_size=1100)))
def test_what_is_written_is_read(files: dict[str, bytes]) -> None:
    with tarfile.open(fileobj=io.BytesIO(written(files))) as archive:
        directory, *rest = archive.getmembers()
        assert directory.isdir() and directory.name == "blobs"
        assert {member.name: archive.extractfile(member).read() for member in rest} == files  # type: ignore[union-attr]
        for member in archive.getmembers():
            assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")


def test_other_programs_read_it(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x.tar").write_bytes(written({"index.json": b"{}", LONG: b"content"}))
    listed = subprocess.run(["tar", "-tf", tmp_path / "x.tar"], check=True, capture_output=True, text=True)
    assert listed.stdout.splitlines() == ["blobs/", "index.json", LONG]
    assert listed.stderr == ""


def test_a_member_of_nine_gigabytes_has_its_size() -> None:
    size = 9 << 30
    total = archive_size((), [Member("x", size, bytes_body(b"").open)])
    assert size < total < size + 4096


class _Broken:
    """A stream that breaks off in the middle."""

    def __init__(self) -> None:
        self._left = [b"half"]

    def readinto(self, buffer: memoryview, /) -> int:
        if not self._left:
            raise ConnectionFailed("GET", "http://x/", "closed", reason="closed")
        part = self._left.pop()
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None: ...


def test_a_stream_that_breaks_off() -> None:
    with pytest.raises(ConnectionFailed):
        write_archive(io.BytesIO(), (), [Member("x", 9, _Broken)])


@pytest.mark.parametrize("size", [6, 8])
def test_a_size_that_is_not_kept(size: int) -> None:
    with pytest.raises(ContentError, match=f"has 7 bytes where {size} are promised"):
        write_archive(io.BytesIO(), (), [Member("x", size, bytes_body(b"content").open)])
