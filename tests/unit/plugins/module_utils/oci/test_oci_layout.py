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
    add_entry,
    artifact_of,
    index_image,
    index_of,
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


# What is about an image stands beside it.

SBOM = artifact_of(MANY, "application/x-sbom")
TAG = f"sha256-{MANY.root[7:]}"


def called(name: str) -> dict[str, t.Any]:
    return {"annotations": {"org.opencontainers.image.ref.name": name}}


def with_platforms(image: SampleImage) -> dict[str, bytes]:
    """Return a layout that lists the manifests of an image's platforms besides it, as oras does."""
    files = layout_files({"1": image})
    entries = json.loads(image.contents[image.root][0])["manifests"]
    for entry in entries:
        files = add_entry(files, SampleImage(entry["digest"], entry["mediaType"], image.contents))
    return add_entry(files, SBOM)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(add_entry(layout_files({"": MANY}), SBOM), id="neither has a name"),
        pytest.param(add_entry(layout_files({"": MANY}), SBOM, artifactType="application/x-sbom"), id="an artifact"),
        pytest.param(add_entry(layout_files({"1": MANY}), SBOM), id="the image has a name"),
        pytest.param(add_entry(layout_files({"1": MANY}), SBOM, **called("sbom")), id="both have a name"),
        pytest.param(add_entry(layout_files({"": MANY}), index_of(SBOM), **called(TAG)), id="the fallback list"),
        pytest.param(add_entry(layout_files({"": MANY}), ONE, **called(f"{TAG}.sig")), id="a tag of cosign"),
        pytest.param(with_platforms(MANY), id="with its platforms"),
    ],
)
def test_what_is_about_an_image_is_no_choice(tmp_path: pathlib.Path, files: dict[str, bytes]) -> None:
    assert directory(tmp_path, files).root().digest == MANY.root


def test_what_is_about_an_image_can_be_chosen(tmp_path: pathlib.Path) -> None:
    files = add_entry(add_entry(layout_files({"1": MANY}), SBOM), ONE, **called(f"{TAG}.sig"))
    for selector, root in ((SBOM.root, SBOM.root), (f"{TAG}.sig", ONE.root), ("1", MANY.root)):
        assert directory(tmp_path, files, selector).root().digest == root
    alone = add_entry(layout_files({}), SBOM, artifactType="application/x-sbom")
    assert directory(tmp_path / "alone", alone).root().digest == SBOM.root


@pytest.mark.parametrize(
    "files",
    [
        add_entry(layout_files({"": MANY}), ONE),
        add_entry(layout_files({"1": MANY, "2": ONE}), SBOM, artifactType="application/x-sbom"),
        add_entry(add_entry(layout_files({}), SBOM), artifact_of(ONE, "application/x-sbom")),
    ],
)
def test_several_images_are_a_choice_still(tmp_path: pathlib.Path, files: dict[str, bytes]) -> None:
    with pytest.raises(ArchiveError, match="2 images and none was chosen"):
        directory(tmp_path, files)


def test_a_tag_with_a_commit_in_it_is_an_image(tmp_path: pathlib.Path) -> None:
    for name in (f"main-{'0a' * 20}", f"sha-{'0a' * 32}", f"x:sha256-{'0a' * 20}"):
        with pytest.raises(ArchiveError, match="2 images and none was chosen"):
            directory(tmp_path, layout_files({name: ONE, "1": MANY}))


def test_two_images_with_a_name_are_enough_to_read(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = add_entry(layout_files({"": MANY, **{str(number): platform_image(str(number)) for number in range(9)}}), SBOM)
    tree = DirectoryTree(write_directory(tmp_path, files))
    opened: list[str] = []
    monkeypatch.setattr(tree, "open", lambda name, opens=tree.open: opened.append(name) or opens(name))
    with pytest.raises(ArchiveError, match="11 images and none was chosen"):
        LayoutSource(tree)
    assert len([name for name in opened if name.startswith("blobs/")]) == 2


def test_manifests_are_read_only_if_entries_do_not_tell(tmp_path: pathlib.Path) -> None:
    files = add_entry(layout_files({"1": MANY}), ONE, **called(f"{TAG}.sig"))
    for digest in (MANY.root, ONE.root):
        files[blob_file(digest)] = b"damaged"
    for selector in ("", "1", MANY.root):
        assert directory(tmp_path, files, selector).known_digest() == MANY.root


@pytest.mark.parametrize("damage", [None, b"damaged"])
def test_what_cannot_be_read_is_not_passed_over(tmp_path: pathlib.Path, damage: bytes | None) -> None:
    files = add_entry(layout_files({"": MANY}), SBOM)
    del files[blob_file(SBOM.root)]
    with pytest.raises(ArchiveError, match="2 images and none was chosen"):
        directory(tmp_path, {**files, **({blob_file(SBOM.root): damage} if damage else {})})


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
