# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing tags and manifests: as registries 2.8 and 3 allow it, and never what is in use."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    NotFound,
    RegistryError,
    ResponseError,
    Unauthorized,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.referrers import fallback_tag
from ansible_collections.dockyard.registry.plugins.module_utils.oci.removal import (
    Removal,
    Remover,
    StillInUse,
    plan_removal,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    SampleImage,
    digest_of,
    index_image,
    index_of,
    platform_image,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Reply,
    ScriptedServer,
)

ONE, OTHER, MANY = platform_image(), platform_image("arm64"), index_image()
HAS_ONE = index_of(ONE, OTHER)
NO_TAG = "dockyard-" + digest_of(b"no tag of a")[7:39]
CHILDREN = tuple(digest for digest, (_content, kind) in MANY.contents.items() if kind and digest != MANY.root)


@pytest.fixture(params=[2, 3])
def registry(request: pytest.FixtureRequest) -> t.Iterator[MemoryRegistry]:
    """Return an empty registry, of each major version."""
    memory = MemoryRegistry(major=request.param)
    yield memory
    memory.close()


@pytest.fixture
def client(registry: MemoryRegistry, connect: t.Callable[..., RegistryClient]) -> RegistryClient:
    return connect(registry.url)


def fill(registry: MemoryRegistry, **images: SampleImage) -> None:
    for tag, image in images.items():
        registry.put("a", tag, image.contents, image.root)


def artifact(text: bytes) -> SampleImage:
    """Return something that is about an image."""
    return platform_image("unknown", layers=(text,))


def remove(client: RegistryClient, reference: str, **wishes: bool) -> Removal:
    remover = Remover(client, "a")
    plan = plan_removal(remover, reference, **wishes)
    removal = plan()
    remover.execute(removal, plan)
    return removal


def remove_tag(client: RegistryClient, tag: str) -> Removal:
    remover = Remover(client, "a")
    removal = remover.plan_tag(tag)
    remover.execute(removal, lambda: remover.plan_tag(tag))
    return removal


def manifests(registry: MemoryRegistry) -> set[str]:
    return {digest for _repository, digest in registry.manifests}


def test_a_tag_alone(registry: MemoryRegistry, client: RegistryClient) -> None:
    fill(registry, one=ONE, other=OTHER)
    removal = remove_tag(client, "one")
    assert registry.tags == {("a", "other"): OTHER.root}
    assert (removal.changed, removal.digest, removal.tags) == (True, ONE.root, ("one",))
    if registry.major == 2:
        assert (removal.deleted, removal.untagged) == ((ONE.root,), ())
        assert registry.writes == [f"DELETE /v2/a/manifests/{ONE.root}"]
    else:
        assert (removal.deleted, removal.untagged) == ((), (ONE.root,))
        assert registry.writes == ["DELETE /v2/a/manifests/one"]
    assert (ONE.root in manifests(registry)) is (registry.major == 3)
    registry.log.clear()
    assert not remove_tag(client, "one").changed
    assert [line.split()[0] for line in registry.log] == ["HEAD", "GET"]


@pytest.mark.parametrize("removal", [remove_tag, remove])
@pytest.mark.parametrize(
    ("others", "users", "told"),
    [
        ({"same": ONE}, ("same",), "named by same"),
        ({"has": HAS_ONE}, ("has",), "part of the index of has"),
        ({"same": ONE, "has": HAS_ONE}, ("has", "same"), "named by same; part of the index of has"),
        ({f"t{number:02}": ONE for number in range(12)}, tuple(f"t{number:02}" for number in range(12)), "t09 and 2 more"),
    ],
)
def test_a_manifest_in_use(
    registry: MemoryRegistry,
    client: RegistryClient,
    removal: t.Callable[[RegistryClient, str], Removal],
    others: dict[str, SampleImage],
    users: tuple[str, ...],
    told: str,
) -> None:
    fill(registry, one=ONE, **others)
    before = dict(registry.tags)
    if registry.major == 2:
        with pytest.raises(StillInUse, match=told) as caught:
            removal(client, "one")
        assert "2.8" in str(caught.value) and ONE.root in str(caught.value)
        assert (registry.tags, registry.writes) == (before, [])
        return
    done = removal(client, "one")
    assert (done.tags, done.deleted, done.users, done.untagged) == (("one",), (), users, ())
    assert registry.tags == {place: digest for place, digest in before.items() if place != ("a", "one")}
    assert ONE.root in manifests(registry)


def test_an_image_and_its_manifest(registry: MemoryRegistry, client: RegistryClient) -> None:
    fill(registry, one=ONE, other=OTHER)
    removal = remove(client, "one")
    assert (removal.tags, removal.deleted, removal.untagged) == (("one",), (ONE.root,), ())
    assert manifests(registry) == {OTHER.root}
    assert not remove(client, "one").changed


@pytest.mark.parametrize("force", [False, True])
def test_by_digest(registry: MemoryRegistry, client: RegistryClient, force: bool) -> None:
    fill(registry, one=ONE, other=OTHER)
    del registry.tags["a", "one"]
    removal = remove(client, ONE.root, force=force)
    assert (removal.tags, removal.deleted) == ((), (ONE.root,))
    assert manifests(registry) == {OTHER.root}
    assert not remove(client, ONE.root, force=force).changed


@pytest.mark.parametrize(
    ("others", "told"),
    [({"one": ONE}, "in use: named by one"), ({"has": HAS_ONE}, "in use: part of the index of has")],
)
def test_by_digest_in_use(
    registry: MemoryRegistry, client: RegistryClient, others: dict[str, SampleImage], told: str
) -> None:
    fill(registry, **others)
    with pytest.raises(StillInUse, match=told):
        remove(client, ONE.root)
    assert registry.writes == []
    removal = remove(client, ONE.root, force=True)
    assert removal.tags == tuple(tag for tag in others if tag == "one")
    assert removal.users == tuple(tag for tag in others if tag == "has")
    assert ONE.root not in manifests(registry)


def test_platforms_stay_unless_asked(registry: MemoryRegistry, client: RegistryClient) -> None:
    fill(registry, many=MANY, child=platform_image("amd64", layers=(b"shared base", b"amd64" * 50)))
    named = registry.tags["a", "child"]
    assert named in CHILDREN
    removal = remove(client, "many")
    assert removal.deleted == (MANY.root,)
    assert set(removal.untagged) == set(CHILDREN) - {named}
    assert manifests(registry) == set(CHILDREN)


def test_platforms_go_if_nothing_else_uses_them(registry: MemoryRegistry, client: RegistryClient) -> None:
    shared = platform_image("amd64", layers=(b"shared base", b"amd64" * 50))
    fill(registry, many=MANY, index=index_of(shared))
    removal = remove(client, "many", recursive=True)
    assert removal.deleted[0] == MANY.root
    assert set(removal.deleted) == {MANY.root, *CHILDREN} - {shared.root}
    assert removal.untagged == ()
    assert manifests(registry) == {shared.root, registry.tags["a", "index"]}


def signed(registry: MemoryRegistry, image: SampleImage) -> tuple[SampleImage, SampleImage]:
    """Give an image an SBOM in the list of referrers and a signature of cosign's."""
    sbom, signature = artifact(image.root.encode()), artifact(b"sig " + image.root.encode())
    fill(
        registry, **{fallback_tag(image.root): index_of(sbom), fallback_tag(image.root) + ".sig": signature}
    )
    return sbom, signature


def test_what_refers_to_an_image_stays_and_is_told(registry: MemoryRegistry, client: RegistryClient) -> None:
    fill(registry, one=ONE)
    signed(registry, ONE)
    removal = remove(client, "one")
    assert removal.deleted == (ONE.root,)
    assert removal.referrers == (fallback_tag(ONE.root), fallback_tag(ONE.root) + ".sig")
    assert len(registry.tags) == 2 and len(registry.manifests) == 3


def test_what_refers_to_an_image_goes_with_it_if_asked(registry: MemoryRegistry, client: RegistryClient) -> None:
    fill(registry, one=ONE, other=OTHER)
    sbom, signature = signed(registry, ONE)
    signed(registry, sbom)
    signed(registry, OTHER)
    kept = {place: digest for place, digest in registry.tags.items() if OTHER.root[7:] in place[1]}
    removal = remove(client, "one", recursive=True)
    assert removal.tags == tuple(
        sorted(["one", *(fallback_tag(x.root) + suffix for x in (ONE, sbom) for suffix in ("", ".sig"))])
    )
    assert removal.referrers == ()
    assert len(removal.deleted) == 7
    assert removal.deleted[-1] == ONE.root
    assert {sbom.root, signature.root} < set(removal.deleted)
    assert registry.tags == {("a", "other"): OTHER.root, **kept}
    assert len(registry.manifests) == 4


def test_the_signature_of_a_platform_that_stays_stays(registry: MemoryRegistry, client: RegistryClient) -> None:
    child = platform_image("amd64", layers=(b"shared base", b"amd64" * 50))
    fill(registry, many=MANY, child=child)
    _sbom, signature = signed(registry, child)
    removal = remove(client, "many", recursive=True)
    assert set(removal.deleted) == {MANY.root, *CHILDREN} - {child.root}
    assert registry.tags["a", fallback_tag(child.root) + ".sig"] == signature.root
    assert removal.referrers == ()


def test_a_referrer_with_a_tag_of_its_own_stays(registry: MemoryRegistry, client: RegistryClient) -> None:
    fill(registry, one=ONE)
    sbom, signature = signed(registry, ONE)
    fill(registry, parts=sbom, proof=signature)
    removal = remove(client, "one", recursive=True)
    assert removal.tags == (*sorted([fallback_tag(ONE.root), "one"], key=lambda tag: tag),)
    assert removal.referrers == (fallback_tag(ONE.root) + ".sig",)
    assert manifests(registry) == {sbom.root, signature.root}


@pytest.mark.parametrize("wishes", [{}, {"recursive": True}])
def test_a_tag_that_stays_in_use_takes_nothing_along(
    registry: MemoryRegistry, client: RegistryClient, wishes: dict[str, bool]
) -> None:
    fill(registry, many=MANY, same=MANY)
    signed(registry, MANY)
    number = len(registry.manifests)
    if registry.major == 2:
        with pytest.raises(StillInUse):
            remove(client, "many", **wishes)
    else:
        assert remove(client, "many", **wishes).users == ("same",)
    assert len(registry.manifests) == number


@pytest.mark.parametrize("reference", ["one", ONE.root])
@pytest.mark.parametrize("removal", [remove_tag, remove])
def test_deleting_is_off(
    registry: MemoryRegistry,
    client: RegistryClient,
    removal: t.Callable[[RegistryClient, str], Removal],
    reference: str,
) -> None:
    registry.deletes = False
    fill(registry, one=ONE)
    if ":" in reference:
        del registry.tags["a", "one"]
    with pytest.raises(ResponseError, match="405: UNSUPPORTED.*storage.delete.enabled"):
        removal(client, reference)
    assert registry.writes == []


@pytest.mark.parametrize("status", [401, 403])
def test_no_right_to_delete(
    server: ScriptedServer, connect: t.Callable[..., RegistryClient], status: int
) -> None:
    server.on("HEAD", "/v2/a/manifests/1", *[Reply(200, headers=head(ONE))] * 2)
    server.on("GET", "/v2/a/tags/list?n=1000", Reply(200, b'{"tags": ["1"]}'))
    server.on("DELETE", f"/v2/a/manifests/{NO_TAG}", Reply(status, b'{"errors": [{"code": "DENIED"}]}'))
    with pytest.raises(Unauthorized):
        Remover(connect(server.url), "a").plan_tag("1")


def head(image: SampleImage) -> dict[str, str]:
    length = str(len(image.contents[image.root][0]))
    return {"Content-Type": image.media_type, "Docker-Content-Digest": image.root, "Content-Length": length}


def test_a_404_of_something_else_is_no_ability(
    server: ScriptedServer, connect: t.Callable[..., RegistryClient]
) -> None:
    server.on("HEAD", "/v2/a/manifests/1", *[Reply(200, headers=head(ONE))] * 2)
    server.on("GET", "/v2/a/tags/list?n=1000", Reply(200, b'{"tags": ["1"]}'))
    server.on("DELETE", f"/v2/a/manifests/{NO_TAG}", Reply(404, b"<html>"))
    with pytest.raises(NotFound):
        Remover(connect(server.url), "a").plan_tag("1")


@pytest.mark.parametrize("plan", ["plan_tag", "plan_image"])
def test_what_changed_in_the_meantime_is_not_deleted(
    registry: MemoryRegistry, client: RegistryClient, plan: str
) -> None:
    fill(registry, one=ONE)
    remover = Remover(client, "a")
    removal = getattr(remover, plan)("one")
    fill(registry, same=ONE)
    expected = StillInUse if registry.major == 2 else RegistryError
    with pytest.raises(expected, match="in use: named by same|someone else"):
        remover.execute(removal, lambda: getattr(remover, plan)("one"))
    assert registry.writes == []


@pytest.mark.parametrize("removal", [remove_tag, remove])
def test_a_tag_whose_manifest_is_lost(
    registry: MemoryRegistry, client: RegistryClient, removal: t.Callable[[RegistryClient, str], Removal]
) -> None:
    registry.tags["a", "lost"] = ONE.root
    if registry.major == 2:
        with pytest.raises(StillInUse, match="has lost, and this registry, as Distribution 2.8"):
            removal(client, "lost")
        return
    done = removal(client, "lost")
    assert (done.changed, done.digest, done.tags, done.deleted) == (True, "", ("lost",), ())
    assert registry.tags == {}


def test_a_referrers_list_is_what_uses_a_signature(registry: MemoryRegistry, client: RegistryClient) -> None:
    """Deleting it by its digest would leave the list with an entry that is not there."""
    fill(registry, one=ONE)
    sbom, _signature = signed(registry, ONE)
    with pytest.raises(StillInUse, match=f"index of {fallback_tag(ONE.root)}"):
        remove(client, sbom.root)


@pytest.mark.parametrize("recursive", [True, False])
def test_platforms_that_were_never_copied(registry: MemoryRegistry, client: RegistryClient, recursive: bool) -> None:
    fill(registry, many=MANY)
    del registry.manifests["a", CHILDREN[0]]
    removal = remove(client, "many", recursive=recursive)
    assert CHILDREN[0] not in (*removal.deleted, *removal.untagged)
    assert len(removal.deleted) + len(removal.untagged) == len(CHILDREN)
