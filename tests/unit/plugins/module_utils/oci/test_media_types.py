# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manifests: what is read from them, and which are refused."""

from __future__ import annotations

import json
import re
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ContentError
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci import images

DIGEST = "sha256:" + "0" * 64


def manifest(**changes: t.Any) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": m.OCI_MANIFEST,
        "config": {"mediaType": m.OCI_CONFIG, "digest": DIGEST, "size": 2},
        "layers": [],
        **changes,
    }
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode()


def test_an_image() -> None:
    image = images.platform_image()
    raw = image.contents[image.root][0]
    parsed = m.parse_manifest(raw, m.OCI_MANIFEST, where="x", digest=image.root)
    assert not parsed.is_index
    assert {blob.digest for blob in parsed.blobs} == set(image.blobs)
    assert parsed.descriptor == m.Descriptor(m.OCI_MANIFEST, image.root, len(raw))


def test_an_index() -> None:
    image = images.index_image()
    parsed = m.parse_manifest(image.contents[image.root][0], "", where="x")
    assert parsed.is_index and parsed.media_type == m.OCI_INDEX and not parsed.blobs
    assert [child.platform for child in parsed.children] == ["linux/amd64", "linux/arm64", "unknown/unknown"]


def test_layers_that_stand_elsewhere_are_no_blobs() -> None:
    layer = {"mediaType": "x", "digest": DIGEST, "size": 1}
    foreign = {**layer, "digest": "sha256:" + "1" * 64, "urls": ["https://example.com/layer"]}
    parsed = m.parse_manifest(manifest(layers=[layer, layer, foreign]), m.OCI_MANIFEST, where="x")
    assert len(parsed.layers) == 3
    assert [blob.digest for blob in parsed.blobs] == [DIGEST]


@pytest.mark.parametrize(
    ("raw", "media_type", "problem"),
    [
        (b"<html>sign in</html>", m.OCI_MANIFEST, "not JSON.*sign in"),
        (b"[]", m.OCI_MANIFEST, "not an object"),
        (b"[" * 100_000, m.OCI_MANIFEST, "not JSON"),
        (b"9" * 10_000, m.OCI_MANIFEST, "not JSON|not an object"),
        (b"x" * (m.MAX_MANIFEST_SIZE + 1), m.OCI_MANIFEST, "larger than"),
        (
            manifest(schemaVersion=1, mediaType=None),
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            "schema 2",
        ),
        (manifest(mediaType=None), "text/html", "text/html"),
        (manifest(), m.DOCKER_MANIFEST, "served as"),
        (manifest(manifests=[]), m.OCI_MANIFEST, "does not have its fields"),
        (manifest(mediaType=m.OCI_INDEX), m.OCI_INDEX, "does not have its fields"),
        (manifest(mediaType=m.OCI_INDEX, layers=None, manifests=1), m.OCI_INDEX, "no usable list"),
        (manifest(layers=[1]), m.OCI_MANIFEST, "not a descriptor"),
        (manifest(config=None), m.OCI_MANIFEST, "not a descriptor"),
        (
            manifest(layers=[{"mediaType": "x", "digest": "sha256:../../etc", "size": 1}]),
            m.OCI_MANIFEST,
            "not a digest",
        ),
        (manifest(layers=[{"mediaType": "x", "digest": DIGEST, "size": -1}]), m.OCI_MANIFEST, "size"),
        (manifest(layers=[{"mediaType": "x", "digest": DIGEST, "size": True}]), m.OCI_MANIFEST, "size"),
        (manifest(layers=[{"mediaType": "x", "digest": DIGEST, "size": 1, "urls": 1}]), m.OCI_MANIFEST, "urls that are no list"),
    ],
)
def test_what_is_refused(raw: bytes, media_type: str, problem: str) -> None:
    with pytest.raises(ContentError) as caught:
        m.parse_manifest(raw, media_type, where="x")
    assert re.search(problem, str(caught.value))
    assert len(str(caught.value)) < 600


def test_a_wrong_digest_is_refused() -> None:
    with pytest.raises(ContentError, match="has the digest sha256:.*, not sha256:0000"):
        m.parse_manifest(manifest(), m.OCI_MANIFEST, where="x", digest=DIGEST)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"os": "linux", "architecture": "arm", "variant": "v7"}, "linux/arm/v7"),
        ({"os": "linux", "architecture": "amd64"}, "linux/amd64"),
        ({"os": "linux"}, ""),
        ({"os": "", "architecture": "amd64"}, ""),
        ({"os": 1, "architecture": "amd64"}, ""),
        (None, ""),
    ],
)
def test_platforms(document: object, expected: str) -> None:
    assert m.platform_of(document) == expected
