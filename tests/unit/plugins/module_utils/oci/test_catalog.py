# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalog: names, details, and going on past what cannot be read."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.catalog import read_catalog
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ResponseError, Unauthorized
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import index_image, platform_image
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry

ONE, MANY = platform_image(), index_image()


@pytest.fixture
def client(registry: MemoryRegistry, connect: t.Callable[..., RegistryClient]) -> RegistryClient:
    registry.put("team/b", "2", ONE.contents, ONE.root)
    registry.put("team/b", "1", MANY.contents, MANY.root)
    registry.put("team/a", "x", MANY.contents, MANY.root)
    return connect(registry.url)


def test_all_is_sorted_and_described(client: RegistryClient) -> None:
    catalog = read_catalog(client)
    assert not catalog.failures
    assert [(repository.name, [tag.name for tag in repository.tags]) for repository in catalog.repositories] == [
        ("team/a", ["x"]),
        ("team/b", ["1", "2"]),
    ]
    many, one = (tag.details for tag in catalog.repositories[1].tags)
    assert many is not None and one is not None
    assert (many.digest, many.size, many.platforms) == (MANY.root, MANY.size, ("linux/amd64", "linux/arm64"))
    assert (one.digest, one.size, one.platforms) == (ONE.root, ONE.size, ("linux/amd64",))


def test_names_only_cost_no_request_for_a_tag(registry: MemoryRegistry, client: RegistryClient) -> None:
    catalog = read_catalog(client, details=False)
    assert [tag.details for repository in catalog.repositories for tag in repository.tags] == [None, None, None]
    assert sorted(registry.log) == [
        "GET /v2/_catalog?n=1000",
        "GET /v2/team/a/tags/list?n=1000",
        "GET /v2/team/b/tags/list?n=1000",
    ]


def test_pages(registry: MemoryRegistry, connect: t.Callable[..., RegistryClient]) -> None:
    registry.max_entries = 100
    for number in range(250):
        registry.manifests[f"r{number:03}", "x"] = (b"", "")
    registry.tags.update({("r000", f"t{number:03}"): "x" for number in range(101)})
    catalog = read_catalog(connect(registry.url), details=False)
    assert [repository.name for repository in catalog.repositories] == [f"r{number:03}" for number in range(250)]
    assert len(catalog.repositories[0].tags) == 101


def test_only_some_repositories(registry: MemoryRegistry, client: RegistryClient) -> None:
    catalog = read_catalog(client, repositories=["team/b", "not/there", "team/b"], details=False)
    assert [(repository.name, len(repository.tags)) for repository in catalog.repositories] == [
        ("not/there", 0),
        ("team/b", 2),
    ]
    assert not [line for line in registry.log if "_catalog" in line]


def test_no_repositories_at_all(client: RegistryClient) -> None:
    assert read_catalog(client, repositories=[]).repositories == ()


def test_what_cannot_be_read_is_told_beside_the_rest(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.broken = {
        "GET /v2/team/a/tags/list": (403, "DENIED"),
        "GET /v2/team/b/manifests/1": (404, "MANIFEST_UNKNOWN"),
    }
    catalog = read_catalog(client)
    assert [(failure.repository, failure.tag, type(failure.error).__name__) for failure in catalog.failures] == [
        ("team/a", "", "Unauthorized"),
        ("team/b", "1", "NotFound"),
    ]
    (repository,) = catalog.repositories
    assert [(tag.name, tag.details is None) for tag in repository.tags] == [("1", True), ("2", False)]


def test_a_catalog_that_breaks_off(
    registry: MemoryRegistry, client: RegistryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def repositories() -> t.Iterator[str]:
        yield "team/b"
        raise ResponseError("GET", "http://x/v2/_catalog", 500)

    monkeypatch.setattr(client, "repositories", repositories)
    catalog = read_catalog(client, details=False)
    assert [repository.name for repository in catalog.repositories] == ["team/b"]
    assert [(failure.repository, failure.tag) for failure in catalog.failures] == [("", "")]


def test_nothing_can_be_read(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.broken["GET /v2/_catalog"] = (401, "UNAUTHORIZED")
    with pytest.raises(Unauthorized):
        read_catalog(client)


def test_what_is_known_by_its_digest_is_not_read_again(registry: MemoryRegistry, client: RegistryClient) -> None:
    registry.tags.update({("team/b", f"copy{number}"): MANY.root for number in range(5)})
    read_catalog(client, repositories=["team/b"], threads=1)
    children = [line for line in registry.log if "/manifests/sha256" in line]
    assert len(children) == len(set(children)) == 3
