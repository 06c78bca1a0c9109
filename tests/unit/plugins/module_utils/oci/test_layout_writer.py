# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exports into a directory: what is fetched, what stays, and two at a time."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ArchiveError, ContentError, NotFound
from ansible_collections.dockyard.registry.plugins.module_utils.oci.export import Written, execute_export
from ansible_collections.dockyard.registry.plugins.module_utils.oci.local_files import PREFIX
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.exports import (
    Exporter,
    files_of,
    tags_of,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    descriptor,
    index_image,
    layout_files,
    platform_image,
    write_directory,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry

IMAGE, ONE = index_image(), platform_image()
NEWER = platform_image(layers=(b"base layer", b"newer"))
REF, NAME = "org.opencontainers.image.ref.name", "io.containerd.image.name"


@pytest.fixture
def filled(registry: MemoryRegistry) -> MemoryRegistry:
    registry.put("app", "1", IMAGE.contents, IMAGE.root)
    registry.put("one", "1", ONE.contents, ONE.root)
    registry.put("one", "2", NEWER.contents, NEWER.root)
    return registry


@pytest.fixture
def export(filled: MemoryRegistry, connect: t.Callable[..., RegistryClient]) -> Exporter:
    return Exporter(connect(filled.url))


@pytest.fixture
def layout(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "layout"


def blob_of(layout: pathlib.Path, digest: str) -> pathlib.Path:
    return layout / "blobs" / digest.replace(":", "/")


def names_of(*images: t.Mapping[str, object]) -> list[str]:
    return sorted({f"blobs/{digest.replace(':', '/')}" for image in images for digest in image})


def fetched(registry: MemoryRegistry) -> list[str]:
    lines = [line.rpartition("/")[2] for line in registry.log if line.startswith("GET") and "/blobs/" in line]
    registry.log.clear()
    return lines


def test_a_new_directory(export: Exporter, layout: pathlib.Path) -> None:
    plan = export("app:1", f"oci:{layout}")
    assert plan.blobs == Written(len(IMAGE.contents), IMAGE.size)
    assert files_of(layout) == sorted(["index.json", "oci-layout", *names_of(IMAGE.contents)])
    for digest, (content, _media_type) in IMAGE.contents.items():
        assert blob_of(layout, digest).read_bytes() == content
    annotations = {NAME: "registry.example.com/app:1", REF: "1"}
    entry = descriptor(IMAGE.contents[IMAGE.root][0], IMAGE.media_type, annotations=annotations)
    assert json.loads((layout / "index.json").read_bytes())["manifests"] == [entry]
    assert json.loads((layout / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    umask = os.umask(0)
    os.umask(umask)
    assert {stat.S_IMODE(os.stat(layout / name).st_mode) for name in files_of(layout)} == {0o666 & ~umask}


def test_what_is_there_is_not_fetched(filled: MemoryRegistry, export: Exporter, layout: pathlib.Path) -> None:
    export("one:1", f"oci:{layout}")
    filled.log.clear()
    plan = export("one:2", f"oci:{layout}")
    there = set(ONE.contents) & set(NEWER.contents)
    assert len(there) == 1
    assert plan.blobs.kept == len(there) and plan.blobs.written == len(NEWER.contents) - 1
    assert not there.intersection(fetched(filled))
    assert tags_of(layout) == {"1": ONE.root, "2": NEWER.root}


def test_a_second_name_fetches_nothing(filled: MemoryRegistry, export: Exporter, layout: pathlib.Path) -> None:
    export("app:1", f"oci:{layout}")
    filled.log.clear()
    plan = export("app:1", f"oci:{layout}:stable")
    assert plan.changed
    assert plan.blobs == Written(kept=len(IMAGE.contents), kept_bytes=IMAGE.size)
    assert fetched(filled) == []
    assert tags_of(layout) == {"1": IMAGE.root, "stable": IMAGE.root}


def test_a_whole_image_is_left_alone(filled: MemoryRegistry, export: Exporter, layout: pathlib.Path) -> None:
    export("app:1", f"oci:{layout}")
    filled.log.clear()
    assert not export("app:1", f"oci:{layout}").changed
    assert filled.log == ["HEAD /v2/app/manifests/1"]


def test_other_images_and_fields_stay(export: Exporter, layout: pathlib.Path) -> None:
    files = layout_files({"other": NEWER})
    index = json.loads(files["index.json"])
    other = {**index["manifests"][0], "platform": {"os": "linux", "architecture": "amd64", "os.version": "1"}}
    unnamed = {**descriptor(*ONE.contents[ONE.root]), "artifactType": "application/vnd.example"}
    index = {**index, "manifests": [other, unnamed], "annotations": {"a": "b"}}
    write_directory(layout, {**files, "index.json": json.dumps(index).encode()})
    export("one:1", f"oci:{layout}")
    after = json.loads((layout / "index.json").read_bytes())
    assert after["manifests"][:2] == [other, unnamed]
    assert len(after["manifests"]) == 3
    assert after["annotations"] == {"a": "b"}


def test_a_tag_moves_in_its_place(filled: MemoryRegistry, export: Exporter, layout: pathlib.Path) -> None:
    export("one:1", f"oci:{layout}")
    export("one:2", f"oci:{layout}")
    filled.put("one", "1", NEWER.contents, NEWER.root)
    plan = export("one:1", f"oci:{layout}")
    assert (plan.before, plan.details.digest) == (ONE.root, NEWER.root)
    assert list(tags_of(layout).items()) == [("1", NEWER.root), ("2", NEWER.root)]
    assert blob_of(layout, ONE.root).exists()


def test_a_tag_of_another_repository_moves_only_if_it_is_written(export: Exporter, layout: pathlib.Path) -> None:
    export("app:1", f"oci:{layout}")
    before = (layout / "index.json").read_bytes()
    with pytest.raises(ArchiveError) as caught:
        export("one:1", f"oci:{layout}")
    assert "has registry.example.com/app:1 under the tag 1, not registry.example.com/one:1" in caught.value.message
    assert "behind the path moves it" in caught.value.hint
    assert (layout / "index.json").read_bytes() == before
    assert export("one:1", f"oci:{layout}:1").changed
    assert tags_of(layout) == {"1": ONE.root}


@pytest.mark.parametrize("damage", ["shorter", "gone"])
def test_a_blob_that_is_damaged_is_written_again(
    filled: MemoryRegistry, export: Exporter, layout: pathlib.Path, damage: str
) -> None:
    export("one:1", f"oci:{layout}")
    for digest, (content, _media_type) in ONE.contents.items():
        filled.log.clear()
        blob = blob_of(layout, digest)
        blob.unlink()
        if damage == "shorter":
            blob.write_bytes(content[:-1])
        plan = export("one:1", f"oci:{layout}")
        assert [missing.digest for missing in plan.missing] == [digest]
        assert plan.before == ONE.root
        assert blob.read_bytes() == content


def test_a_blob_of_the_right_size_is_read_before_it_is_used(export: Exporter, layout: pathlib.Path) -> None:
    export("one:1", f"oci:{layout}")
    (shared,) = set(ONE.contents) & set(NEWER.contents)
    content = blob_of(layout, shared).read_bytes()
    blob_of(layout, shared).write_bytes(content[::-1])
    plan = export("one:2", f"oci:{layout}")
    assert shared in {missing.digest for missing in plan.missing}
    assert blob_of(layout, shared).read_bytes() == content


@pytest.mark.parametrize("failure", ["missing", "damaged"])
def test_a_failure_leaves_the_tag_and_what_was_fetched(
    filled: MemoryRegistry, export: Exporter, layout: pathlib.Path, failure: str
) -> None:
    smallest = min(NEWER.blobs, key=lambda digest: len(NEWER.blobs[digest]))
    for before in ({}, {"1": ONE.root}):
        if before:
            export("one:1", f"oci:{layout}")
        content = filled.blobs.pop(("one", smallest))
        if failure == "damaged":
            filled.blobs["one", smallest] = content[::-1]
        with pytest.raises(ContentError if failure == "damaged" else NotFound):
            export("one:2", f"oci:{layout}")
        filled.blobs["one", smallest] = content
        assert not blob_of(layout, smallest).exists()
        assert not list(layout.rglob(f"{PREFIX}*"))
        assert (tags_of(layout) if before else (layout / "index.json").exists()) == (before or False)
    plan, source = export.plan("one:2", f"oci:{layout}")
    assert smallest in {missing.digest for missing in plan.missing}
    execute_export(plan, source)
    assert tags_of(layout) == {"1": ONE.root, "2": NEWER.root}
    assert not export("one:2", f"oci:{layout}").changed


def test_what_a_killed_run_left(export: Exporter, layout: pathlib.Path) -> None:
    export("one:1", f"oci:{layout}")
    (layout / "index.json").unlink()
    for folder in (layout, layout / "blobs/sha256"):
        (folder / f"{PREFIX}half").write_bytes(b"half")
        os.utime(folder / f"{PREFIX}half", (1, 1))
    (layout / "oci-layout").write_bytes(b"")
    plan = export("one:1", f"oci:{layout}")
    assert plan.changed and plan.blobs.written == 0
    assert not list(layout.rglob(f"{PREFIX}*"))
    assert not export("one:1", f"oci:{layout}").changed


def test_many_at_a_time(filled: MemoryRegistry, export: Exporter, layout: pathlib.Path) -> None:
    """Each ends with its tag in index.json, and whoever looks meanwhile finds a whole one."""
    tags = [f"t{number}" for number in range(12)]

    def work(tag: str) -> None:
        export("app:1", f"oci:{layout}:{tag}")
        assert tag in tags_of(layout)

    with ThreadPoolExecutor(6) as executor:
        list(executor.map(work, tags))
    assert tags_of(layout) == dict.fromkeys(tags, IMAGE.root)
    assert files_of(layout) == sorted(["index.json", "oci-layout", *names_of(IMAGE.contents)])


def test_what_is_no_layout_stays(export: Exporter, tmp_path: pathlib.Path, layout: pathlib.Path) -> None:
    layout.mkdir()
    (layout / "notes.txt").write_text("mine")
    with pytest.raises(ArchiveError, match="holds notes.txt and is no OCI layout"):
        export("one:1", f"oci:{layout}")
    assert files_of(layout) == ["notes.txt"]
    (layout / "index.json").write_text("{}")
    with pytest.raises(ArchiveError, match="holds index.json, notes.txt and is no OCI layout"):
        export("one:1", f"oci:{layout}")
    with pytest.raises(ArchiveError, match="notes.txt is not a directory"):
        export("one:1", f"oci:{layout / 'notes.txt'}")
    with pytest.raises(ArchiveError, match="none is not a directory"):
        export("one:1", f"oci:{tmp_path}/none/layout")
    (tmp_path / "empty").mkdir()
    assert export("one:1", f"oci:{tmp_path}/empty").changed


def test_a_link_that_leads_out_is_not_followed(export: Exporter, tmp_path: pathlib.Path, layout: pathlib.Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    export("one:1", f"oci:{layout}")
    for name in files_of(layout / "blobs"):
        (layout / "blobs" / name).unlink()
    (layout / "blobs/sha256").rmdir()
    (layout / "blobs/sha256").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArchiveError, match="leads out of the directory"):
        export("one:1", f"oci:{layout}")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_link_to_the_layout_is(export: Exporter, tmp_path: pathlib.Path, layout: pathlib.Path) -> None:
    layout.mkdir()
    (tmp_path / "link").symlink_to(layout)
    assert export("one:1", f"oci:{tmp_path}/link").changed
    assert tags_of(layout) == {"1": ONE.root}
