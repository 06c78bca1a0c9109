# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What refers to an image: the API, the fallback tag, and cosign's tags."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ContentError, NotFound
from ansible_collections.dockyard.registry.plugins.module_utils.oci.referrers import (
    add_to_fallback,
    fallback_tag,
    find_referrers,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import bytes_body
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    descriptor,
    digest_of,
    platform_image,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Reply,
    ScriptedServer,
    registry_error,
)

IMAGE = platform_image()
EMPTY = b"{}"
SUBJECT = descriptor(IMAGE.contents[IMAGE.root][0], m.OCI_MANIFEST)
API = f"/v2/a/referrers/{IMAGE.root}"


def artifact(artifact_type: str, text: bytes) -> m.Manifest:
    document = {
        "schemaVersion": 2,
        "mediaType": m.OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": descriptor(EMPTY, "application/vnd.oci.empty.v1+json"),
        "layers": [descriptor(text, "text/plain")],
        "subject": SUBJECT,
        "annotations": {"made": "by a test"},
    }
    return m.parse_manifest(json.dumps(document).encode(), m.OCI_MANIFEST, where="x")


SBOM, SIGNATURE = artifact("example/sbom", b"parts"), artifact("example/signature", b"signed")


def index(*manifests: m.Manifest) -> Reply:
    entries = [{**manifest.descriptor.as_dict(), "artifactType": manifest.artifact_type} for manifest in manifests]
    body = json.dumps({"schemaVersion": 2, "mediaType": m.OCI_INDEX, "manifests": entries}).encode()
    return Reply(body=body, headers={"Content-Type": m.OCI_INDEX})


@pytest.fixture
def client(registry: MemoryRegistry, connect: t.Callable[..., RegistryClient]) -> RegistryClient:
    return connect(registry.url)


@pytest.mark.parametrize(
    ("digest", "tag"),
    [("sha256:" + "a" * 64, "sha256-" + "a" * 64), ("sha512:" + "b" * 128, "sha512-" + "b" * 64)],
)
def test_the_fallback_tag(digest: str, tag: str) -> None:
    assert fallback_tag(digest) == tag


def test_an_artifact_says_what_it_is_about() -> None:
    assert SBOM.subject and SBOM.subject.digest == IMAGE.root
    assert (SBOM.artifact_type, dict(SBOM.annotations)) == ("example/sbom", {"made": "by a test"})


def test_the_api_over_several_pages(server: ScriptedServer, connect: t.Callable[..., RegistryClient]) -> None:
    first = index(SBOM)
    server.on("GET", API, Reply(200, first.body, {**first.headers, "Link": f'<{API}?last=x>; rel="next"'}))
    server.on("GET", f"{API}?last=x", index(SIGNATURE, SBOM))
    found = connect(server.url).referrers("a", IMAGE.root)
    assert found and [one.digest for one in found] == [SBOM.digest, SIGNATURE.digest]


def test_a_registry_that_does_not_filter(server: ScriptedServer, connect: t.Callable[..., RegistryClient]) -> None:
    server.on("GET", f"{API}?artifactType=example%2Fsbom", index(SBOM, SIGNATURE))
    found = connect(server.url).referrers("a", IMAGE.root, artifact_type="example/sbom")
    assert found and [one.artifact_type for one in found] == ["example/sbom"]


@pytest.mark.parametrize("reply", [registry_error(404, "NOT_FOUND"), Reply(404, b"404 page not found"), Reply(200, b"hello")])
def test_no_api(server: ScriptedServer, connect: t.Callable[..., RegistryClient], reply: Reply) -> None:
    server.on("GET", API, reply)
    assert connect(server.url).referrers("a", IMAGE.root) is None


def test_an_answer_that_is_no_index(server: ScriptedServer, connect: t.Callable[..., RegistryClient]) -> None:
    server.on("GET", API, Reply(200, b"[]", {"Content-Type": m.OCI_INDEX}))
    with pytest.raises(ContentError, match="not an object"):
        connect(server.url).referrers("a", IMAGE.root)


def store(client: RegistryClient, manifest: m.Manifest, reference: str) -> bool:
    for content in (EMPTY, b"parts", b"signed"):
        client.upload_blob("a", m.Descriptor("x", digest_of(content), len(content)), bytes_body(content).open)
    return client.put_manifest("a", reference, manifest)


def test_the_fallback_is_written_and_read(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.put("a", "1", IMAGE.contents, IMAGE.root)
    assert find_referrers(client, "a", IMAGE.root) == ()
    for manifest in (SBOM, SIGNATURE, SBOM):
        assert not store(client, manifest, manifest.digest)
        add_to_fallback(client, "a", manifest)
    found = find_referrers(client, "a", IMAGE.root)
    assert [(one.descriptor.digest, one.descriptor.artifact_type, one.tag) for one in found] == [
        (SBOM.digest, "example/sbom", ""),
        (SIGNATURE.digest, "example/signature", ""),
    ]
    assert found[0].descriptor.annotations == {"made": "by a test"}
    only = find_referrers(client, "a", IMAGE.root, artifact_type="example/signature")
    assert [one.descriptor.digest for one in only] == [SIGNATURE.digest]


def test_cosigns_tags(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.put("a", "1", IMAGE.contents, IMAGE.root)
    store(client, SIGNATURE, fallback_tag(IMAGE.root) + ".sig")
    found = find_referrers(client, "a", IMAGE.root)
    assert [(one.descriptor.digest, one.tag) for one in found] == [(SIGNATURE.digest, fallback_tag(IMAGE.root) + ".sig")]
    assert find_referrers(client, "a", IMAGE.root, artifact_type="other") == ()


def test_what_has_no_subject_is_not_listed(registry: MemoryRegistry, client: RegistryClient) -> None:
    add_to_fallback(client, "a", m.parse_manifest(IMAGE.contents[IMAGE.root][0], m.OCI_MANIFEST, where="x"))
    assert registry.writes == []


def test_a_registry_that_lists_by_itself(server: ScriptedServer, connect: t.Callable[..., RegistryClient]) -> None:
    server.on("PUT", f"/v2/a/manifests/{SBOM.digest}", Reply(201, headers={"OCI-Subject": IMAGE.root}))
    assert connect(server.url).put_manifest("a", SBOM.digest, SBOM)


def test_a_fallback_that_cannot_be_read(server: ScriptedServer, connect: t.Callable[..., RegistryClient]) -> None:
    server.on("GET", API, Reply(404)).on("GET", f"/v2/a/manifests/{fallback_tag(IMAGE.root)}", Reply(404))
    with pytest.raises(NotFound):
        find_referrers(connect(server.url), "a", IMAGE.root)
