# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives of docker save: the manifest that is made of them, and what damaged ones are told."""

from __future__ import annotations

import gzip
import json
import pathlib
import tarfile
import typing as t
import struct
import zlib

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.describe import load_image
from ansible_collections.dockyard.registry.plugins.module_utils.oci.docker_archive import DockerArchiveSource
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ArchiveError, ContentError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.file_tree import TarTree
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import read_all
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    digest_of,
    docker_save_files,
    layout_files,
    link,
    platform_image,
    write_tar,
)

LAYERS = [b"first layer " * 1000, b"second"]
SAVED = docker_save_files({"team/x:1": LAYERS})


@pytest.fixture
def archive(tmp_path: pathlib.Path) -> t.Iterator[t.Callable[..., DockerArchiveSource]]:
    made: list[DockerArchiveSource] = []

    def make(files: t.Mapping[str, bytes | None], *special: tarfile.TarInfo, selector: str = "") -> DockerArchiveSource:
        whole = {name: content for name, content in files.items() if content is not None}
        path = write_tar(tmp_path / f"{len(made)}.tar", whole, *special)
        made.append(DockerArchiveSource(TarTree(path), selector, temp_dir=str(tmp_path)))
        return made[-1]

    yield make
    for source in made:
        source.close()


Make = t.Callable[..., DockerArchiveSource]


def changed(name: str, content: bytes | None) -> dict[str, bytes | None]:
    return {**SAVED, name: content}


def config_name(files: t.Mapping[str, bytes | None] | None = None) -> str:
    return next(name for name in files or SAVED if name.endswith(".json") and name != "manifest.json")


def test_layers_are_compressed_always_in_the_same_way(archive: Make, tmp_path: pathlib.Path) -> None:
    sources = [archive(SAVED), archive(dict(reversed(list(SAVED.items()))))]
    roots = [source.root() for source in sources]
    assert roots[0].raw == roots[1].raw
    assert roots[0].media_type == m.DOCKER_MANIFEST
    packed = [read_all(sources[0].open_blob(layer)) for layer in roots[0].layers]
    assert [gzip.decompress(layer) for layer in packed] == LAYERS
    for layer in packed:
        assert layer[3:9] == bytes(6), "no name, no time, no hint of a level"
    assert [layer.size for layer in roots[0].layers] == [len(layer) for layer in packed]
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".tar"]


def test_the_digest_is_the_one_it_was(archive: Make) -> None:
    """What ran once must be unchanged the next time: this guards the manifest's form against harmless edits."""
    source = archive(SAVED)
    config = SAVED[config_name()]
    packed = []
    for layer in LAYERS:
        press = zlib.compressobj(3, zlib.DEFLATED, -15, 9)
        trailer = struct.pack("<II", zlib.crc32(layer), len(layer))
        packed.append(bytes.fromhex("1f8b08000000000000ff") + press.compress(layer) + press.flush() + trailer)
    expected = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": m.DOCKER_MANIFEST,
            "config": {"mediaType": m.DOCKER_CONFIG, "size": len(config), "digest": digest_of(config)},
            "layers": [{"mediaType": m.DOCKER_LAYER, "size": len(x), "digest": digest_of(x)} for x in packed],
        },
        indent=3,
    )
    assert source.root().digest == digest_of(expected.encode())


def test_the_image(archive: Make) -> None:
    source = archive(SAVED)
    image = load_image(source, source.root())
    assert image.platforms == ("linux/amd64",)
    assert image.root.config is not None
    assert read_all(source.open_blob(image.root.config)) == SAVED[config_name()]
    source.check(image.blobs)
    assert [read_all(source.open_blob(blob)) for blob in image.blobs] == [
        read_all(source.open_blob(blob)) for blob in image.blobs
    ]
    with pytest.raises(ContentError):
        source.manifest(image.root.descriptor)
    with pytest.raises(ContentError):
        source.small_blob(image.root.layers[0], limit=10**9)


def test_compressed_layers_stay_as_they_are(archive: Make) -> None:
    packed = [gzip.compress(layer, 1, mtime=0) for layer in LAYERS]
    root = archive(docker_save_files({"": packed})).root()
    assert [layer.digest for layer in root.layers] == [digest_of(layer) for layer in packed]


def test_equal_layers_by_link(archive: Make) -> None:
    """Docker writes a link where a layer comes twice."""
    files = docker_save_files({"": [LAYERS[0], LAYERS[0]]})
    entry = json.loads(files["manifest.json"])
    entry[0]["Layers"][1] = "again/layer.tar"
    files["manifest.json"] = json.dumps(entry).encode()
    root = archive(files, link("again/layer.tar", f"../{entry[0]['Layers'][0]}")).root()
    assert len(root.layers) == 2 and len(root.blobs) == 2


def test_an_archive_that_is_a_layout_too(archive: Make) -> None:
    """Docker 25 and newer: manifest.json names blobs of the layout."""
    image = platform_image()
    files = layout_files({"1": image})
    manifest = json.loads(image.contents[image.root][0])
    names = [f"blobs/{part['digest'].replace(':', '/')}" for part in (manifest["config"], *manifest["layers"])]
    files["manifest.json"] = json.dumps([{"Config": names[0], "RepoTags": ["x:1"], "Layers": names[1:]}]).encode()
    root = archive(files).root()
    assert {blob.digest for blob in root.blobs} == set(image.blobs)


@pytest.mark.parametrize("selector", ["team/x:1", "docker.io/team/x:1"])
def test_one_of_several(archive: Make, selector: str) -> None:
    files = docker_save_files({"team/x:1": LAYERS, "team/y:1": LAYERS[:1]})
    assert len(archive(files, selector=selector).root().layers) == 2


@pytest.mark.parametrize(
    ("selector", "problem"), [("", "2 images and none"), ("team/z:1", "no image"), ("%", "no image '%'")]
)
def test_choices_are_listed(archive: Make, selector: str, problem: str) -> None:
    files = docker_save_files({"team/x:1": LAYERS, "": LAYERS[:1]})
    with pytest.raises(ArchiveError, match=rf"0.tar holds {problem}.*There is: team/x:1, one without a name"):
        archive(files, selector=selector)


def entry(**changes: object) -> bytes:
    return json.dumps([{**json.loads(SAVED["manifest.json"])[0], **changes}]).encode()


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (changed("manifest.json", None), "manifest.json is missing"),
        ({"index.json": b"{}"}, "oci-archive:"),
        (changed("manifest.json", b"{"), "not JSON"),
        (changed("manifest.json", b"[" * 100_000), "not JSON"),
        (changed("manifest.json", b" " * (8 * 1024 * 1024 + 1)), "more than"),
        (changed("manifest.json", b"{}"), "not a list"),
        (changed("manifest.json", b"[]"), "There is: none"),
        (changed("manifest.json", b"[1]"), "no image"),
        (changed("manifest.json", entry(Layers=[1])), "no image"),
        (changed("manifest.json", entry(Layers="abc")), "no image"),
        (changed("manifest.json", entry(Layers=["missing/layer.tar"])), "lacks the layer missing/layer.tar"),
        (changed("manifest.json", entry(Layers=["../../etc/passwd"])), "leads out of the archive"),
        (changed("manifest.json", entry(Layers=["/etc/passwd"])), "leads out of the archive"),
        (changed("manifest.json", entry(Config="missing.json")), "lacks missing.json"),
        (changed("manifest.json", entry(Layers=json.loads(SAVED["manifest.json"])[0]["Layers"][:1])), "names 2 layers"),
        (
            changed("manifest.json", entry(Layers=json.loads(SAVED["manifest.json"])[0]["Layers"][::-1])),
            "its image says",
        ),
        (changed(config_name(), b"{}"), "has the digest"),
        (changed(json.loads(SAVED["manifest.json"])[0]["Layers"][1], b"changed"), "its image says"),
        (changed(json.loads(SAVED["manifest.json"])[0]["Layers"][1], b"\x1f\x8bchanged"), "not whole gzip data"),
        (
            changed(json.loads(SAVED["manifest.json"])[0]["Layers"][1], gzip.compress(LAYERS[1], mtime=0)[:-9]),
            "not whole gzip data",
        ),
        (changed(json.loads(SAVED["manifest.json"])[0]["Layers"][1], b"\x28\xb5\x2f\xfdchanged"), "zstd.*oci-archive"),
    ],
)
def test_damaged_archives(archive: Make, files: dict[str, bytes | None], problem: str) -> None:
    with pytest.raises(ArchiveError, match=problem) as caught:
        archive(files).root()
    assert "0.tar" in str(caught.value) and caught.value.hint


@pytest.mark.parametrize("config", [b"{}", b"[]", b"<", b'{"rootfs": 1}', b'{"rootfs": {"diff_ids": ["x", "y"]}}'])
def test_configurations_that_are_none(archive: Make, config: bytes) -> None:
    files = {**SAVED, "manifest.json": entry(Config="config.json"), "config.json": config}
    with pytest.raises(ArchiveError, match="config.json"):
        archive(files).root()


def test_a_full_disk_is_told(archive: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    source = archive(SAVED)
    monkeypatch.setattr(source, "_temp_dir", str(tmp_path / "missing"))
    with pytest.raises(ArchiveError, match="could not be compressed in .*missing.*needs room"):
        source.root().digest
