# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archives of tools/images: the same bytes from the same input, and a form that engines and OCI readers take."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

if sys.version_info < (3, 11):
    pytest.skip("tools/images needs Python 3.11", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parents[3] / "tools" / "images"))

from dockyard_images import archive, hub  # noqa: E402
from dockyard_images.layers import Blob, Entry, write_layer  # noqa: E402

ENTRIES = [
    Entry("/b/file", 0o755, b"content"),
    Entry("/a", link="b/file"),
    Entry("/tmp", 0o1777, is_folder=True),
    Entry("/b/" + "long" * 40, data=b"x"),
]


def build(folder: Path, entries: list[Entry], tags: list[str]) -> tuple[Path, Blob]:
    """An archive in a folder of its own."""
    blobs = folder / "blobs"
    blobs.mkdir(parents=True)
    layer = write_layer(blobs, entries, 0)
    config = archive.image_config("amd64", {"Cmd": ["/b/file"]}, [(layer, "made")], 0)
    target = folder / "image.tar"
    return target, archive.write_archive(target, blobs, archive.Image(tags, "amd64", config, [layer]))


def members(path: Path) -> dict[str, bytes]:
    """The files of a tar."""
    with tarfile.open(path) as tar:
        return {item.name: tar.extractfile(item).read() for item in tar if item.isfile()}  # type: ignore[union-attr]


def test_same_input_same_bytes(tmp_path: Path) -> None:
    first, digest = build(tmp_path / "one", ENTRIES, ["a:1"])
    second, again = build(tmp_path / "two", list(reversed(ENTRIES)), ["a:1"])
    assert first.read_bytes() == second.read_bytes()
    assert digest == again


def test_layer_is_sorted_and_anonymous(tmp_path: Path) -> None:
    blob = write_layer(tmp_path, ENTRIES, 0)
    packed = tmp_path.joinpath(blob.digest[7:]).read_bytes()
    plain = gzip.decompress(packed)
    assert packed[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    assert blob.diff_id == "sha256:" + hashlib.sha256(plain).hexdigest()
    assert (blob.digest, blob.size) == ("sha256:" + hashlib.sha256(packed).hexdigest(), len(packed))
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        found = tar.getmembers()
    assert [item.name for item in found] == sorted(item.name for item in found)
    assert {(item.mtime, item.uid, item.gid, item.uname) for item in found} == {(0, 0, 0, "")}
    modes = {item.name: item.mode for item in found}
    assert (modes["b"], modes["tmp"], modes["b/file"]) == (0o755, 0o1777, 0o755)


def test_time_stamp_is_the_one_asked_for(tmp_path: Path) -> None:
    blob = write_layer(tmp_path, ENTRIES, 1700000000)
    with tarfile.open(tmp_path / blob.digest[7:]) as tar:
        assert {item.mtime for item in tar} == {1700000000}


def test_archive_is_an_oci_layout(tmp_path: Path) -> None:
    path, digest = build(tmp_path, ENTRIES, ["registry:3", "registry:3.1.2"])
    files = members(path)
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    found = json.loads(files["index.json"])["manifests"]
    assert [item["annotations"]["org.opencontainers.image.ref.name"] for item in found] == ["3", "3.1.2"]
    assert [item["annotations"]["io.containerd.image.name"] for item in found] == [
        "docker.io/library/registry:3",
        "docker.io/library/registry:3.1.2",
    ]
    assert {item["digest"] for item in found} == {digest.digest}
    manifest = json.loads(files["blobs/sha256/" + digest.digest[7:]])
    for item in (manifest["config"], *manifest["layers"], *found):
        blob = files["blobs/" + item["digest"].replace(":", "/")]
        assert (hashlib.sha256(blob).hexdigest(), len(blob)) == (item["digest"][7:], item["size"])


def test_archive_is_a_docker_archive(tmp_path: Path) -> None:
    path, _digest = build(tmp_path, ENTRIES, ["a:1", "a:2"])
    files = members(path)
    (entry,) = json.loads(files["manifest.json"])
    config = json.loads(files[entry["Config"]])
    assert entry["RepoTags"] == ["a:1", "a:2"]
    layers = [gzip.decompress(files[layer]) for layer in entry["Layers"]]
    assert ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers] == config["rootfs"]["diff_ids"]
    assert len(config["history"]) == len(layers)
    assert config["created"] == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("tag", "full"),
    [
        ("nginx:1", "docker.io/library/nginx:1"),
        ("team/app:1", "docker.io/team/app:1"),
        ("localhost/app:1", "localhost/app:1"),
        ("host:5000/app:1", "host:5000/app:1"),
    ],
)
def test_full_name(tag: str, full: str) -> None:
    assert archive.full_name(tag) == full


def test_what_an_engine_saved_keeps_its_image_id(tmp_path: Path) -> None:
    """Engines before 25 save plain layers, and a layer they have twice as a link."""
    layer = b"a tar" * 1000
    config = json.dumps({"rootfs": {"diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()] * 2}}).encode()
    manifest = [{"Config": "c.json", "RepoTags": ["a:1"], "Layers": ["one/layer.tar", "two/layer.tar"]}]
    saved = tmp_path / "saved.tar"
    with tarfile.open(saved, "w") as tar:
        for name, data in {"one/layer.tar": layer, "c.json": config, "manifest.json": json.dumps(manifest).encode()}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("two/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../one/layer.tar"
        tar.addfile(link)
    found, layers = hub.read_saved(saved, tmp_path)
    assert found == config
    assert layers[0] == layers[1]
    assert gzip.decompress(tmp_path.joinpath(layers[0].digest[7:]).read_bytes()) == layer
