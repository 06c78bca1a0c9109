# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which platforms are exported, and what docker load takes of them."""

from __future__ import annotations

import dataclasses
import gzip
import json
import pathlib
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.docker_load import check_loadable
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ContentError, InvalidReference
from ansible_collections.dockyard.registry.plugins.module_utils.oci.export_platforms import select_platforms
from ansible_collections.dockyard.registry.plugins.module_utils.oci.file_tree import DirectoryTree
from ansible_collections.dockyard.registry.plugins.module_utils.oci.oci_layout import LayoutSource
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    SampleImage,
    descriptor,
    digest_of,
    index_image,
    layout_files,
    platform_image,
    write_directory,
)

IMAGE, ONE = index_image(("amd64", "arm64", "riscv64")), platform_image()
ENTRIES = json.loads(IMAGE.contents[IMAGE.root][0])["manifests"]


def source_of(tmp_path: pathlib.Path, image: SampleImage) -> LayoutSource:
    return LayoutSource(DirectoryTree(write_directory(tmp_path / image.root[7:], layout_files({"": image}))))


def select(tmp_path: pathlib.Path, image: SampleImage, *wanted: str, single: bool = False) -> str:
    source = source_of(tmp_path, image)
    return select_platforms(source, source.root(), wanted, single=single).digest


def index_over(*entries: dict[str, t.Any], contents: dict[str, tuple[bytes, str]], **more: object) -> SampleImage:
    raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, **more}).encode()
    return SampleImage(digest_of(raw), OCI_INDEX, {**contents, digest_of(raw): (raw, OCI_INDEX)})


def test_all_or_one(tmp_path: pathlib.Path) -> None:
    assert select(tmp_path, IMAGE) == IMAGE.root
    assert select(tmp_path, IMAGE, "linux/amd64", "linux/arm64", "linux/riscv64") == IMAGE.root
    for number, name in enumerate(("amd64", "arm64", "riscv64")):
        for single in (True, False):
            assert select(tmp_path, IMAGE, f"linux/{name}", single=single) == ENTRIES[number]["digest"]
    for wanted in ((), ("linux/amd64",)):
        assert select(tmp_path, ONE, *wanted, single=True) == ONE.root


def test_some_make_an_index(tmp_path: pathlib.Path) -> None:
    attestation = {**ENTRIES[3], "annotations": {"vnd.docker.reference.digest": ENTRIES[2]["digest"]}}
    image = index_over(*ENTRIES[:3], attestation, contents=IMAGE.contents, annotations={"a": "b"})
    source = source_of(tmp_path, image)
    orders = (["linux/riscv64", "linux/amd64"], ["linux/amd64", "linux/riscv64"])
    chosen = [select_platforms(source, source.root(), names, single=False) for names in orders]
    assert chosen[0] == chosen[1]
    document = json.loads(chosen[0].raw)
    assert document["manifests"] == [ENTRIES[0], ENTRIES[2], attestation]
    assert document["annotations"] == {"a": "b"}
    without = select_platforms(source, source.root(), ["linux/amd64", "linux/arm64"], single=False)
    assert json.loads(without.raw)["manifests"] == ENTRIES[:2]


def test_an_index_in_an_index(tmp_path: pathlib.Path) -> None:
    inner = IMAGE.contents[IMAGE.root][0]
    other = platform_image("s390x")
    entries = [descriptor(inner, OCI_INDEX), descriptor(other.contents[other.root][0], OCI_MANIFEST)]
    image = index_over(*entries, contents={**IMAGE.contents, **other.contents})
    assert select(tmp_path, image, "linux/arm64", single=True) == ENTRIES[1]["digest"]
    assert select(tmp_path, image, "linux/s390x", single=True) == other.root
    with pytest.raises(ContentError, match="Choose one platform, or all"):
        select(tmp_path, image, "linux/arm64", "linux/s390x")


def test_entries_that_do_not_name_their_platform(tmp_path: pathlib.Path) -> None:
    plain = [{key: entry[key] for key in ("mediaType", "digest", "size")} for entry in ENTRIES[:3]]
    image = index_over(*plain, contents=IMAGE.contents)
    assert select(tmp_path, image, "linux/arm64", single=True) == ENTRIES[1]["digest"]


def test_two_of_one_platform(tmp_path: pathlib.Path) -> None:
    """Windows has several, which differ in their version only."""
    windows = {"platform": {"os": "windows", "architecture": "amd64"}}
    image = index_over({**ENTRIES[0], **windows}, {**ENTRIES[1], **windows}, ENTRIES[2], contents=IMAGE.contents)
    source = source_of(tmp_path, image)
    made = select_platforms(source, source.root(), ["windows/amd64"], single=False)
    assert [entry.digest for entry in made.children] == [ENTRIES[0]["digest"], ENTRIES[1]["digest"]]
    with pytest.raises(InvalidReference, match="exactly one platform, and 2 of"):
        select(tmp_path, image, "windows/amd64", single=True)


@pytest.mark.parametrize(
    ("image", "wanted", "single", "problem"),
    [
        (IMAGE, ["linux/s390x"], False, "no platform linux/s390x. There is: linux/amd64, linux/arm64, linux/riscv64."),
        (IMAGE, ["linux/amd64", "x/y"], False, "no platform x/y."),
        (ONE, ["linux/arm64"], False, "There is: linux/amd64."),
        (IMAGE, [], True, "exactly one platform, and 3 of"),
        (IMAGE, ["linux/amd64", "linux/arm64"], True, "exactly one platform, and 2 of"),
        (index_over(contents={}), [], True, "There is: none."),
        (index_over(ENTRIES[3], contents=IMAGE.contents), [], True, "There is: none."),
    ],
)
def test_what_cannot_be_chosen(
    tmp_path: pathlib.Path, image: SampleImage, wanted: list[str], single: bool, problem: str
) -> None:
    with pytest.raises(InvalidReference) as caught:
        select(tmp_path, image, *wanted, single=single)
    assert problem in str(caught.value)


def image_of(
    *,
    config_type: str = OCI_CONFIG,
    layer_type: str = OCI_LAYER,
    diff_ids: int = 1,
    algorithm: str = "sha256",
    **layer: object,
) -> SampleImage:
    content = gzip.compress(b"layer", mtime=0)
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": [f"{algorithm}:{'1' * 64}"] * diff_ids}}
    ).encode()
    raw = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(config, config_type),
            "layers": [descriptor(content, layer_type, **layer)],
        }
    ).encode()
    contents = {digest_of(blob): (blob, "") for blob in (config, content)}
    return SampleImage(digest_of(raw), OCI_MANIFEST, {**contents, digest_of(raw): (raw, OCI_MANIFEST)})


@pytest.mark.parametrize(
    "layer_type",
    [
        OCI_LAYER,
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ],
)
def test_what_docker_loads(tmp_path: pathlib.Path, layer_type: str) -> None:
    source = source_of(tmp_path, image_of(layer_type=layer_type))
    check_loadable(source, source.root())


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (image_of(config_type="application/vnd.cncf.helm.config.v1+json"), "an artifact, whose configuration is"),
        (image_of(layer_type="application/vnd.in-toto+json"), "is of type application/vnd.in-toto+json"),
        (
            image_of(urls=["https://mcr.example.com/x"]),
            "may not be distributed and stands at https://mcr.example.com/x",
        ),
        (image_of(diff_ids=0), "names 0 layers, its manifest 1"),
        (image_of(algorithm="sha512"), "knows sha256 only"),
    ],
)
def test_what_docker_does_not_load(tmp_path: pathlib.Path, image: SampleImage, problem: str) -> None:
    source = source_of(tmp_path, image)
    with pytest.raises(ContentError) as caught:
        check_loadable(source, source.root())
    assert problem in caught.value.message
    assert caught.value.hint == "Use oci-archive: or oci:, which hold any image."


def test_a_manifest_without_a_configuration(tmp_path: pathlib.Path) -> None:
    source = source_of(tmp_path, ONE)
    with pytest.raises(ContentError, match="whose configuration is nothing"):
        check_loadable(source, dataclasses.replace(source.root(), config=None))
