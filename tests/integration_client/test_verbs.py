# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verbs whose answers differ between registries: uploads in chunks, ranges, deletes, referrers, sha512."""

from __future__ import annotations

import hashlib
import json
import os
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import NotFound, ResponseError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.referrers import add_to_fallback, find_referrers
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import bytes_body, read_all
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    descriptor,
    digest_of,
    platform_image,
)

BLOB = os.urandom(3_000_000)
DIGEST = digest_of(BLOB)
IMAGE = platform_image()


def put(client: RegistryClient, repository: str, *references: str) -> m.Manifest:
    """Store an image under all references."""
    manifest = m.parse_manifest(*IMAGE.contents[IMAGE.root], where="x")
    for digest, content in IMAGE.blobs.items():
        client.upload_blob(repository, m.Descriptor("x", digest, len(content)), bytes_body(content).open)
    for reference in references:
        client.put_manifest(repository, reference, manifest)
    return manifest


def test_an_upload_in_chunks(client: RegistryClient, repository: str) -> None:
    upload = client.start_upload(repository)
    for start in range(0, len(BLOB), 1_000_000):
        upload.append(bytes_body(BLOB[start : start + 1_000_000]))
        assert upload.offset == start + 1_000_000
    upload.refresh()
    assert upload.offset == len(BLOB)
    upload.finish(DIGEST)
    assert client.head_blob(repository, DIGEST)


def test_an_upload_that_is_given_up(client: RegistryClient, repository: str) -> None:
    upload = client.start_upload(repository)
    upload.append(bytes_body(BLOB[:1000]))
    upload.cancel()
    with pytest.raises(NotFound, match="BLOB_UPLOAD_UNKNOWN"):
        upload.refresh()
    upload.cancel()
    assert not client.head_blob(repository, DIGEST)


def test_an_upload_of_something_else(client: RegistryClient, repository: str) -> None:
    upload = client.start_upload(repository)
    upload.append(bytes_body(BLOB[:-1] + b"x"))
    with pytest.raises(ResponseError, match="DIGEST_INVALID"):
        upload.finish(DIGEST)
    assert not client.head_blob(repository, DIGEST)


def test_ranges(client: RegistryClient, repository: str) -> None:
    client.upload_blob(repository, m.Descriptor("x", DIGEST, len(BLOB)), bytes_body(BLOB).open)
    assert read_all(client.open_blob_range(repository, DIGEST, 1_234_567, 89)) == BLOB[1_234_567 : 1_234_567 + 89]
    with pytest.raises(ResponseError, match="416"):
        client.open_blob_range(repository, DIGEST, len(BLOB) + 1, 1)


def test_deleting_by_digest_takes_all_tags(client: RegistryClient, repository: str) -> None:
    manifest = put(client, repository, "1", "2")
    assert client.delete_manifest(repository, manifest.digest)
    assert not client.delete_manifest(repository, manifest.digest)
    assert list(client.tags(repository)) == []


def test_deleting_a_tag(client: RegistryClient, repository: str, major: int) -> None:
    manifest = put(client, repository, "1", "2")
    if major == 2:
        with pytest.raises(ResponseError) as caught:
            client.delete_manifest(repository, "1")
        assert caught.value.status in (400, 405), caught.value
    else:
        assert client.delete_manifest(repository, "1")
        assert list(client.tags(repository)) == ["2"]
        assert not client.delete_manifest(repository, "1")
    found = client.head_manifest(repository, "2")
    assert found and found.digest == manifest.digest


def test_referrers_by_the_fallback_tag(client: RegistryClient, repository: str) -> None:
    image = put(client, repository, "1")
    assert client.referrers(repository, image.digest) is None
    document: dict[str, t.Any] = {
        "schemaVersion": 2,
        "mediaType": m.OCI_MANIFEST,
        "artifactType": "example/sbom",
        "config": descriptor(b"{}", "application/vnd.oci.empty.v1+json"),
        "layers": [descriptor(b"parts", "text/plain")],
        "subject": image.descriptor.as_dict(),
    }
    sbom = m.parse_manifest(json.dumps(document).encode(), m.OCI_MANIFEST, where="x")
    for content in (b"{}", b"parts"):
        client.upload_blob(repository, m.Descriptor("x", digest_of(content), len(content)), bytes_body(content).open)
    assert not client.put_manifest(repository, sbom.digest, sbom)
    add_to_fallback(client, repository, sbom)
    assert [one.descriptor.digest for one in find_referrers(client, repository, image.digest)] == [sbom.digest]


def test_sha512(client: RegistryClient, repository: str) -> None:
    content = b"of another algorithm"
    digest = f"sha512:{hashlib.sha512(content).hexdigest()}"
    described = m.Descriptor("x", digest, len(content))
    client.upload_blob(repository, described, bytes_body(content).open)
    assert read_all(client.open_blob(repository, described)) == content


def test_a_manifest_as_large_as_can_be(client: RegistryClient, repository: str) -> None:
    put(client, repository, "1")
    document = json.loads(IMAGE.contents[IMAGE.root][0])
    document["annotations"] = {"padding": ""}
    document["annotations"]["padding"] = "x" * (m.MAX_MANIFEST_SIZE - len(json.dumps(document)))
    manifest = m.parse_manifest(json.dumps(document).encode(), m.OCI_MANIFEST, where="x")
    assert len(manifest.raw) == m.MAX_MANIFEST_SIZE
    client.put_manifest(repository, "large", manifest)
    assert client.get_manifest(repository, "large").digest == manifest.digest
