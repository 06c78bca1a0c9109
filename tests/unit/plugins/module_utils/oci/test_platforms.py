# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of platforms, and what is chosen of an image by them."""

from __future__ import annotations

import json
import string
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.describe import load_image
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    ArchiveError,
    ContentError,
    InvalidReference,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import Origin
from ansible_collections.dockyard.registry.plugins.module_utils.oci.platform_source import PlatformSource
from ansible_collections.dockyard.registry.plugins.module_utils.oci.platforms import (
    ATTESTED,
    Platform,
    Selection,
    parse_platform,
    select,
    select_one,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import Readable, bytes_body
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    SampleImage,
    digest_of,
    index_of,
    platform_image,
)

Entries = t.List[t.Dict[str, t.Any]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/amd64/3", "linux/amd64/v3"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/x86-64", "linux/amd64"),
        ("Linux/AMD64", "linux/amd64"),
        ("linux/arm64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v9", "linux/arm64/v9"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/7", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("linux/arm/5", "linux/arm/v5"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/i386", "linux/386"),
        ("linux/386/softfloat", "linux/386"),
        ("linux/s390x", "linux/s390x"),
        ("windows/amd64", "windows/amd64"),
        ("macos/arm64", "darwin/arm64"),
    ],
)
def test_names(text: str, expected: str) -> None:
    assert str(parse_platform(text)) == expected
    assert parse_platform(expected) == parse_platform(text)


@pytest.mark.parametrize(
    "text",
    ["", "linux", "amd64", "linux/", "/amd64", "linux/arm/v7/x", "linux amd64", "linux/a b", "linux//v7", "a/b\n"],
)
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(InvalidReference, match=r"is not a platform.*os/architecture\[/variant\]"):
        parse_platform(text)


@given(st.text(alphabet=string.ascii_letters + string.digits + "/_.- \n\0é", max_size=30))
def test_a_name_is_refused_or_stays_what_it_is(text: str) -> None:
    try:
        platform = parse_platform(text)
    except InvalidReference:
        return
    assert parse_platform(str(platform)) == platform


class Memory:
    """An image in memory as a source that remembers what was read; what is ``lost`` cannot be."""

    def __init__(self, image: SampleImage, *, lost: t.Collection[str] = (), platform: str = "") -> None:
        self.image = image
        self.lost = lost
        self.only = platform
        self.read: list[str] = []

    def root(self) -> m.Manifest:
        return self.manifest(m.Descriptor(self.image.media_type, self.image.root, 0))

    def manifest(self, descriptor: m.Descriptor) -> m.Manifest:
        self.read.append(descriptor.digest)
        if descriptor.digest in self.lost:
            raise ArchiveError(f"{descriptor.digest} is lost.")
        return m.parse_manifest(*self.image.contents[descriptor.digest], where="memory", digest=descriptor.digest)

    def small_blob(self, descriptor: m.Descriptor, *, limit: int) -> bytes:
        assert limit
        return self.image.contents[descriptor.digest][0]

    def is_same(self, present: m.Manifest) -> bool:
        return present.digest == self.image.root

    def platform(self) -> str:
        return self.only

    def open_blob(self, descriptor: m.Descriptor) -> Readable:
        return bytes_body(self.image.contents[descriptor.digest][0]).open()

    def check(self, blobs: t.Sequence[m.Descriptor]) -> None:
        self.read += [blob.digest for blob in blobs]

    def mountable_from(self, origin: Origin) -> str:
        return origin.host

    def close(self) -> None:
        self.read.append("closed")


def on(architecture: str, variant: str = "", os: str = "linux", **more: t.Any) -> t.Dict[str, t.Any]:
    return {"platform": {"os": os, "architecture": architecture, **({"variant": variant} if variant else {})}, **more}


def of(image: SampleImage) -> t.Dict[str, t.Any]:
    """Return what BuildKit writes beside an attestation of an image."""
    notes = {ATTESTED: image.root, "vnd.docker.reference.type": "attestation-manifest"}
    return on("unknown", os="unknown", annotations=notes)


AMD, ARM, ARM7 = (platform_image(name, layers=(b"base", name.encode())) for name in ("amd64", "arm64", "arm"))
AMD_NOTE, ARM_NOTE = (platform_image("unknown", layers=(name,)) for name in (b"about amd64", b"about arm64"))
MANY = index_of(
    (AMD, on("amd64", annotations={"kept": "yes"})),
    (ARM, on("arm64", "v8", size_hint=[1, 2.5])),
    (AMD_NOTE, of(AMD)),
    (ARM_NOTE, of(ARM)),
    (ARM7, on("arm", "v7")),
    annotations={"org.example": "kept"},
    unknown={"field": [1, "\ud800"]},
)


def chosen(image: SampleImage, *platforms: str, lost: t.Collection[str] = ()) -> t.Tuple[Selection, Memory]:
    reader = Memory(image, lost=lost)
    wanted = [parse_platform(text) for text in platforms]
    return select(reader, reader.root(), wanted, where="the image x"), reader


def entries(manifest: m.Manifest) -> Entries:
    listed: Entries = json.loads(manifest.raw)["manifests"]
    return listed


@pytest.mark.parametrize(
    ("platform", "expected"),
    [("linux/amd64", AMD), ("linux/arm64", ARM), ("linux/aarch64", ARM), ("linux/arm", ARM7), ("linux/arm/v7", ARM7)],
)
def test_one_platform_is_its_own_manifest(platform: str, expected: SampleImage) -> None:
    others = [image.root for image in (AMD, ARM, ARM7, AMD_NOTE, ARM_NOTE) if image is not expected]
    selection, reader = chosen(MANY, platform, lost=others)
    assert selection == Selection(selection.root)
    assert selection.root.raw == expected.contents[expected.root][0]
    assert reader.read == [MANY.root, expected.root]


def test_several_platforms_are_the_index_without_the_others() -> None:
    selection, reader = chosen(MANY, "linux/amd64", "linux/arm", lost=[ARM.root, ARM_NOTE.root])
    original = json.loads(MANY.contents[MANY.root][0])
    kept = [original["manifests"][position] for position in (0, 2, 4)]
    assert json.loads(selection.root.raw) == {**original, "manifests": kept}
    assert list(json.loads(selection.root.raw)) == list(original)
    assert selection.made == {selection.root.digest: selection.root}
    assert selection.root.media_type == m.OCI_INDEX
    assert reader.read == [MANY.root]
    again, _reader = chosen(MANY, "linux/arm/v7", "linux/x86_64", "linux/amd64")
    assert again.root.raw == selection.root.raw, "neither the order nor the spelling of the platforms counts"


def test_the_form_of_a_made_index_never_changes() -> None:
    """A copy that ran once is to be unchanged the next time: this guards the bytes against harmless edits."""
    listed = [
        {"mediaType": m.OCI_MANIFEST, "digest": f"sha256:{str(number) * 64}", "size": number, **on(architecture)}
        for number, architecture in enumerate(("amd64", "arm64", "s390x"), 1)
    ]
    raw = json.dumps({"schemaVersion": 2, "manifests": listed, "x": "é"}).encode()
    image = SampleImage(digest_of(raw), m.OCI_INDEX, {digest_of(raw): (raw, m.OCI_INDEX)})
    selection, _reader = chosen(image, "linux/amd64", "linux/s390x")
    assert selection.root.digest == "sha256:b900bd724ecfa9e90eadd7df4a2df081ea28a01c886e1376eed31bbf33829e60"


def test_nothing_left_out_is_the_original() -> None:
    selection, _reader = chosen(MANY, "linux/amd64", "linux/arm64", "linux/arm")
    assert selection.root.digest == MANY.root and not selection.made
    # Even what belongs to no platform stays.
    whole = index_of((AMD, on("amd64")), (ARM, on("arm64")), (platform_image("unknown"), on("unknown", os="unknown")))
    assert chosen(whole, "linux/amd64", "linux/arm64")[0].root.digest == whole.root


def test_a_docker_manifest_list_stays_one() -> None:
    several = index_of((AMD, on("amd64")), (ARM, on("arm64")), (ARM7, on("arm")), media_type=m.DOCKER_LIST)
    selection, _reader = chosen(several, "linux/amd64", "linux/arm64")
    assert selection.root.media_type == m.DOCKER_LIST
    assert [entry["digest"] for entry in entries(selection.root)] == [AMD.root, ARM.root]


NESTED = index_of((index_of((ARM, on("arm64")), (ARM7, on("arm"))), {"data": "AAAA", "kept": 1}), (AMD, on("amd64")))


def test_platforms_in_nested_indexes() -> None:
    assert chosen(NESTED, "linux/arm")[0].root.digest == ARM7.root
    selection, reader = chosen(NESTED, "linux/arm", "linux/amd64")
    inner, outer = entries(selection.root)
    assert outer["digest"] == AMD.root
    assert inner == {"mediaType": m.OCI_INDEX, "kept": 1, "digest": inner["digest"], "size": inner["size"]}
    made = selection.made[inner["digest"]]
    assert [entry["digest"] for entry in entries(made)] == [ARM7.root] and len(made.raw) == inner["size"]
    source = PlatformSource(reader, [Platform("linux", "arm", "v7"), Platform("linux", "amd64")], where="x")
    assert {manifest.digest for manifest in load_image(source, source.root()).manifests} == {
        *selection.made,
        AMD.root,
        ARM7.root,
    }


def test_a_nested_index_that_is_kept_whole_keeps_its_digest() -> None:
    selection, _reader = chosen(NESTED, "linux/arm", "linux/arm64")
    assert [entry["digest"] for entry in entries(selection.root)] == [
        json.loads(NESTED.contents[NESTED.root][0])["manifests"][0]["digest"]
    ]
    assert list(selection.made) == [selection.root.digest]


def test_an_entry_without_a_platform_is_asked_for_it() -> None:
    """As in indexes of older tools."""
    plain = index_of((AMD, {}), (ARM, {}))
    assert chosen(plain, "linux/arm64")[0].root.digest == ARM.root


def test_two_builds_for_one_platform_stay_together() -> None:
    """As Windows images have, for each version of Windows."""
    first, second = (platform_image("amd64", layers=(name,)) for name in (b"2019", b"2022"))
    windows = index_of((first, on("amd64", os="windows")), (second, on("amd64", os="windows")), (AMD, on("amd64")))
    selection, _reader = chosen(windows, "windows/amd64")
    assert [entry["digest"] for entry in entries(selection.root)] == [first.root, second.root]


@pytest.mark.parametrize(
    ("image", "platforms", "problem"),
    [
        (MANY, ["linux/s390x"], "the image x has no linux/s390x. It has linux/amd64, linux/arm64, linux/arm/v7."),
        (MANY, ["linux/amd64", "linux/s390x", "linux/arm/v6"], "has no linux/s390x, no linux/arm/v6. It has"),
        (MANY, ["unknown/unknown"], "has no unknown/unknown"),
        (AMD, ["linux/arm64"], "the image x has no linux/arm64. It has linux/amd64."),
        (AMD, ["linux/amd64", "linux/arm64"], "has no linux/arm64. It has linux/amd64."),
        (index_of((AMD_NOTE, of(AMD))), ["linux/amd64"], "has no linux/amd64. It names no platform."),
        (index_of((AMD, on("not a", os="platform"))), ["linux/amd64"], "It names no platform."),
    ],
)
def test_platforms_that_are_not_there(image: SampleImage, platforms: t.List[str], problem: str) -> None:
    with pytest.raises(ContentError) as caught:
        chosen(image, *platforms)
    assert problem in str(caught.value)


def test_one_image_of_the_platform_is_itself() -> None:
    assert chosen(AMD, "linux/amd64")[0].root.digest == AMD.root


def test_an_index_without_end() -> None:
    """Ten entries on each of many levels: what is met twice is read once."""
    image = index_of((AMD, on("amd64")), (ARM, on("arm64")))
    for _level in range(4):
        image = index_of(*[(image, {})] * 10)
    _selection, reader = chosen(image, "linux/amd64")
    assert len(reader.read) == 6
    three = index_of((AMD, on("amd64")), (ARM, on("arm64")), (ARM7, on("arm")))
    for _level in range(3):
        three = index_of(*[(three, {})] * 10)
    selection, reader = chosen(three, "linux/amd64", "linux/arm64")
    assert len(selection.made) == 4
    with pytest.raises(ContentError, match="too many levels"):
        chosen(index_of((image, {})), "linux/amd64")
    with pytest.raises(ContentError, match="too many levels or manifests"):
        chosen(index_of(*[(AMD, on("amd64"))] * 1001), "linux/amd64")


def test_numbers_that_json_has_not() -> None:
    raw = MANY.contents[MANY.root][0].replace(b'"kept": "yes"', b'"kept": "1"')[:-1] + b', "x": 1e999}'
    image = SampleImage(digest_of(raw), m.OCI_INDEX, {**MANY.contents, digest_of(raw): (raw, m.OCI_INDEX)})
    with pytest.raises(ContentError, match="cannot be written again"):
        chosen(image, "linux/amd64", "linux/arm64")


@pytest.mark.parametrize(
    ("image", "platform", "expected"),
    [
        (AMD, None, AMD),
        (AMD, "linux/amd64", AMD),
        (MANY, "linux/arm64/v8", ARM),
        (NESTED, "linux/arm", ARM7),
        (index_of((AMD, on("amd64")), (AMD_NOTE, of(AMD))), None, AMD),
        (index_of((AMD, on("amd64")), (AMD, on("amd64"))), None, AMD),
        (platform_image("", layers=()), None, platform_image("", layers=())),
    ],
)
def test_one_of_an_image(image: SampleImage, platform: t.Optional[str], expected: SampleImage) -> None:
    reader = Memory(image)
    wanted = parse_platform(platform) if platform else None
    assert select_one(reader, reader.root(), wanted, where="x").digest == expected.root


@pytest.mark.parametrize(
    ("image", "platform", "problem"),
    [
        (
            MANY,
            None,
            "x has 3 images of its platforms, and one is needed. It has linux/amd64, linux/arm64, linux/arm/v7.",
        ),
        (MANY, "linux/s390x", "x has no linux/s390x. It has linux/amd64"),
        (index_of((AMD_NOTE, of(AMD))), None, "x has no image of its platforms"),
        (index_of((AMD, on("amd64")), (ARM, on("amd64"))), "linux/amd64", "x has 2 images for linux/amd64"),
    ],
)
def test_no_one_of_an_image(image: SampleImage, platform: t.Optional[str], problem: str) -> None:
    reader = Memory(image)
    wanted = parse_platform(platform) if platform else None
    with pytest.raises(ContentError) as caught:
        select_one(reader, reader.root(), wanted, where="x")
    assert problem in str(caught.value)


def source_of(memory: Memory, *platforms: str) -> PlatformSource:
    return PlatformSource(memory, [parse_platform(text) for text in platforms], where="the image x")


def test_a_source_of_chosen_platforms() -> None:
    memory = Memory(MANY)
    source = source_of(memory, "linux/arm64")
    assert source.is_same(m.parse_manifest(*ARM.contents[ARM.root], where="x"))
    assert not source.is_same(memory.root())
    image = load_image(source, source.root())
    assert image.platforms == ("linux/arm64",)
    assert {blob.digest for blob in image.blobs} == set(ARM.blobs)
    memory.read.clear()
    source.check(image.blobs)
    assert memory.read == [blob.digest for blob in image.blobs]
    assert source.open_blob(image.blobs[0]).readinto(memoryview(bytearray(5)))
    assert source.mountable_from(Origin("https", "x", 443)) == "x"
    assert source.platform() == ""
    source.close()
    assert memory.read[-1] == "closed"


def test_a_source_of_one_platform_is_not_read_to_know_it() -> None:
    memory = Memory(AMD, platform="linux/amd64/v1")
    assert source_of(memory, "linux/amd64").is_same(m.parse_manifest(*AMD.contents[AMD.root], where="x"))
    assert memory.read == []
    for ask in (lambda source: source.root(), lambda source: source.is_same(memory.root())):
        memory.read.clear()
        with pytest.raises(ContentError, match="the image x has no linux/arm64. It has linux/amd64/v1."):
            ask(source_of(memory, "linux/amd64", "linux/arm64"))
        assert set(memory.read) <= {AMD.root}
    assert source_of(memory, "linux/amd64").root().digest == AMD.root
