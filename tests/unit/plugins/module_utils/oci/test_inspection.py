# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading whole images: which requests are made, and what hostile or broken ones come to."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.describe import MAX_DEPTH, MAX_MANIFESTS
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ContentError, NotFound
from ansible_collections.dockyard.registry.plugins.module_utils.oci.inspection import InspectedImage, inspect_images
from ansible_collections.dockyard.registry.plugins.module_utils.oci.platforms import parse_platform
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import parse_local_reference
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    SampleImage,
    descriptor,
    digest_of,
    index_image,
    platform_image,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry

MANY, ONE = index_image(("amd64", "arm64")), platform_image()


@pytest.fixture
def client(registry: MemoryRegistry, connect: t.Callable[..., RegistryClient]) -> RegistryClient:
    return connect(registry.url)


def inspect(client: RegistryClient, *names: str, **options: t.Any) -> list[InspectedImage | None]:
    return inspect_images(client, [parse_local_reference(name, "x") for name in names], **options)


def inspect_one(client: RegistryClient, name: str, **options: t.Any) -> InspectedImage:
    (image,) = inspect(client, name, **options)
    assert image
    return image


def index_of(*entries: dict[str, object]) -> tuple[bytes, str]:
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode(), OCI_INDEX


def entry(content: bytes, media_type: str = OCI_MANIFEST, **more: object) -> dict[str, object]:
    return descriptor(content, media_type, **more)


def put_manifest(registry: MemoryRegistry, tag: str, content: bytes, media_type: str) -> str:
    digest = digest_of(content)
    registry.manifests["a", digest] = (content, media_type)
    registry.tags["a", tag] = digest
    return digest


def manifest_with(config: bytes, config_type: str = OCI_CONFIG, **more: object) -> SampleImage:
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(config, config_type), **more}
    raw = json.dumps(document).encode()
    return SampleImage(digest_of(raw), OCI_MANIFEST, {digest_of(config): (config, ""), digest_of(raw): (raw, OCI_MANIFEST)})


def test_everything_is_read_once(registry: MemoryRegistry, client: RegistryClient) -> None:
    for repository, tag in [("a", "1"), ("a", "2"), ("b", "1")]:
        registry.put(repository, tag, MANY.contents, MANY.root)
    images = inspect(client, "a:1", "a:2", f"a@{MANY.root}", "b:1", "b:none", "none/such")
    assert [image.size if image else None for image in images] == [MANY.size] * 4 + [None] * 2
    blobs = [line.rpartition("/")[2] for line in registry.log if "/blobs/" in line]
    assert len(blobs) == len(set(blobs)) == 2
    by_digest = [line for line in registry.log if "manifests/sha256:" in line and not line.endswith(MANY.root)]
    assert len(by_digest) == len(set(by_digest)) == 6
    assert not registry.writes


def test_the_parts_of_an_index(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.put("a", "1", MANY.contents, MANY.root)
    image = inspect_one(client, "a:1")
    assert [part.platform for part in image.parts] == ["linux/amd64", "linux/arm64"]
    assert all(part.config and part.config.platform == part.platform for part in image.parts)
    assert [part.platform for part in image.attestations] == ["unknown/unknown"]
    assert image.referrers is None
    assert (image.attestations[0].about, image.attestations[0].predicates) == ("", ())


def test_only_some_platforms(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.put("a", "1", MANY.contents, MANY.root)
    registry.put("a", "2", ONE.contents, ONE.root)
    both = inspect(client, "a:1", "a:2", platforms=[parse_platform("linux/arm64/v8")])
    assert [[part.platform for part in image.parts] for image in both if image] == [["linux/arm64"], []]
    assert [image.size for image in both if image] == [MANY.size, ONE.size]
    # Of the index only the wanted one's; of the other the only one, whose platform stands nowhere else.
    assert len([line for line in registry.log if "/blobs/" in line]) == 2


def test_attestations(registry: MemoryRegistry, client: RegistryClient) -> None:
    image = platform_image()
    statement = descriptor(b"{}", "application/vnd.in-toto+json", annotations={"in-toto.io/predicate-type": "sbom"})
    attestation = manifest_with(b"{}", layers=[statement])
    annotations = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image.root}
    raw, attested = image.contents[image.root][0], attestation.contents[attestation.root][0]
    index, media_type = index_of(entry(raw), entry(attested, annotations=annotations))
    registry.put("a", "0", {**image.contents, **attestation.contents}, image.root)
    put_manifest(registry, "1", index, media_type)
    found = inspect_one(client, "a:1")
    assert [part.platform for part in found.parts] == ["linux/amd64"]
    (about,) = found.attestations
    assert (about.entry.digest, about.about, about.predicates) == (attestation.root, image.root, ("sbom",))


def test_an_artifact(registry: MemoryRegistry, client: RegistryClient) -> None:
    chart = manifest_with(b'{"name": "shop"}', "application/vnd.cncf.helm.config.v1+json", layers=[])
    registry.put("a", "1", chart.contents, chart.root)
    image = inspect_one(client, "a:1")
    (part,) = image.parts
    assert (part.platform, part.config, image.size) == ("", None, chart.size)
    assert not [line for line in registry.log if "/blobs/" in line]
    assert inspect_one(client, "a:1", platforms=[parse_platform("linux/amd64")]).parts == ()


def test_a_manifest_that_is_not_there(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.put("a", "1", MANY.contents, MANY.root)
    index = m.parse_manifest(*MANY.contents[MANY.root], where="x")
    del registry.manifests["a", index.children[0].digest]
    lost, there = inspect_one(client, "a:1").parts
    assert (lost.platform, lost.manifest, lost.config, lost.size) == ("linux/amd64", None, None, 0)
    assert there.config


def test_a_manifest_on_the_way_to_nowhere(registry: MemoryRegistry, client: RegistryClient) -> None:
    """A 404 that is not the registry's own says nothing about the image."""
    registry.put("a", "1", MANY.contents, MANY.root)
    index = m.parse_manifest(*MANY.contents[MANY.root], where="x")
    for path in (f"/v2/a/manifests/{index.children[0].digest}", "/v2/a/manifests/2"):
        registry.plain_404.add(path)
    for name in ("a:1", "a:2"):
        with pytest.raises(NotFound):
            inspect(client, name)


def test_a_lost_configuration(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.put("a", "1", ONE.contents, ONE.root)
    registry.blobs.clear()
    with pytest.raises(NotFound, match="BLOB_UNKNOWN"):
        inspect(client, "a:1")


@pytest.mark.parametrize(
    ("config", "says"), [(b"[]", "not an object"), (b"no", "not JSON"), (b" " * (m.MAX_CONFIG_SIZE + 1), "at most")]
)
def test_a_hostile_configuration(registry: MemoryRegistry, client: RegistryClient, config: bytes, says: str) -> None:
    image = manifest_with(config, layers=[])
    registry.put("a", "1", image.contents, image.root)
    with pytest.raises(ContentError, match=says):
        inspect(client, "a:1")


@pytest.mark.parametrize(("levels", "works"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False)])
def test_indexes_in_indexes(registry: MemoryRegistry, client: RegistryClient, levels: int, works: bool) -> None:
    registry.put("a", "0", ONE.contents, ONE.root)
    content, media_type = ONE.contents[ONE.root]
    for _level in range(levels):
        # Twice each: a client that followed both would do exponential work.
        content, media_type = index_of(entry(content, media_type), entry(content, media_type))
        put_manifest(registry, "1", content, media_type)
    if works:
        assert [part.platform for part in inspect_one(client, "a:1").parts] == ["linux/amd64"]
    else:
        with pytest.raises(ContentError, match="too many levels"):
            inspect(client, "a:1")


def test_too_many_manifests(registry: MemoryRegistry, client: RegistryClient) -> None:
    content, media_type = index_of(*(entry(str(number).encode()) for number in range(MAX_MANIFESTS)))
    put_manifest(registry, "1", content, media_type)
    with pytest.raises(ContentError, match="too many"):
        inspect(client, "a:1")
    assert len(registry.log) == 1


def test_one_manifest_for_two_platforms(registry: MemoryRegistry, client: RegistryClient) -> None:
    raw, media_type = ONE.contents[ONE.root]
    platforms = [{"os": "linux", "architecture": "arm", "variant": variant} for variant in ("v6", "v7")]
    index = index_of(*(entry(raw, media_type, platform=platform) for platform in platforms))
    registry.put("a", "0", ONE.contents, ONE.root)
    put_manifest(registry, "1", *index)
    image = inspect_one(client, "a:1")
    assert [part.platform for part in image.parts] == ["linux/arm/v6", "linux/arm/v7"]
    assert image.size == ONE.size + len(index[0])
