# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images in OCI layouts, in directories and in tars."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.describe import load_image
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    ArchiveError,
    ContentError,
    RegistryError,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.file_tree import DirectoryTree, TarTree
from ansible_collections.dockyard.registry.plugins.module_utils.oci.oci_layout import LayoutSource
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import read_all
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    SampleImage,
    index_image,
    layout_files,
    platform_image,
    write_directory,
    write_tar,
)

ONE = platform_image()
MANY = index_image()


def directory(path: pathlib.Path, files: t.Mapping[str, bytes], selector: str = "") -> LayoutSource:
    return LayoutSource(DirectoryTree(write_directory(path, files)), selector)


@pytest.mark.parametrize("image", [ONE, MANY])
def test_an_image_in_both_forms(tmp_path: pathlib.Path, image: SampleImage) -> None:
    files = layout_files({"1.0": image})
    archive = LayoutSource(TarTree(write_tar(tmp_path / "x.tar", files)))
    for source in (archive, directory(tmp_path / "d", files), directory(tmp_path / "d", files, "1.0")):
        loaded = load_image(source, source.root())
        assert source.root().digest == loaded.root.digest == image.root
        assert {blob.digest for blob in loaded.blobs} == set(image.blobs)
        assert loaded.details.size == image.size
        source.check(loaded.blobs)
        assert all(read_all(source.open_blob(blob)) == image.blobs[blob.digest] for blob in loaded.blobs)
        source.close()


def test_platforms() -> None:
    assert load_image(Memory(ONE), Memory(ONE).root()).platforms == ("linux/amd64",)
    assert load_image(Memory(MANY), Memory(MANY).root()).platforms == ("linux/amd64", "linux/arm64")


class Memory:
    def __init__(self, image: SampleImage) -> None:
        self.image = image

    def root(self) -> m.Manifest:
        return self.manifest(m.Descriptor("", self.image.root, 0))

    def manifest(self, descriptor: m.Descriptor) -> m.Manifest:
        return m.parse_manifest(*self.image.contents[descriptor.digest], where="memory")

    def small_blob(self, descriptor: m.Descriptor, *, limit: int) -> bytes:
        return self.image.contents[descriptor.digest][0]


def nested(levels: int) -> SampleImage:
    image = platform_image()
    for _level in range(levels):
        content = image.contents[image.root][0]
        entry = {"mediaType": image.media_type, "digest": image.root, "size": len(content)}
        index = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
        image = SampleImage(
            m.digest_of(index), m.OCI_INDEX, {**image.contents, m.digest_of(index): (index, m.OCI_INDEX)}
        )
    return image


def test_nested_indexes_end() -> None:
    image = load_image(Memory(nested(4)), Memory(nested(4)).root())
    assert [manifest.is_index for manifest in image.manifests] == [False, True, True, True, True]
    assert image.platforms == ("linux/amd64",)
    with pytest.raises(ContentError, match="too many levels"):
        load_image(Memory(nested(5)), Memory(nested(5)).root())


def annotated(**names: str) -> dict[str, bytes]:
    files = layout_files({name: platform_image(name) for name in names})
    index = json.loads(files["index.json"])
    for entry, full in zip(index["manifests"], names.values()):
        entry["annotations"]["io.containerd.image.name"] = full
    return {**files, "index.json": json.dumps(index).encode()}


@pytest.mark.parametrize("selector", ["a", "docker.io/team/x:1", "team/x:1", platform_image("a").root])
def test_one_of_several(tmp_path: pathlib.Path, selector: str) -> None:
    files = annotated(a="docker.io/team/x:1", b="docker.io/team/x:2")
    assert directory(tmp_path, files, selector).root().digest == platform_image("a").root


@pytest.mark.parametrize(
    ("selector", "problem"), [("", "2 images and none was chosen"), ("c", "no image 'c'"), ("x:y:z", "no image")]
)
def test_choices_are_listed(tmp_path: pathlib.Path, selector: str, problem: str) -> None:
    with pytest.raises(ArchiveError, match=f"{problem}.*team/x:1, docker.io/team/x:2") as caught:
        directory(tmp_path, annotated(a="docker.io/team/x:1", b="docker.io/team/x:2"), selector)
    assert str(tmp_path) in str(caught.value)


def test_two_names_of_one_image_are_no_choice(tmp_path: pathlib.Path) -> None:
    assert directory(tmp_path, layout_files({"1": ONE, "latest": ONE})).root().digest == ONE.root


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"oci-layout": None}, "not an OCI layout"),
        ({"index.json": None, "manifest.json": b"[]"}, "docker-archive:"),
        ({"oci-layout": b"{}"}, "version"),
        ({"oci-layout": b"<"}, "not JSON"),
        ({"index.json": b"{"}, "index.json is not JSON"),
        ({"index.json": b"[" * 100_000}, "index.json is not JSON"),
        ({"index.json": b" " * (m.MAX_MANIFEST_SIZE + 1)}, "index.json has .* bytes, more than"),
        ({"index.json": b'{"schemaVersion": 2, "manifests": [{}]}'}, "not a digest"),
        ({"index.json": b'{"schemaVersion": 2, "manifests": []}'}, "There is: none"),
        ({"index.json": b'{"schemaVersion": 2}'}, "does not have its fields"),
    ],
)
def test_layouts_that_are_none(tmp_path: pathlib.Path, changes: dict[str, bytes | None], problem: str) -> None:
    files = {**layout_files({"": ONE}), **changes}
    with pytest.raises(ArchiveError, match=problem) as caught:
        directory(tmp_path, {name: content for name, content in files.items() if content is not None})
    assert str(tmp_path) in str(caught.value)


def blob_file(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


@pytest.mark.parametrize("digest", [ONE.root, *ONE.blobs])
@pytest.mark.parametrize("damage", ["missing", "changed", "shorter", "longer"])
def test_damaged_blobs(tmp_path: pathlib.Path, digest: str, damage: str) -> None:
    files = layout_files({"": ONE})
    content = files.pop(blob_file(digest))
    changed = {"changed": bytes([content[0] ^ 1]) + content[1:], "shorter": content[:-1], "longer": content + b"x"}
    if damage in changed:
        files[blob_file(digest)] = changed[damage]
    source = directory(tmp_path, files)
    with pytest.raises(RegistryError, match=digest.partition(":")[2]) as caught:
        source.check(load_image(source, source.root()).blobs)
    assert str(tmp_path) in str(caught.value)


def test_a_missing_platform_says_how_to_export_it(tmp_path: pathlib.Path) -> None:
    files = layout_files({"": MANY})
    child = json.loads(MANY.contents[MANY.root][0])["manifests"][1]["digest"]
    del files[blob_file(child)]
    source = directory(tmp_path, files)
    with pytest.raises(ArchiveError, match=r"\(linux/arm64\).*with platforms"):
        load_image(source, source.root())
