# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving and removing tags and images, and the catalog with patterns, on real registries."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.referrers import add_to_fallback, fallback_tag
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import bytes_body
from ansible_collections.dockyard.registry.tests.integration_client.conftest import Running, started
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    SampleImage,
    artifact_of,
    index_image,
    index_of,
    platform_image,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

ONE, OTHER, MANY = platform_image(), platform_image("arm64"), index_image()
CHILDREN = [digest for digest, (_content, kind) in MANY.contents.items() if kind and digest != MANY.root]


def put(client: RegistryClient, repository: str, **images: SampleImage) -> None:
    """Store images under tags."""
    for tag, image in images.items():
        for digest, content in image.blobs.items():
            client.upload_blob(repository, m.Descriptor("x", digest, len(content)), bytes_body(content).open)
        for digest, (content, media_type) in image.contents.items():
            if media_type:
                manifest = m.parse_manifest(content, media_type, where="x")
                client.put_manifest(repository, digest, manifest)
        client.put_manifest(repository, tag, m.parse_manifest(*image.contents[image.root], where="x"))


def tags(client: RegistryClient, repository: str) -> dict[str, str]:
    """Return what each tag names."""
    found = {tag: client.head_manifest(repository, tag) for tag in client.tags(repository)}
    return {tag: named.digest for tag, named in found.items() if named}


def beats(running: Running, module: str, **options: t.Any) -> list[dict[str, t.Any]]:
    """Run a module in four beats; check mode says what the run says, and the second time nothing changes."""
    results = [modules.run(module, check=c, diff=True, url=running.url, **options) for c in (True, False, True, False)]
    assert results[0] == results[1]
    assert results[2] == results[3]
    if not results[0].get("failed"):
        assert [result["changed"] for result in results] == [True, True, False, False]
    return results


def test_a_tag_is_set_and_moved(running: Running, client: RegistryClient, repository: str) -> None:
    put(client, repository, one=ONE, many=MANY)
    beats(running, "tag", name=f"{repository}:new", target=ONE.root)
    assert tags(client, repository) == {"one": ONE.root, "many": MANY.root, "new": ONE.root}
    moved = beats(running, "tag", name=f"{repository}:new", target="many")[1]
    assert (moved["previous_digest"], moved["digest"], moved["untagged"]) == (ONE.root, MANY.root, None)
    assert client.get_manifest(repository, "new").raw == MANY.contents[MANY.root][0]
    moved = beats(running, "tag", name=f"{repository}:one", target="many")[1]
    assert moved["untagged"] == ONE.root
    beats(running, "tag", name=f"{repository}:back", target=moved["untagged"])


def test_a_target_that_is_not_there(running: Running, client: RegistryClient, repository: str) -> None:
    put(client, repository, stable=ONE)
    result = beats(running, "tag", name=f"{repository}:new", target="stabel")[1]
    assert result["failed"] and "are stable." in result["msg"]


def test_a_tag_goes(running: Running, client: RegistryClient, repository: str, major: int) -> None:
    put(client, repository, one=ONE, other=OTHER)
    result = beats(running, "tag", name=f"{repository}:one", state="absent")[1]
    assert tags(client, repository) == {"other": OTHER.root}
    assert (result["untagged"], result["deleted"]) == ((None, ONE.root) if major == 2 else (ONE.root, None))
    assert bool(client.head_manifest(repository, ONE.root)) is (major == 3)


@pytest.mark.parametrize("module", ["tag", "image"])
@pytest.mark.parametrize("user", [ONE, index_of(ONE, OTHER)], ids=["tag", "index"])
def test_a_tag_whose_manifest_is_in_use(
    running: Running, client: RegistryClient, repository: str, major: int, module: str, user: SampleImage
) -> None:
    repository = f"{repository}/{module}/{user.root[7:12]}"
    put(client, repository, one=ONE, user=user)
    result = beats(running, module, name=f"{repository}:one", state="absent")[1]
    if major == 2:
        assert result["failed"] and "Distribution 2.8" in result["msg"] and "user" in result["msg"]
        assert tags(client, repository) == {"one": ONE.root, "user": user.root}
    else:
        assert tags(client, repository) == {"user": user.root}
    assert client.head_manifest(repository, ONE.root)


def test_an_image_goes(running: Running, client: RegistryClient, repository: str) -> None:
    put(client, repository, many=MANY, other=OTHER)
    result = beats(running, "image", name=f"{repository}:many", state="absent")[1]
    assert result["deleted"] == [MANY.root]
    assert sorted(result["untagged"]) == sorted(set(CHILDREN) - {OTHER.root})
    assert tags(client, repository) == {"other": OTHER.root}
    assert all(client.head_manifest(repository, child) for child in CHILDREN)


def test_an_image_goes_with_platforms_and_signatures(
    running: Running, client: RegistryClient, repository: str
) -> None:
    shared = index_of(platform_image("amd64", layers=(b"shared base", b"amd64" * 50)))
    put(client, repository, many=MANY, shared=shared)
    sbom = artifact_of(MANY, "example/sbom")
    for digest, content in sbom.blobs.items():
        client.upload_blob(repository, m.Descriptor("x", digest, len(content)), bytes_body(content).open)
    manifest = m.parse_manifest(*sbom.contents[sbom.root], where="x")
    client.put_manifest(repository, sbom.root, manifest)
    add_to_fallback(client, repository, manifest)
    put(client, repository, **{fallback_tag(MANY.root) + ".sig": OTHER})
    left = modules.run("image", check=True, url=running.url, name=f"{repository}:many", state="absent")
    assert left["referrers"] == [fallback_tag(MANY.root), fallback_tag(MANY.root) + ".sig"]
    result = beats(running, "image", name=f"{repository}:many", state="absent", recursive=True)[1]
    assert tags(client, repository) == {"shared": shared.root}
    assert (len(result["deleted"]), result["untagged"], result["referrers"]) == (6, [], [])
    assert not any(client.head_manifest(repository, digest) for digest in result["deleted"])
    assert client.head_manifest(repository, CHILDREN[0])


def test_an_image_by_its_digest(running: Running, client: RegistryClient, repository: str) -> None:
    put(client, repository, one=ONE, has=index_of(ONE, OTHER))
    name = f"{repository}@{ONE.root}"
    refused = beats(running, "image", name=name, state="absent")[1]
    assert "named by one; part of the index of has" in refused["msg"]
    assert len(tags(client, repository)) == 2
    forced = beats(running, "image", name=name, state="absent", force=True)[1]
    assert (forced["tags"], forced["users"], forced["deleted"]) == (["one"], ["has"], [ONE.root])
    assert list(tags(client, repository)) == ["has"]


def test_a_tag_whose_manifest_is_lost(
    running: Running, client: RegistryClient, repository: str, major: int
) -> None:
    put(client, repository, one=ONE, other=OTHER)
    revisions = running.root / f"docker/registry/v2/repositories/{repository}/_manifests/revisions/sha256"
    (revisions / ONE.root[7:] / "link").unlink()
    assert client.head_manifest(repository, "one") is None and "one" in client.tags(repository)
    result = beats(running, "tag", name=f"{repository}:one", state="absent")[1]
    assert bool(result.get("failed")) is (major == 2)
    assert ("one" in client.tags(repository)) is (major == 2)


@pytest.mark.parametrize("more", ["delete: {enabled: false}", "maintenance: {readonly: {enabled: true}}"])
def test_deleting_is_off(binary: str, tmp_path: pathlib.Path, more: str) -> None:
    with started(binary, tmp_path) as running, RegistryClient(parse_registry_url(running.url)) as client:
        put(client, "a", one=ONE, same=ONE, other=OTHER)
    with started(binary, tmp_path, storage=more) as running, RegistryClient(parse_registry_url(running.url)) as client:
        for module, name in (("tag", "a:one"), ("tag", "a:other"), ("image", "a:other"), ("image", "a:one")):
            result = beats(running, module, name=name, state="absent")[1]
            assert result["failed"] and result["error"]["status"] == 405
            assert "storage.delete.enabled" in result["msg"] and "2.8" not in result["msg"]
        assert len(tags(client, "a")) == 3
        assert not modules.run("tag", url=running.url, name="a:none", state="absent")["changed"]


def test_a_catalog_with_patterns(running: Running, client: RegistryClient, repository: str) -> None:
    for name in ("a", "b", "c/d", "gone"):
        put(client, f"{repository}/{name}", **{"1": ONE, "2-rc": OTHER})
    for image in (ONE, OTHER):
        client.delete_manifest(f"{repository}/gone", image.root)
    result = modules.run(
        "catalog_info",
        url=running.url,
        repositories=[f"{repository}/*", f"!{repository}/b", "nothing/like-it*"],
        tags=["*", "!*-rc"],
        gather="digests",
    )
    tag = {"name": "1", "digest": ONE.root, "media_type": ONE.media_type}
    assert result["repositories"] == [
        {"name": f"{repository}/a", "tags": [tag], "empty": False},
        {"name": f"{repository}/c/d", "tags": [tag], "empty": False},
        {"name": f"{repository}/gone", "tags": [], "empty": True},
    ]
    assert result["unmatched"] == [{"option": "repositories", "pattern": "nothing/like-it*"}]
    named = modules.run("catalog_info", url=running.url, repositories=[f"{repository}/gone", f"{repository}/never"])
    assert [one["name"] for one in named["repositories"]] == [f"{repository}/gone"]
    assert named["unmatched"] == [{"option": "repositories", "pattern": f"{repository}/never"}]


def test_a_catalog_page_by_page(binary: str, tmp_path: pathlib.Path) -> None:
    names = ["a", "a-b", "a/b", "a/b/c", "ab", "b"]
    with started(binary, tmp_path, "catalog: {maxentries: 4}") as running:
        with RegistryClient(parse_registry_url(running.url)) as client:
            for name in names:
                put(client, name, x=ONE)
        found, after = [], None
        for _page in names:
            more = {"after": after} if after else {}
            result = modules.run("catalog_info", url=running.url, limit=2, page_size=5, gather="names", **more)
            found += [one["name"] for one in result["repositories"]]
            after = result["next"]
            if after is None:
                break
    assert sorted(found) == sorted(names)
