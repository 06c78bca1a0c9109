# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module image_info: what it returns, and what it refuses."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml

from ansible_collections.dockyard.registry.plugins.module_utils.oci.referrers import fallback_tag
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
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

MANY, ONE = index_image(), platform_image()
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


def documented(*path: str) -> set[str]:
    """Return the keys that RETURN documents below a path."""
    level = yaml.safe_load(modules.load("image_info").RETURN)
    for name in path:
        level = level[name]["contains"]
    return set(level)


def image_of(document: dict[str, t.Any], **manifest: t.Any) -> SampleImage:
    config = json.dumps(document).encode()
    raw = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(config, OCI_CONFIG),
            "layers": [{"mediaType": FOREIGN, "digest": digest_of(b"x"), "size": 9, "urls": ["https://example.com/x"]}],
            **manifest,
        }
    ).encode()
    return SampleImage(digest_of(raw), OCI_MANIFEST, {digest_of(config): (config, ""), digest_of(raw): (raw, OCI_MANIFEST)})


def test_documentation_and_code_agree() -> None:
    assert modules.spec_of_documentation("image_info") == modules.spec_of_code("image_info")


@pytest.mark.parametrize("check", [True, False])
def test_an_image(registry: MemoryRegistry, check: bool) -> None:
    image = image_of(
        {"os": "linux", "architecture": "arm", "variant": "v7", "config": {"Labels": {"camelCase": "é"}}},
        annotations={"a": "b"},
    )
    registry.put("team/app", "1", image.contents, image.root)
    result = modules.run("image_info", url=registry.url, name=["team/app:1"], check=check)
    assert (result["changed"], result["missing"], registry.writes) == (False, [], [])
    (found,) = result["images"]
    (platform,) = found.pop("platforms")
    assert found == {
        "name": "team/app:1",
        "reference": f"{registry.authority}/team/app:1",
        "pinned": f"{registry.authority}/team/app@{image.root}",
        "digest": image.root,
        "media_type": OCI_MANIFEST,
        "artifact_type": None,
        "annotations": {"a": "b"},
        "size": image.size,
        "attestations": [],
    }
    assert {key: platform[key] for key in ("platform", "present", "size", "labels", "layers", "healthcheck")} == {
        "platform": "linux/arm/v7",
        "present": True,
        "size": image.size,
        "labels": {"camelCase": "é"},
        "layers": [{"digest": digest_of(b"x"), "size": 9, "media_type": FOREIGN, "urls": ["https://example.com/x"]}],
        "healthcheck": None,
    }


def test_all_that_is_returned_is_documented(registry: MemoryRegistry) -> None:
    registry.put("a", "latest", MANY.contents, MANY.root)
    entries = [descriptor(b"x", OCI_MANIFEST)]
    listed = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    signature = image_of({})
    registry.put("a", fallback_tag(MANY.root), {digest_of(listed): (listed, OCI_INDEX)}, digest_of(listed))
    registry.put("a", fallback_tag(MANY.root) + ".sig", signature.contents, signature.root)
    result = modules.run("image_info", url=registry.url, name=["a", "b"], referrers=True)
    assert result["missing"] == ["b"]
    (image,) = result["images"]
    assert set(image) == documented("images")
    assert set(image["platforms"][0]) == documented("images", "platforms")
    assert [set(one) for one in image["attestations"]] == [{"digest", "about", "predicates", "size"}]
    assert [(one["digest"], one["tag"]) for one in image["referrers"]] == [
        (digest_of(b"x"), None),
        (signature.root, fallback_tag(MANY.root) + ".sig"),
    ]
    assert set(image["referrers"][0]) == {"digest", "media_type", "artifact_type", "size", "annotations", "tag"}


def test_what_is_not_known_is_null(registry: MemoryRegistry) -> None:
    registry.put("a", "1", MANY.contents, MANY.root)
    index = json.loads(MANY.contents[MANY.root][0])
    del registry.manifests["a", index["manifests"][0]["digest"]]
    (image,) = modules.run("image_info", url=registry.url, name=["a:1"])["images"]
    lost = image["platforms"][0]
    given = {"platform": "linux/amd64", "present": False, "media_type": OCI_MANIFEST, "annotations": {}, "layers": []}
    assert lost == {**dict.fromkeys(lost), **given, "digest": index["manifests"][0]["digest"]}


def test_names(registry: MemoryRegistry) -> None:
    registry.put("a", "latest", ONE.contents, ONE.root)
    registry.put("a", "1", MANY.contents, MANY.root)
    names = ["a", "a:none", f"a:1@{ONE.root}", f"a@{MANY.root}", "a", f"b@{ONE.root}"]
    result = modules.run("image_info", url=registry.url, name=names, platforms=["linux/amd64"])
    at = registry.authority
    assert [(image["name"], image["reference"], image["digest"]) for image in result["images"]] == [
        ("a", f"{at}/a:latest", ONE.root),
        (names[2], f"{at}/a:1@{ONE.root}", ONE.root),
        (names[3], f"{at}/a@{MANY.root}", MANY.root),
    ]
    assert [image["pinned"] for image in result["images"]] == [f"{at}/a@{ONE.root}"] * 2 + [f"{at}/a@{MANY.root}"]
    assert [[part["platform"] for part in image["platforms"]] for image in result["images"]] == [["linux/amd64"]] * 3
    assert result["missing"] == ["a:none", f"b@{ONE.root}"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": ["A"]}, "'A' is not a repository name"),
        ({"name": ["localhost:5000/a"]}, "holds a registry"),
        ({"name": ["a@sha256:1"]}, "not a digest"),
        ({"name": ["a"], "platforms": ["amd64"]}, "'amd64' is not a platform"),
        ({"name": ["a"], "platforms": ["linux/amd64/v1/x"]}, "is not a platform"),
    ],
)
def test_bad_input(registry: MemoryRegistry, options: dict[str, t.Any], says: str) -> None:
    result = modules.run("image_info", url=registry.url, **options)
    assert result["failed"] and says in result["msg"]
    assert result["error"]["hint"]
    assert not registry.log


def test_a_registry_that_fails(registry: MemoryRegistry) -> None:
    registry.broken["GET /v2/a/manifests/1"] = (403, "DENIED")
    result = modules.run("image_info", url=registry.url, name=["a:1"])
    assert result["failed"] and result["error"]["status"] == 403


def test_halves_of_characters(registry: MemoryRegistry) -> None:
    """JSON can hold what is no Unicode; it must not break Ansible, which writes UTF-8."""
    image = image_of({"config": {"Labels": {"\ud800": "\udfff"}, "Env": ["a=\ud83d"]}, "author": "\udc00"})
    registry.put("a", "1", image.contents, image.root)
    (platform,) = modules.run("image_info", url=registry.url, name=["a:1"])["images"][0]["platforms"]
    assert (platform["labels"], platform["env"], platform["author"]) == ({"?": "?"}, ["a=?"], "?")


def test_the_password_is_not_returned(guarded: MemoryRegistry) -> None:
    guarded.put("a", "1", ONE.contents, ONE.root)
    for name in ("a:1", "A"):
        result = modules.run("image_info", url=guarded.url, username="ada", password="hunter2", name=[name])
        assert "hunter2" not in json.dumps(result)
