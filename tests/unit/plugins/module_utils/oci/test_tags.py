# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags: what they use, which are the nearest, and moving one."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.oci import tags
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    InvalidReference,
    NotFound,
    ResponseError,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.media_types import OCI_INDEX, Descriptor
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import RepositoryTag
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    SampleImage,
    index_image,
    index_of,
    platform_image,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Reply,
    ScriptedServer,
    registry_error,
)

ONE, OTHER, MANY = platform_image(), platform_image("arm64"), index_image()
NESTED = index_of(MANY, ONE)
CHILDREN = tuple(digest for digest, (_content, kind) in MANY.contents.items() if kind and digest != MANY.root)


@pytest.fixture
def client(registry: MemoryRegistry, connect: t.Callable[..., RegistryClient]) -> RegistryClient:
    return connect(registry.url)


def fill(registry: MemoryRegistry, **images: SampleImage) -> None:
    for tag, image in images.items():
        registry.put("a", tag, image.contents, image.root)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("a:1", ("a", "1")),
        ("a/b.c:latest", ("a/b.c", "latest")),
        (f"a/b@{ONE.root}", ("a/b", ONE.root)),
    ],
)
def test_names(text: str, parsed: tuple[str, str]) -> None:
    assert tuple(tags.parse_named(text)) == parsed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a", "has no tag"),
        ("a/b:1/c", "holds no|is not|has no tag|not a tag"),
        ("127.0.0.1:5000/a", "holds a registry"),
        ("a:", "not a tag"),
        ("A:1", "lower-case"),
        (f"a:1@{ONE.root}", "a tag and a digest"),
        ("a@sha256:12", "not a digest"),
        ("@sha256:" + "0" * 64, "not a repository name"),
    ],
)
def test_names_that_are_none(text: str, problem: str) -> None:
    with pytest.raises(InvalidReference, match=problem):
        tags.parse_named(text)


@given(st.text(max_size=20))
def test_any_text_is_a_name_or_is_refused(text: str) -> None:
    try:
        repository, reference = tags.parse_named(text)
    except InvalidReference:
        return
    assert text in (f"{repository}:{reference}", f"{repository}@{reference}")


def test_a_tag_without_a_digest() -> None:
    with pytest.raises(InvalidReference, match="holds a digest"):
        tags.parse_named_tag(f"a@{ONE.root}")


def test_the_nearest(registry: MemoryRegistry, client: RegistryClient) -> None:
    fill(registry, **{"1.27.1": ONE, "1.27.2": ONE, "1.26": ONE, "stable": ONE})
    assert tags.nearest_tags(client, "a", "1.27")[:2] == ("1.27.2", "1.27.1")
    assert "stable" not in tags.nearest_tags(client, "a", "1.27")
    assert tags.nearest_tags(client, "none", "1.27") == ()
    with pytest.raises(NotFound, match=r"MANIFEST_UNKNOWN.* The nearest tags of a are stable\."):
        tags.get_named(client, "a", "stabel")
    with pytest.raises(NotFound, match="a has no tag that is like it"):
        tags.get_named(client, "a", "xyz")
    with pytest.raises(NotFound, match=r"unknown\)\.$"):
        tags.get_named(client, "a", MANY.root)


def test_a_404_of_something_else_says_nothing_of_tags(
    server: ScriptedServer, connect: t.Callable[..., RegistryClient]
) -> None:
    server.on("GET", "/v2/a/manifests/1", Reply(404, b"<html>"))
    with pytest.raises(NotFound, match="answers at /v2/"):
        tags.get_named(connect(server.url), "a", "1")


def test_what_tags_use(registry: MemoryRegistry, client: RegistryClient) -> None:
    fill(registry, one=ONE, same=ONE, many=MANY, nested=NESTED)
    reader = tags.TagUseReader(client, "a")
    use = reader.read()
    assert use.naming(ONE.root) == ("one", "same")
    assert use.containing(ONE.root) == ("nested",)
    assert use.containing(MANY.root) == ("nested",)
    assert use.containing(CHILDREN[0]) == ("many", "nested")
    assert use.users(ONE.root, besides="one") == ("nested", "same")
    assert use.needed_by(["many", "one"]) == {MANY.root, ONE.root, *CHILDREN}
    assert use.needed_by([]) == frozenset()
    registry.log.clear()
    assert reader.read() == use
    assert [line for line in registry.log if line.startswith("GET")] == ["GET /v2/a/tags/list?n=1000"]


def test_indexes_in_indexes_however_deep(registry: MemoryRegistry, client: RegistryClient) -> None:
    deep = ONE
    for _level in range(12):
        deep = index_of(deep, OTHER)
    fill(registry, deep=deep)
    below = tags.TagUseReader(client, "a").below(Descriptor(OCI_INDEX, deep.root, 1))
    assert len(below) == len(set(below)) == 13
    assert {ONE.root, OTHER.root} < set(below)
    assert deep.root not in below


def test_what_is_lost_uses_nothing(registry: MemoryRegistry, client: RegistryClient) -> None:
    fill(registry, nested=NESTED, lost=ONE)
    registry.tags["a", "lost"] = "sha256:" + "0" * 64
    del registry.manifests["a", MANY.root]
    use = tags.TagUseReader(client, "a").read()
    assert use.tags == {"nested": NESTED.root}
    assert set(use.below[NESTED.root]) == {MANY.root, ONE.root}


def test_what_cannot_be_read_is_not_guessed(registry: MemoryRegistry, client: RegistryClient) -> None:
    fill(registry, many=MANY, one=ONE)
    registry.broken[f"GET /v2/a/manifests/{MANY.root}"] = (403, "DENIED")
    with pytest.raises(ResponseError, match="DENIED"):
        tags.TagUseReader(client, "a").read()
    registry.broken = {"HEAD /v2/a/manifests/one": (403, "DENIED")}
    with pytest.raises(ResponseError, match="403"):
        tags.TagUseReader(client, "a").read()


def test_an_index_that_is_lost_to_a_proxy(server: ScriptedServer, connect: t.Callable[..., RegistryClient]) -> None:
    server.on("GET", f"/v2/a/manifests/{MANY.root}", Reply(404, b"gone"))
    with pytest.raises(NotFound):
        tags.TagUseReader(connect(server.url), "a").below(Descriptor(OCI_INDEX, MANY.root, 1))


@pytest.mark.parametrize("reference", [ONE.root, "one"])
def test_a_new_tag(registry: MemoryRegistry, client: RegistryClient, reference: str) -> None:
    fill(registry, one=ONE)
    move = tags.plan_move(client, RepositoryTag("a", "new"), reference)
    assert (move.changed, move.before, move.untagged, registry.writes) == (True, "", "", [])
    tags.execute_move(client, move)
    assert registry.tags == {("a", "one"): ONE.root, ("a", "new"): ONE.root}
    again = tags.plan_move(client, RepositoryTag("a", "new"), reference)
    assert (again.changed, again.before) == (False, ONE.root)
    registry.log.clear()
    tags.execute_move(client, again)
    assert registry.log == []


@pytest.mark.parametrize(
    ("others", "untagged"),
    [({}, ONE.root), ({"same": ONE}, ""), ({"nested": NESTED}, ""), ({"other": OTHER}, ONE.root)],
)
def test_a_moved_tag_tells_what_it_leaves(
    registry: MemoryRegistry, client: RegistryClient, others: dict[str, SampleImage], untagged: str
) -> None:
    fill(registry, latest=ONE, many=MANY, **others)
    move = tags.plan_move(client, RepositoryTag("a", "latest"), "many")
    assert (move.changed, move.before, move.untagged) == (True, ONE.root, untagged)
    tags.execute_move(client, move)
    assert registry.tags["a", "latest"] == MANY.root


def test_a_target_in_another_repository_is_not_there(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.put("b", "1", ONE.contents, ONE.root)
    with pytest.raises(NotFound):
        tags.plan_move(client, RepositoryTag("a", "1"), ONE.root)


def test_a_registry_that_fails(server: ScriptedServer, connect: t.Callable[..., RegistryClient]) -> None:
    server.on("GET", "/v2/a/manifests/1", registry_error(403, "DENIED"))
    with pytest.raises(ResponseError, match="DENIED"):
        tags.plan_move(connect(server.url), RepositoryTag("a", "2"), "1")
