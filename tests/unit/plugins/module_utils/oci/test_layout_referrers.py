# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is about the images of a layout: as oras, regclient, cosign and containerd write it down."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import layout_referrers
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ArchiveError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.file_tree import DirectoryTree
from ansible_collections.dockyard.registry.plugins.module_utils.oci.layout_referrers import LayoutReferrers
from ansible_collections.dockyard.registry.plugins.module_utils.oci.oci_layout import LayoutSource
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    SampleImage,
    add_entry,
    artifact_of,
    index_image,
    index_of,
    layout_files,
    platform_image,
    write_directory,
)

IMAGE = index_image()
OTHER = platform_image("amd64", layers=(b"other",))
SBOM = artifact_of(IMAGE, "application/x-sbom")
SIGNATURE = artifact_of(SBOM, "application/x-signature")
COSIGN = platform_image("none", layers=(b"cosign's",))
TAG = f"sha256-{IMAGE.root[7:]}"
COSIGN_KIND = "dev.cosignproject.cosign/"
REF_NAME = "org.opencontainers.image.ref.name"

Files = t.Dict[str, bytes]


def blob_file(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def named(name: str, **more: str) -> dict[str, t.Any]:
    return {"annotations": {REF_NAME: name, **more}}


def kind(name: str, ref: str = "") -> dict[str, t.Any]:
    return {"annotations": {"kind": COSIGN_KIND + name, **({REF_NAME: ref} if ref else {})}}


def read(path: pathlib.Path, files: Files) -> LayoutReferrers:
    return LayoutReferrers(DirectoryTree(write_directory(path, files)))


def about(path: pathlib.Path, files: Files, image: SampleImage = IMAGE, near: str = "") -> list[tuple[str, str]]:
    return [(one.descriptor.digest, one.tag) for one in read(path, files).about(image.root, near=near)]


def with_fallback(artifact: SampleImage, tag: str = TAG) -> Files:
    """As regclient writes it: the artifact is named by the list only."""
    return add_entry(layout_files({"1": IMAGE, "2": OTHER}), index_of(artifact), **named(tag))


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(add_entry(layout_files({"1": IMAGE}), SBOM), id="an entry without a name"),
        pytest.param(add_entry(layout_files({"1": IMAGE}), SBOM, **named("sbom")), id="an entry with a name"),
        pytest.param(add_entry(layout_files({"1": IMAGE}), index_of(SBOM, OTHER)), id="in an index"),
        pytest.param(add_entry(layout_files({"1": IMAGE}), index_of(index_of(index_of(SBOM)))), id="in indexes of indexes"),
        pytest.param(with_fallback(SBOM), id="in the fallback list"),
        pytest.param(add_entry(with_fallback(SBOM), SBOM), id="twice"),
    ],
)
def test_by_its_subject(tmp_path: pathlib.Path, files: Files) -> None:
    assert about(tmp_path, files) == [(SBOM.root, "")]
    assert about(tmp_path, files, OTHER) == []


def test_an_index_may_be_about_an_image(tmp_path: pathlib.Path) -> None:
    raw = IMAGE.contents[IMAGE.root][0]
    bundle = index_of(OTHER, subject={"mediaType": IMAGE.media_type, "digest": IMAGE.root, "size": len(raw)})
    assert about(tmp_path, add_entry(layout_files({"1": IMAGE}), bundle)) == [(bundle.root, "")]


def test_what_is_about_something_that_is_about_an_image(tmp_path: pathlib.Path) -> None:
    files = add_entry(add_entry(layout_files({"": IMAGE}), SBOM), SIGNATURE)
    found = read(tmp_path, files)
    assert [one.descriptor.digest for one in found.about(SBOM.root)] == [SIGNATURE.root]
    assert found.manifest(found.about(SBOM.root)[0]).subject.digest == SBOM.root  # type: ignore[union-attr]


@pytest.mark.parametrize("suffix", [".sig", ".att", ".sbom"])
@pytest.mark.parametrize("prefix", ["", "team/app:", "registry.example.com:5000/team/app:"])
def test_tags_of_cosign(tmp_path: pathlib.Path, prefix: str, suffix: str) -> None:
    files = add_entry(layout_files({"1": IMAGE}), COSIGN, **named(prefix + TAG + suffix))
    assert about(tmp_path, files) == [(COSIGN.root, TAG + suffix)]


@pytest.mark.parametrize("name", [TAG[:-1] + ".sig", TAG + ".sigs", f"x{TAG}.sig", f"{TAG}.sig/x"])
def test_tags_that_are_not_of_cosign(tmp_path: pathlib.Path, name: str) -> None:
    assert about(tmp_path, add_entry(layout_files({"1": IMAGE}), COSIGN, **named(name))) == []


def test_one_tag_in_two_repositories(tmp_path: pathlib.Path) -> None:
    files = layout_files({"one/app:1": IMAGE, "two/app:1": IMAGE})
    files = add_entry(files, COSIGN, **named(f"one/app:{TAG}.sig"))
    files = add_entry(files, OTHER, **named(f"two/app:{TAG}.sig"))
    assert about(tmp_path, files, near="one/app") == [(COSIGN.root, f"{TAG}.sig")]
    assert about(tmp_path, files, near="two/app") == [(OTHER.root, f"{TAG}.sig")]
    with pytest.raises(ArchiveError, match=f"2 manifests called {TAG}.sig"):
        about(tmp_path, files)


@pytest.mark.parametrize("ref", ["", "index.docker.io/team/app:1"])
def test_what_cosign_saves(tmp_path: pathlib.Path, ref: str) -> None:
    files = add_entry(layout_files({}), IMAGE, **kind("imageIndex", ref))
    files = add_entry(files, COSIGN, **kind("sigs", ref))
    files = add_entry(files, OTHER, **kind("atts", ref))
    assert about(tmp_path, files) == [(COSIGN.root, f"{TAG}.sig"), (OTHER.root, f"{TAG}.att")]
    # It is the image that is meant, by its name, too, which they share.
    for selector in ("", ref):
        assert LayoutSource(DirectoryTree(str(tmp_path)), selector).root().digest == IMAGE.root


def test_several_images_that_cosign_saved(tmp_path: pathlib.Path) -> None:
    """The name tells which signatures are whose; without one nothing does."""
    files = add_entry(layout_files({}), IMAGE, **kind("imageIndex", "a"))
    files = add_entry(add_entry(files, OTHER, **kind("image", "b")), COSIGN, **kind("sigs", "b"))
    assert about(tmp_path, files) == []
    assert about(tmp_path, files, OTHER) == [(COSIGN.root, f"sha256-{OTHER.root[7:]}.sig")]
    with pytest.raises(ArchiveError, match="which of its 2 images"):
        about(tmp_path, add_entry(files, COSIGN, **kind("sigs", "c")))


def test_a_platform_that_was_not_exported_is_no_referrer(tmp_path: pathlib.Path) -> None:
    files = add_entry(layout_files({"1": IMAGE}), SBOM)
    child = json.loads(IMAGE.contents[IMAGE.root][0])["manifests"][1]["digest"]
    del files[blob_file(child)]
    assert about(tmp_path, files) == [(SBOM.root, "")]


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        (add_entry(layout_files({"1": IMAGE}), SBOM), SBOM.root),
        (add_entry(layout_files({"1": IMAGE}), COSIGN, **named(TAG + ".sig")), COSIGN.root),
        (with_fallback(SBOM), SBOM.root),
        (with_fallback(SBOM), index_of(SBOM).root),
    ],
)
@pytest.mark.parametrize("damage", [None, b"{}"])
def test_a_manifest_that_is_missing_or_damaged(
    tmp_path: pathlib.Path, files: Files, missing: str, damage: bytes | None
) -> None:
    rest = {name: content for name, content in files.items() if name != blob_file(missing)}
    with pytest.raises(ArchiveError, match=missing.partition(":")[2]) as caught:
        found = read(tmp_path, {**rest, **({blob_file(missing): damage} if damage else {})})
        found.manifest(found.about(IMAGE.root)[0])
    assert str(tmp_path) in str(caught.value)


def test_what_a_list_names_wrongly_is_none(tmp_path: pathlib.Path) -> None:
    assert about(tmp_path, with_fallback(OTHER)) == []


def test_what_cannot_be_a_manifest_is_not_read(tmp_path: pathlib.Path) -> None:
    files = layout_files({"1": IMAGE})
    index = json.loads(files["index.json"])
    index["manifests"].append({"mediaType": "application/x-unknown", "digest": "sha256:" + "0" * 64, "size": 1})
    assert about(tmp_path, {**files, "index.json": json.dumps(index).encode()}) == []


def test_each_manifest_is_read_once(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = add_entry(add_entry(layout_files({"1": IMAGE, "2": IMAGE, "3": OTHER}), SBOM), index_of(IMAGE, SBOM))
    tree = DirectoryTree(write_directory(tmp_path, files))
    opened: list[str] = []
    monkeypatch.setattr(tree, "open", lambda name, opens=tree.open: opened.append(name) or opens(name))
    found = LayoutReferrers(tree)
    assert [one.descriptor.digest for image in (IMAGE, OTHER, IMAGE) for one in found.about(image.root)] == [SBOM.root] * 2
    # oci-layout and index.json; the image and its three parts, the other, the SBOM, the index of two.
    assert len(opened) == len(set(opened)) == 2 + 7


def test_too_many(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_referrers, "_MOST_READ", 4)
    assert about(tmp_path / "few", layout_files({"1": IMAGE})) == []
    with pytest.raises(ArchiveError, match="more than 4 manifests"):
        read(tmp_path / "many", layout_files({"1": IMAGE, "2": OTHER}))


def test_too_many_that_are_not_there(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_referrers, "_MOST_NAMED", 4)
    assert about(tmp_path / "few", layout_files({"1": IMAGE})) == []
    index = index_of(*(platform_image(str(number)) for number in range(4)))
    alone = SampleImage(index.root, index.media_type, {index.root: index.contents[index.root]})
    with pytest.raises(ArchiveError, match="more than 4 entries"):
        read(tmp_path / "many", layout_files({"1": alone}))
