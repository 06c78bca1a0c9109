# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives that were damaged or made to do harm: an error with words, never a wrong image, never without bound."""

from __future__ import annotations

import gzip
import io
import json
import os
import pathlib
import random
import tarfile
import tempfile
import tracemalloc
import typing as t
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.oci import file_tree, layer_files
from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.describe import load_image
from ansible_collections.dockyard.registry.plugins.module_utils.oci.docker_archive import DockerArchiveSource
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ArchiveError, RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.file_tree import DirectoryTree, TarTree, read_small
from ansible_collections.dockyard.registry.plugins.module_utils.oci.oci_layout import LayoutSource
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import read_all
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    digest_of,
    docker_save_files,
    index_image,
    layout_files,
    link,
    platform_image,
    write_directory,
    write_tar,
)

IMAGE = index_image()
LAYERS = [b"first layer " * 100, b"second"]
SAVED = docker_save_files({"team/x:1": LAYERS})
CONFIG_NAME = next(name for name in SAVED if name.endswith(".json") and name != "manifest.json")
MIB = 1024 * 1024


def member(name: str, content: bytes = b"", **changes: t.Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in changes.items():
        setattr(info, key, value)
    return info, content


def write(path: pathlib.Path, *members: tuple[tarfile.TarInfo, bytes]) -> str:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return str(path)


def sparse(name: str) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Return a file of a tebibyte of holes, as GNU tar writes it in two formats."""
    pax = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": "0,0", "GNU.sparse.size": str(1 << 40)}
    return [member(name, type=tarfile.GNUTYPE_SPARSE), member(name, pax_headers=pax)]


@pytest.mark.parametrize("hostile", [*sparse("a"), member("a", type=tarfile.CHRTYPE), member("a", type=b"Z")])
def test_files_that_are_more_than_they_seem(tmp_path: pathlib.Path, hostile: tuple[tarfile.TarInfo, bytes]) -> None:
    with pytest.raises(ArchiveError, match="x.tar.*(a is a special file.*refused|not a whole tar)"):
        TarTree(write(tmp_path / "x.tar", hostile))


@pytest.mark.parametrize("size", ["-512", "-1", str(1 << 60), "x"])
def test_a_size_in_an_extended_header(tmp_path: pathlib.Path, size: str) -> None:
    """The tar module believes it, whatever the plain header said."""
    path = write(tmp_path / "x.tar", member("a", b"a" * 600, pax_headers={"size": size}), member("b", b"b"))
    with pytest.raises(ArchiveError, match="x.tar (ends in the middle of a|is not a whole tar)"):
        TarTree(path)


def test_more_members_than_any_image_has(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_tree, "_MAX_MEMBERS", 3)
    path = write_tar(tmp_path / "x.tar", {str(number): b"" for number in range(4)})
    with pytest.raises(ArchiveError, match="x.tar has more than 3 members"):
        TarTree(path)


@pytest.mark.parametrize(
    "members",
    [
        [link("hard", "soft", hard=True), link("soft", "d/file")],
        [link("soft", "d/file"), link("hard", "soft", hard=True)],
        [link("hard", "d/../d/file", hard=True), link("soft", "hard")],
    ],
)
def test_links_to_links_stay_inside(tmp_path: pathlib.Path, members: list[tarfile.TarInfo]) -> None:
    tree = TarTree(write_tar(tmp_path / "x.tar", {"d/file": b"content"}, *members))
    assert read_small(tree, "hard", 10) == read_small(tree, "soft", 10) == b"content"


def test_a_hard_link_to_a_link_that_leads_out(tmp_path: pathlib.Path) -> None:
    path = write_tar(tmp_path / "x.tar", {}, link("soft", "../../etc/passwd"), link("hard", "soft", hard=True))
    with pytest.raises(ArchiveError, match="leads out of the archive"):
        TarTree(path)


def test_a_link_in_the_place_of_a_file(tmp_path: pathlib.Path) -> None:
    """Of two members with one name the last counts, as when an archive is unpacked; its digest decides anyway."""
    tree = TarTree(write_tar(tmp_path / "x.tar", {"a": b"old", "b": b"new"}, link("a", "b")))
    assert read_small(tree, "a", 10) == b"new"


def test_a_path_of_links_without_end(tmp_path: pathlib.Path) -> None:
    links = [link(f"l{number}", f"l{number + 1}") for number in range(50)]
    tree = TarTree(write_tar(tmp_path / "x.tar", {"l50": b""}, *links))
    with pytest.raises(ArchiveError, match="circle"):
        tree.size("l0")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(ArchiveError, match="cannot be read"):
        DirectoryTree(str(tmp_path)).size("a")


def test_names_that_would_write_to_a_terminal(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path / "x.tar", member("\x1b[2J\udcff\n", type=tarfile.FIFOTYPE))
    evil = "\x1b[2J"
    entry = {"Config": f"{evil}.json", "RepoTags": [evil], "Layers": []}
    several = json.dumps([entry, {**entry, "Config": "other"}]).encode()
    opens: list[t.Callable[[], object]] = [
        lambda: TarTree(path),
        lambda: TarTree(write_tar(tmp_path / "1.tar", {}, link("a", "/" + evil))),
        lambda: archive("2.tar", {"manifest.json": several}),
        lambda: archive("3.tar", {"manifest.json": json.dumps([entry]).encode()}),
        lambda: archive("4.tar", {"manifest.json": json.dumps([{**entry, "Layers": [evil]}]).encode()}),
        lambda: archive("5.tar", {"manifest.json": json.dumps([entry]).encode(), f"{evil}.json": b"{"}),
        lambda: LayoutSource(
            TarTree(write_tar(tmp_path / "6.tar", layout_files({evil: IMAGE, "x": platform_image()})))
        ),
    ]

    def archive(name: str, files: dict[str, bytes]) -> object:
        return DockerArchiveSource(TarTree(write_tar(tmp_path / name, files)))

    for attempt in opens:
        with pytest.raises(ArchiveError) as caught:
            attempt()
        assert str(caught.value).isprintable()
        assert "x1b[2J" in str(caught.value)


def test_an_archive_that_is_a_pipe_or_a_device(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (str(tmp_path / "pipe"), "/dev/zero"):
        with pytest.raises(ArchiveError, match=f"{path} is not a regular file"):
            TarTree(path)


def test_an_archive_that_is_replaced_while_it_is_read(tmp_path: pathlib.Path) -> None:
    tree = TarTree(write_tar(tmp_path / "x.tar", {"a": b"first"}))
    other = pathlib.Path(write_tar(tmp_path / "y.tar", {"a": b"other"}))
    other.rename(tmp_path / "x.tar")
    assert read_small(tree, "a", 10) == b"first"
    tree.close()


def test_an_archive_that_is_cut_while_it_is_read(tmp_path: pathlib.Path) -> None:
    path = pathlib.Path(write_tar(tmp_path / "x.tar", {"a": b"a" * 3000}))
    tree = TarTree(str(path))
    os.truncate(path, 1024)
    with pytest.raises(ArchiveError, match="a ends after 512 of 3000 bytes"):
        read_small(tree, "a", 3000)


def bomb(size: int) -> tuple[bytes, str]:
    """Return a gzip file that unpacks to so many zeros, and the digest of those."""
    return gzip.compress(bytes(size), 9, mtime=0), digest_of(bytes(size))


def saved_bomb(folder: pathlib.Path, size: int) -> DockerArchiveSource:
    packed, diff_id = bomb(size)
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": [diff_id]}}).encode()
    files = {
        "c.json": config,
        "layer": packed,
        "manifest.json": json.dumps([{"Config": "c.json", "Layers": ["layer"]}]).encode(),
    }
    return DockerArchiveSource(TarTree(write_tar(folder / "x.tar", files)), temp_dir=str(folder))


def test_a_layer_that_is_a_bomb(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_files, "MAX_UNPACKED", MIB)
    assert saved_bomb(tmp_path, MIB).root().layers[0].size < 10_000
    with pytest.raises(ArchiveError, match=rf"layer has [0-9]+ bytes and unpacks to more than {MIB}.*gzip bomb"):
        saved_bomb(tmp_path, MIB + 1).root()
    monkeypatch.setattr(layer_files, "MAX_RATIO", 2000)
    assert saved_bomb(tmp_path, MIB + 1).root().layers, "a large layer may unpack to more"


def test_a_layer_that_unpacks_to_much_takes_no_memory(tmp_path: pathlib.Path) -> None:
    source = saved_bomb(tmp_path, 64 * MIB)
    tracemalloc.start()
    try:
        source.root()
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()


def test_a_bomb_in_a_layout_is_not_unpacked(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_directory(tmp_path, layout_files({"": platform_image()}))
    monkeypatch.setattr(zlib, "decompressobj", None)
    monkeypatch.setattr(gzip, "GzipFile", None)
    source = LayoutSource(DirectoryTree(path))
    source.check(load_image(source, source.root()).blobs)


def test_an_index_that_names_itself(tmp_path: pathlib.Path) -> None:
    """It cannot know its own digest, so it is caught as content that is not what it claims to be."""
    digest = digest_of(b"made up")
    index = json.dumps(
        {"schemaVersion": 2, "manifests": [{"mediaType": m.OCI_INDEX, "digest": digest, "size": 0}]}
    ).encode()
    index = index.replace(b'"size": 0', b'"size": %d' % (len(index) + 2))
    files = {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": index,
        f"blobs/{digest.replace(':', '/')}": index,
    }
    source = LayoutSource(TarTree(write_tar(tmp_path / "x.tar", files)))
    with pytest.raises(RegistryError, match="has the digest sha256:[0-9a-f]*, not sha256:"):
        source.root()


@pytest.mark.parametrize("content", [b"[" * 200_000, b'{"a":' * 200_000, b"\xff\xfe", b'"x"', b"null", b""])
def test_json_that_is_none(tmp_path: pathlib.Path, content: bytes) -> None:
    """Deep, no text, or no object, wherever JSON is read."""
    entry = [{"Config": "c.json", "Layers": []}]
    archives = [
        {"manifest.json": content},
        {"manifest.json": json.dumps(entry).encode(), "c.json": content},
        {**layout_files({"": IMAGE}), "index.json": content},
        {**layout_files({"": IMAGE}), "oci-layout": content},
    ]
    for number, files in enumerate(archives):
        tree = TarTree(write_tar(tmp_path / f"{number}.tar", files))
        with pytest.raises(ArchiveError, match=f"{number}.tar"):
            DockerArchiveSource(tree) if number < 2 else LayoutSource(tree)
    digest = digest_of(content)
    listed = [{"mediaType": m.OCI_INDEX, "digest": digest, "size": len(content)}]
    files = {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": json.dumps({"schemaVersion": 2, "manifests": listed}).encode(),
        f"blobs/{digest.replace(':', '/')}": content,
    }
    source = LayoutSource(DirectoryTree(write_directory(tmp_path / "d", files)))
    with pytest.raises(RegistryError, match=f"/d: blobs/sha256/{digest[7:]}"):
        source.root()


@pytest.mark.parametrize("claimed", [0, 1, 10**9, 10**18])
def test_a_size_in_index_json_that_is_wrong(tmp_path: pathlib.Path, claimed: int) -> None:
    files = layout_files({"": IMAGE})
    index = json.loads(files["index.json"])
    index["manifests"][0]["size"] = claimed
    source = LayoutSource(TarTree(write_tar(tmp_path / "x.tar", {**files, "index.json": json.dumps(index).encode()})))
    with pytest.raises(RegistryError, match=f"x.tar: blobs/sha256/{IMAGE.root[7:]}"):
        source.root()


class Found(t.NamedTuple):
    """An image that an archive gave: what its root is, and the content of all blobs."""

    root: str
    blobs: dict[str, bytes]


def read(archive: bytes, kind: str) -> Found:
    """Read an archive as a copy does."""
    file = tempfile.TemporaryFile()
    file.write(archive)
    file.flush()
    tree = TarTree("x.tar", file)
    source = LayoutSource(tree) if kind == "oci" else DockerArchiveSource(tree)
    try:
        image = load_image(source, source.root())
        source.check(image.blobs)
        blobs = {blob.digest: read_all(source.open_blob(blob)) for blob in image.blobs}
    finally:
        source.close()
        tree.close()
    return Found(image.root.digest, blobs)


def tar_of(members: t.Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return written.getvalue()


FILES = {"oci": layout_files({"": IMAGE}), "docker": SAVED}
ARCHIVES = {kind: tar_of(member(*file) for file in files.items()) for kind, files in FILES.items()}
WHOLE = {kind: read(archive, kind) for kind, archive in ARCHIVES.items()}
KINDS = st.sampled_from(sorted(ARCHIVES))


def is_refused_or_right(archive: bytes, kind: str) -> None:
    try:
        found = read(archive, kind)
    except RegistryError as error:
        assert error.message and str(error).isprintable()
    else:
        assert found == WHOLE[kind]


@given(KINDS, st.randoms(use_true_random=False), st.sampled_from(["flip", "cut", "swap", "drop", "repeat", "fill"]))
@settings(max_examples=300, deadline=None)
def test_damaged_bytes(kind: str, source: random.Random, damage: str) -> None:
    """A flipped bit, a lost end, blocks out of order, lost or twice, and a block of anything."""
    archive = bytearray(ARCHIVES[kind])
    blocks = [bytes(archive[start : start + 512]) for start in range(0, len(archive), 512)]
    first, second = source.randrange(len(blocks)), source.randrange(len(blocks))
    if damage == "flip":
        archive[source.randrange(len(archive))] ^= 1 << source.randrange(8)
    elif damage == "cut":
        del archive[source.randrange(len(archive)) :]
    else:
        if damage == "swap":
            blocks[first], blocks[second] = blocks[second], blocks[first]
        elif damage == "drop":
            del blocks[first]
        elif damage == "repeat":
            blocks.insert(second, blocks[first])
        else:
            blocks[first] = source.randbytes(512)
        archive = bytearray(b"".join(blocks))
    is_refused_or_right(bytes(archive), kind)


@given(
    KINDS, st.randoms(use_true_random=False), st.sampled_from(["flip", "cut", "swap", "drop", "rename", "link", "json"])
)
@settings(max_examples=300, deadline=None)
def test_changed_files(kind: str, source: random.Random, change: str) -> None:
    """The tar archive itself is whole, so that nothing but what is inside can tell."""
    names = sorted(FILES[kind])
    name, other = source.choice(names), source.choice(names)
    files = dict(FILES[kind])
    links: list[tuple[tarfile.TarInfo, bytes]] = []
    content = bytearray(files[name])
    if change == "swap":
        files[name], files[other] = files[other], files[name]
    elif change == "rename":
        files[source.choice(["../x", "/x", other, "x"])] = files.pop(name)
    elif change == "drop":
        del files[name]
    elif change == "link":
        del files[name]
        links = [(link(name, source.choice([other, name, "/etc/passwd"]), hard=source.random() < 0.5), b"")]
    elif change == "cut":
        files[name] = bytes(content[: source.randrange(len(content))])
    elif change == "flip":
        content[source.randrange(len(content))] ^= 1 << source.randrange(8)
        files[name] = bytes(content)
    else:
        words = [b"{}", b"[]", b"null", b"-1", b'"x"', b"1e999", b"true", b'"sha256:' + b"0" * 64 + b'"']
        position = source.choice([place for place, byte in enumerate(content) if byte in b':[,"{'] or [0])
        files[name] = bytes(content[: position + 1]) + source.choice(words) + bytes(content[position + 1 :])
    is_refused_or_right(tar_of([*(member(*file) for file in files.items()), *links]), kind)
