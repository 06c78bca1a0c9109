# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exports into archives: what is in them, what they replace, and what a failure leaves."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import tarfile
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.downloads import MAX_RESUMES
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    ArchiveError,
    ConnectionFailed,
    ContentError,
    RegistryError,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.export import execute_export
from ansible_collections.dockyard.registry.plugins.module_utils.oci.export_state import image_at
from ansible_collections.dockyard.registry.plugins.module_utils.oci.file_tree import DirectoryTree, TarTree
from ansible_collections.dockyard.registry.plugins.module_utils.oci.oci_layout import LayoutSource
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import Reference
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.exports import Exporter
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    OCI_CONFIG,
    OCI_LAYER,
    OCI_MANIFEST,
    SampleImage,
    descriptor,
    digest_of,
    docker_save_files,
    index_image,
    layout_files,
    platform_image,
    write_directory,
    write_tar,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Reply,
    ScriptedServer,
)

IMAGE, ONE = index_image(), platform_image()
FULL = "registry.example.com/one:1"
REF, NAME = "org.opencontainers.image.ref.name", "io.containerd.image.name"
KINDS = ("oci-archive", "docker-archive")
Members = t.Dict[str, bytes]


@pytest.fixture
def filled(registry: MemoryRegistry) -> MemoryRegistry:
    registry.put("app", "1", IMAGE.contents, IMAGE.root)
    registry.put("one", "1", ONE.contents, ONE.root)
    return registry


@pytest.fixture
def export(filled: MemoryRegistry, connect: t.Callable[..., RegistryClient]) -> Exporter:
    return Exporter(connect(filled.url))


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "dest").mkdir()
    return tmp_path / "dest" / "x.tar"


def members_of(path: pathlib.Path) -> Members:
    with tarfile.open(path, "r:") as archive:
        files = [member for member in archive if member.isfile()]
        return {member.name: archive.extractfile(member).read() for member in files}  # type: ignore[union-attr]


def blob_files(image: SampleImage) -> Members:
    return {f"blobs/{digest.replace(':', '/')}": content for digest, (content, _type) in image.contents.items()}


def test_an_oci_archive(export: Exporter, path: pathlib.Path) -> None:
    export("app:1", f"oci-archive:{path}")
    members = members_of(path)
    names = list(members)
    assert names[:2] == ["oci-layout", "index.json"]
    assert names[2:] == sorted(blob_files(IMAGE))
    assert members == {**members, **blob_files(IMAGE)}
    assert json.loads(members["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    annotations = {NAME: "registry.example.com/app:1", REF: "1"}
    entry = descriptor(IMAGE.contents[IMAGE.root][0], IMAGE.media_type, annotations=annotations)
    assert json.loads(members["index.json"])["manifests"] == [entry]


def test_a_docker_archive(export: Exporter, path: pathlib.Path) -> None:
    export("one:1", f"docker-archive:{path}:tool:2")
    members = members_of(path)
    manifest = json.loads(ONE.contents[ONE.root][0])
    (entry,) = json.loads(members["manifest.json"])
    parts = [manifest["config"], *manifest["layers"]]
    names = [f"blobs/{part['digest'].replace(':', '/')}" for part in parts]
    assert entry == {"Config": names[0], "RepoTags": ["tool:2"], "Layers": names[1:]}
    (image,) = json.loads(members["index.json"])["manifests"]
    assert image["digest"] == ONE.root
    assert image["annotations"] == {NAME: "docker.io/library/tool:2", REF: "2"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_image_is_the_same_bytes(export: Exporter, path: pathlib.Path, kind: str) -> None:
    export("one:1", f"{kind}:{path}")
    other = path.with_name("other")
    export("one:1", f"{kind}:{other}")
    assert path.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("there", [True, False], ids=["replaces", "new"])
@pytest.mark.parametrize("failure", ["missing", "damaged", "refused"])
def test_a_failure_leaves_what_was(
    filled: MemoryRegistry, export: Exporter, path: pathlib.Path, kind: str, there: bool, failure: str
) -> None:
    if there:
        export("one:1", f"{kind}:{path}")
    before = path.read_bytes() if there else None
    image = platform_image(layers=(b"base layer", b"newer"))
    filled.put("one", "1", image.contents, image.root)
    layer = json.loads(image.contents[image.root][0])["layers"][1]["digest"]
    if failure == "missing":
        del filled.blobs["one", layer]
    elif failure == "damaged":
        filled.blobs["one", layer] = filled.blobs["one", layer][::-1]
    else:
        filled.broken[f"GET /v2/one/blobs/{layer}"] = (403, "DENIED")
    with pytest.raises({"damaged": ContentError}.get(failure, RegistryError)):
        export("one:1", f"{kind}:{path}")
    assert (path.read_bytes() if path.exists() else None) == before
    assert list(path.parent.iterdir()) == ([path] if there else [])


@pytest.mark.parametrize("kind", ["oci", *KINDS])
def test_a_connection_that_is_cut(
    connect: t.Callable[..., RegistryClient], scripted: t.Callable[..., ScriptedServer], path: pathlib.Path, kind: str
) -> None:
    """The client takes it up where it broke; a registry that never comes to the end leaves nothing behind."""
    server = scripted()
    reply = Reply(body=ONE.contents[ONE.root][0], headers={"Content-Type": OCI_MANIFEST})
    for target in ("1", ONE.root):
        server.always("GET", f"/v2/one/manifests/{target}", reply).always("HEAD", f"/v2/one/manifests/{target}", reply)
    layer = json.loads(ONE.contents[ONE.root][0])["layers"][0]["digest"]
    for digest, content in ONE.blobs.items():
        server.always("GET", f"/v2/one/blobs/{digest}", Reply(body=content))
    server.on("GET", f"/v2/one/blobs/{layer}", *[Reply(body=ONE.blobs[layer], cut=0)] * (MAX_RESUMES + 1))
    export = Exporter(connect(server.url))
    with pytest.raises(ConnectionFailed) as caught:
        export("one:1", f"{kind}:{path}")
    assert layer in caught.value.url
    assert kind == "oci" or list(path.parent.iterdir()) == []
    assert not list(path.parent.rglob(".*"))
    server.on("GET", f"/v2/one/blobs/{layer}", *[Reply(body=ONE.blobs[layer], cut=0)] * 2)
    export("one:1", f"{kind}:{path}")
    assert image_at(DirectoryTree(str(path)) if kind == "oci" else TarTree(str(path)), ONE.root)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_archive_is_written_again(export: Exporter, path: pathlib.Path, kind: str) -> None:
    export("one:1", f"{kind}:{path}")
    whole = path.read_bytes()
    members = members_of(path)
    (manifest,) = [name for name in members if name.endswith(ONE.root[7:])]
    layer = max(members, key=lambda name: len(members[name]) if name.startswith("blobs") and name != manifest else 0)
    damaged = {
        "a layer is missing": {name: members[name] for name in members if name != layer},
        "a layer is shorter": {**members, layer: members[layer][:-1]},
        "the manifest is missing": {name: members[name] for name in members if name != manifest},
        "the manifest is another": {**members, manifest: members[manifest].replace(b"layers", b"Layers")},
    }
    if kind == "docker-archive":
        damaged["no manifest.json"] = {name: members[name] for name in members if name != "manifest.json"}
        damaged["no image in manifest.json"] = {**members, "manifest.json": b"[]"}
    for damage, files in damaged.items():
        write_tar(path, files)
        plan, _source = export.plan("one:1", f"{kind}:{path}")
        assert plan.changed, damage
        assert plan.before == ONE.root
        export("one:1", f"{kind}:{path}")
        assert path.read_bytes() == whole, damage


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_that_is_cut_short(export: Exporter, path: pathlib.Path, kind: str) -> None:
    """It is this image's as long as its index.json can be read, and nobody's after that."""
    export("one:1", f"{kind}:{path}")
    whole = path.read_bytes()
    first_blob = whole.index(b"blobs/sha256/" + sorted(ONE.contents)[0][7:].encode())
    for length in (len(whole) - 513, len(whole) - 1024, len(whole) // 2, first_blob + 700, first_blob + 512):
        path.write_bytes(whole[:length])
        assert export("one:1", f"{kind}:{path}").changed, length
        assert path.read_bytes() == whole
        path.write_bytes(whole[:length])
        with pytest.raises(ArchiveError, match="holds registry.example.com/one:1, not only"):
            export("app:1", f"oci-archive:{path}:other")
    for length in (0, 100, 700):
        path.write_bytes(whole[:length])
        with pytest.raises(ArchiveError, match="Nobody can tell what it holds"):
            export("one:1", f"{kind}:{path}")
        assert path.read_bytes() == whole[:length]


def layout_with(*names: dict[str, str]) -> Members:
    """Return a layout that has an image under names given as annotations."""
    files = layout_files({"": ONE})
    entry = json.loads(files["index.json"])["manifests"][0]
    entries = [{**entry, "annotations": annotations} for annotations in names]
    return {**files, "index.json": json.dumps({"schemaVersion": 2, "manifests": entries}).encode()}


@pytest.mark.parametrize(
    ("files", "held"),
    [
        (layout_with({REF: "2"}), "2"),
        (layout_with({REF: "1", NAME: "registry.example.com/two:1"}), "registry.example.com/two:1"),
        (layout_with({REF: "1"}, {REF: "2"}), "2"),
        (layout_with({}), ONE.root),
        (layout_with({NAME: "registry.example.com/one:2"}), "registry.example.com/one:2"),
        (layout_with(), "no image that has a name"),
        (docker_save_files({"one:2": [b"x"]}), "one:2"),
        (docker_save_files({"": [b"x"]}), "one without a name"),
        (docker_save_files({FULL: [b"x"], "other:1": [b"y"]}), "other:1"),
        ({"manifest.json": b"no JSON"}, "no image that has a name"),
        ({"manifest.json": b"[" * 10000}, "no image that has a name"),
        ({"notes.txt": b"text"}, "no image that has a name"),
        ({}, "no image that has a name"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_with_other_content_stays(
    export: Exporter, path: pathlib.Path, kind: str, files: Members, held: str
) -> None:
    write_tar(path, files)
    before = path.read_bytes()
    with pytest.raises(ArchiveError) as caught:
        export("one:1", f"{kind}:{path}")
    assert f"{path} holds " in caught.value.message and held in caught.value.message
    assert caught.value.hint == "Remove the file, or choose another path."
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "Nobody can tell"),
        (b"some text\n" * 100, "Nobody can tell"),
        (b"\x1f\x8b" + bytes(600), "compressed as a whole"),
    ],
)
def test_a_file_that_is_no_archive_stays(export: Exporter, path: pathlib.Path, content: bytes, problem: str) -> None:
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=problem):
        export("one:1", f"oci-archive:{path}")
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("index", "marker", "problem"),
    [
        (b"no JSON", b'{"imageLayoutVersion": "1.0.0"}', "is not JSON"),
        (b'{"schemaVersion": 2, "manifests": {}}', b'{"imageLayoutVersion": "1.0.0"}', "no usable list"),
        (b'{"schemaVersion": 2, "manifests": []}', b'{"imageLayoutVersion": "2.0.0"}', "version '2.0.0'"),
        (b'{"schemaVersion": 2, "manifests": []}', b"[]", "not an object"),
    ],
)
def test_a_layout_that_cannot_be_read_stays(
    export: Exporter, path: pathlib.Path, index: bytes, marker: bytes, problem: str
) -> None:
    write_tar(path, {"index.json": index, "oci-layout": marker})
    before = path.read_bytes()
    with pytest.raises(ArchiveError):
        export("one:1", f"oci-archive:{path}")
    assert path.read_bytes() == before
    write_directory(path.with_name("layout"), {"index.json": index, "oci-layout": marker})
    with pytest.raises(ArchiveError, match=problem):
        export("one:1", f"oci:{path.with_name('layout')}")


def test_special_files_stay(export: Exporter, path: pathlib.Path) -> None:
    os.mkfifo(path)
    with pytest.raises(ArchiveError, match="is not a regular file"):
        export("one:1", f"oci-archive:{path}")
    path.unlink()
    path.symlink_to("nowhere/x")
    with pytest.raises(ArchiveError, match="nowhere is not a directory"):
        export("one:1", f"oci-archive:{path}")


@pytest.mark.parametrize("name", ["one:1", "docker.io/library/one:1"])
def test_an_older_docker_save_of_the_same_name_is_replaced(export: Exporter, path: pathlib.Path, name: str) -> None:
    write_tar(path, docker_save_files({name: [b"x"]}))
    plan = export("one:1", f"docker-archive:{path}:one:1")
    assert plan.changed and plan.before == ""
    assert not export("one:1", f"docker-archive:{path}:one:1").changed


def test_an_archive_that_skopeo_wrote_is_the_same(export: Exporter, path: pathlib.Path) -> None:
    """It has the tag only, and no whole name."""
    write_tar(path, layout_files({"1": ONE}))
    assert not export("one:1", f"oci-archive:{path}").changed
    assert export("one:1", f"docker-archive:{path}").changed
    assert not export("one:1", f"oci-archive:{path}").changed


def test_more_fields_in_manifest_json_do_no_harm(export: Exporter, path: pathlib.Path) -> None:
    export("one:1", f"docker-archive:{path}")
    members = members_of(path)
    (entry,) = json.loads(members["manifest.json"])
    write_tar(path, {**members, "manifest.json": json.dumps([{"LayerSources": {}, **entry}]).encode()})
    assert not export("one:1", f"docker-archive:{path}").changed


def huge_image() -> SampleImage:
    """Return an image that says its layer is larger than any disk."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": [digest_of(b"x")]}}).encode()
    layer = {**descriptor(b"x", OCI_LAYER), "size": 1 << 60}
    document = {"schemaVersion": 2, "config": descriptor(config, OCI_CONFIG), "layers": [layer]}
    raw = json.dumps({**document, "mediaType": OCI_MANIFEST}).encode()
    contents = {digest_of(config): (config, ""), digest_of(raw): (raw, OCI_MANIFEST)}
    return SampleImage(digest_of(raw), OCI_MANIFEST, contents)


@pytest.mark.parametrize("kind", ["oci", *KINDS])
def test_a_disk_without_room(filled: MemoryRegistry, export: Exporter, path: pathlib.Path, kind: str) -> None:
    image = huge_image()
    filled.put("huge", "1", image.contents, image.root)
    with pytest.raises(ArchiveError, match=r"the image needs 10995116277\d\d MiB in .*/dest, which has \d+ MiB free"):
        export.plan("huge:1", f"{kind}:{path}")
    assert list(path.parent.iterdir()) == []


def test_what_docker_would_not_load_is_refused_before_anything_is_fetched(
    filled: MemoryRegistry, export: Exporter, path: pathlib.Path
) -> None:
    config = b"{}"
    document = {"schemaVersion": 2, "config": descriptor(config, "application/vnd.example"), "layers": []}
    raw = json.dumps({**document, "mediaType": OCI_MANIFEST}).encode()
    filled.put("chart", "1", {digest_of(config): (config, ""), digest_of(raw): (raw, OCI_MANIFEST)}, digest_of(raw))
    with pytest.raises(ContentError, match="an artifact"):
        export("chart:1", f"docker-archive:{path}")
    assert not [line for line in filled.log if "/blobs/" in line]
    export("chart:1", f"oci-archive:{path}")
    assert f"blobs/{digest_of(config).replace(':', '/')}" in members_of(path)


def test_layers_that_may_not_be_distributed_are_left_out(
    filled: MemoryRegistry, export: Exporter, path: pathlib.Path
) -> None:
    document = json.loads(ONE.contents[ONE.root][0])
    document["layers"][0]["urls"] = ["https://mcr.example.com/layer"]
    raw = json.dumps(document).encode()
    contents = {**{digest: (blob, "") for digest, blob in ONE.blobs.items()}, digest_of(raw): (raw, OCI_MANIFEST)}
    del contents[document["layers"][0]["digest"]]
    filled.put("windows", "1", contents, digest_of(raw))
    for dest in (f"oci-archive:{path}", f"oci:{path.with_name('layout')}"):
        assert [export("windows:1", dest).changed for _time in range(2)] == [True, False]
    assert {name for name in members_of(path) if name.startswith("blobs/")} == {
        f"blobs/{digest.replace(':', '/')}" for digest in contents
    }
    with pytest.raises(ContentError, match="stands at https://mcr.example.com/layer"):
        export("windows:1", f"docker-archive:{path.with_name('y')}")


def sha512_layout(tmp_path: pathlib.Path) -> tuple[LayoutSource, str]:
    config, layer = b'{"architecture": "amd64", "os": "linux"}', b"layer"

    def digest(content: bytes) -> str:
        return f"sha512:{hashlib.sha512(content).hexdigest()}"

    kinds = ((config, OCI_CONFIG), (layer, OCI_LAYER))
    parts = [{**descriptor(part, kind), "digest": digest(part)} for part, kind in kinds]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": parts[0], "layers": parts[1:]}
    raw = json.dumps(document).encode()
    entry = {**descriptor(raw, OCI_MANIFEST), "digest": digest(raw)}
    files = {f"blobs/sha512/{digest(part)[7:]}": part for part in (config, layer, raw)}
    files["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    return LayoutSource(DirectoryTree(write_directory(tmp_path / "sha512", files))), digest(raw)


def test_other_digests(export: Exporter, tmp_path: pathlib.Path, path: pathlib.Path) -> None:
    source, digest = sha512_layout(tmp_path)
    reference = Reference("registry.example.com", "one", "1")
    for dest in (f"oci-archive:{path}", f"oci:{path.with_name('layout')}"):
        for changed in (True, False):
            plan, _source = export.plan_from(source, reference, dest)
            execute_export(plan, source)
            assert (plan.changed, plan.details.digest) == (changed, digest)
    with pytest.raises(ContentError, match="docker load does not take"):
        export.plan_from(source, reference, f"docker-archive:{path.with_name('y')}")
