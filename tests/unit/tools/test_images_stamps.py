# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an archive of tools/images is built again, and what is read from packages and programs for it."""

from __future__ import annotations

import struct
import sys
from dataclasses import replace
from pathlib import Path

import pytest

if sys.version_info < (3, 11):
    pytest.skip("tools/images needs Python 3.11", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parents[3] / "tools" / "images"))

from dockyard_images import apt, bootstrap, closure, elf, stamps  # noqa: E402
from dockyard_images.imagelist import Spec  # noqa: E402

RECORD = stamps.Record("one", "abc", "packages", "1", ["one:1"], "sha256:00", 4, {"libc6": "2.36"}, go="go1")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """An archive of four bytes."""
    path = tmp_path / "one.tar"
    path.write_bytes(b"1234")
    return path


def candidates(found: dict[str, str]):  # type: ignore[no-untyped-def]
    """A look-up that knows these versions."""
    return lambda names: {name: found[name] for name in names if name in found}


@pytest.mark.parametrize(
    ("record", "now", "versions", "go", "why"),
    [
        (RECORD, "abc", {"libc6": "2.36"}, "go1", ""),
        (RECORD, "abc", {}, "", ""),
        (None, "abc", {}, "", "it is not there yet"),
        (RECORD, "other", {}, "", "changed"),
        (RECORD, "abc", {"libc6": "2.37"}, "go1", "another version of libc6"),
        (RECORD, "abc", {}, "go2", "Go changed"),
        (replace(RECORD, size=5), "abc", {}, "", "not the one that was written"),
    ],
)
def test_outdated(written: Path, record: stamps.Record | None, now: str, versions: dict[str, str], go: str, why: str) -> None:
    found = stamps.outdated(record, written, now, candidates(versions), go)
    assert why in found
    assert bool(why) == bool(found)


def test_an_archive_that_is_gone_is_built(tmp_path: Path) -> None:
    assert stamps.outdated(RECORD, tmp_path / "one.tar", "abc", candidates({}), "go1")


def test_record_survives_its_file(tmp_path: Path) -> None:
    stamps.save(tmp_path / "one.json", RECORD)
    assert stamps.load(tmp_path / "one.json") == RECORD


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": 1, "more": 2}'])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    tmp_path.joinpath("one.json").write_text(text, encoding="utf-8")
    assert stamps.load(tmp_path / "one.json") is None


def test_stamp_follows_all_it_is_made_from(tmp_path: Path) -> None:
    source, asset = tmp_path / "a.py", tmp_path / "page"
    source.write_text("1", encoding="utf-8")
    asset.write_text("1", encoding="utf-8")
    spec = Spec("one", files={"/page": "page"})

    def now(arch: str = "amd64", epoch: int = 0, of: Spec = spec) -> str:
        return stamps.stamp(of, arch, epoch, [source], tmp_path)

    seen = {now()}
    assert now() in seen
    seen |= {now("arm64"), now(epoch=1), now(of=replace(spec, title="x"))}
    asset.chmod(0o755)
    seen.add(now())
    asset.write_text("2", encoding="utf-8")
    seen.add(now())
    source.write_text("2", encoding="utf-8")
    seen.add(now())
    assert len(seen) == 7


@pytest.mark.parametrize(
    ("version", "own"), [("2.8.2+ds1-1", "2.8.2"), ("1:1.35.0-4+deb12u1+b1", "1.35.0"), ("1.24.0-2ubuntu7", "1.24.0"), ("odd", "odd")]
)
def test_upstream(version: str, own: str) -> None:
    assert apt.upstream(version) == own


def test_candidates_of_a_policy() -> None:
    text = "a:\n  Installed: (none)\n  Candidate: 1:2\n  Version table:\n     1:2 500\nb:\n  Candidate: (none)\n"
    assert apt.read_candidates(text) == {"a": "1:2"}


def test_library_packages_are_guessed_by_their_names() -> None:
    names = ["iproute2", "libc6", "zlib1g", "libssl3t64", "libpcre2-8-0"]
    assert closure.likely_first("libssl.so.3", names)[0] == "libssl3t64"
    assert closure.likely_first("libz.so.1", names)[0] == "zlib1g"
    assert closure.likely_first("libpcre2-8.so.0", names)[0] == "libpcre2-8-0"
    assert closure.likely_first("libz.so.1", names)[-1] == "iproute2"


def elf_file() -> bytes:
    """A 64-bit ELF file with a loader and one library, no code."""
    strings = b"\0libc.so.6\0"
    loader = b"/lib64/ld.so\0"
    at = 64 + 3 * 56
    dynamic = struct.pack("<qQqQqQ", 1, 1, 5, at, 0, 0)
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 3, 0, 0, 0)
    end = at + len(strings)
    parts = [(1, 0, end + 200), (3, end, len(loader)), (2, end + len(loader), len(dynamic))]
    headers = b"".join(struct.pack("<IIQQQQQQ", kind, 4, where, where, where, size, size, 1) for kind, where, size in parts)
    return header + headers + strings + loader + dynamic


def test_elf_needs() -> None:
    assert elf.needs(elf_file()) == elf.Needs("/lib64/ld.so", ("libc.so.6",))
    assert elf.needs(b"#!/bin/sh\n") is None


def test_packages_of_a_whole_debian() -> None:
    text = "Package: a\nStatus: x\nVersion: 1\n\nPackage: b\nStatus: y\nVersion: 2:1\n"
    assert bootstrap.read_status(text) == {"a": "1", "b": "2:1"}


@pytest.mark.parametrize(
    ("path", "dropped"),
    [
        ("var/lib/apt/lists", False),
        ("var/lib/apt/lists/x", True),
        ("dev/null", True),
        ("usr/share/doc/a/copyright", False),
        ("usr/share/doc/a/changelog.gz", True),
        ("usr/share/doc/a", False),
        ("etc/shadow-", True),
        ("etc/shadow", False),
    ],
)
def test_what_a_whole_debian_leaves_out(path: str, dropped: bool) -> None:
    assert bool(bootstrap.DROPPED.match(path)) is dropped
