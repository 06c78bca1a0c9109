# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Digests on several registries, by https, http, and one connection each."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.digests import DigestFinder
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ConnectionFailed, ContentError, NotFound
from ansible_collections.dockyard.registry.plugins.module_utils.oci.media_types import parse_manifest
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import Origin
from ansible_collections.dockyard.registry.plugins.module_utils.oci.platforms import parse_platform
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import parse_reference
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import index_image, platform_image
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry

MANY, ONE = index_image(), platform_image()


@pytest.fixture
def origins() -> list[Origin]:
    """Return the origins that were connected to."""
    return []


@pytest.fixture
def connected(origins: list[Origin], connect: t.Callable[..., RegistryClient]) -> t.Callable[[Origin], RegistryClient]:
    def make(origin: Origin) -> RegistryClient:
        origins.append(origin)
        return connect(str(origin))

    return make


def test_many_references(
    registry: MemoryRegistry,
    other_registry: MemoryRegistry,
    origins: list[Origin],
    connected: t.Callable[[Origin], RegistryClient],
) -> None:
    for memory in (registry, other_registry):
        memory.put("a", "latest", MANY.contents, MANY.root)
        memory.put("a", "1", ONE.contents, ONE.root)
    names = [f"{memory.authority}/a{tag}" for tag in ("", ":1", f"@{ONE.root}") for memory in (registry, other_registry)]
    with DigestFinder(connected) as finder:
        assert [finder.find(parse_reference(name)) for name in names] == [MANY.root] * 2 + [ONE.root] * 4
    # As Docker does on loopback: https first, then http; and each registry once.
    assert [origin.scheme for origin in origins] == ["https", "http"] * 2
    assert {line.split()[0] for line in registry.log} == {"HEAD"}


def test_plain_http(
    registry: MemoryRegistry, origins: list[Origin], connected: t.Callable[[Origin], RegistryClient]
) -> None:
    registry.put("a", "latest", ONE.contents, ONE.root)
    with DigestFinder(connected, plain_http=True) as finder:
        assert finder.find(parse_reference(f"{registry.authority}/a")) == ONE.root
    assert [str(origin) for origin in origins] == [registry.url]


def test_a_platform(registry: MemoryRegistry, connected: t.Callable[[Origin], RegistryClient]) -> None:
    registry.put("a", "1", MANY.contents, MANY.root)
    registry.put("a", "2", ONE.contents, ONE.root)
    children = parse_manifest(*MANY.contents[MANY.root], where="x").children
    many, one = (parse_reference(f"{registry.authority}/a:{tag}") for tag in "12")
    with DigestFinder(connected) as finder:
        assert finder.find(many, parse_platform("linux/arm64/v8")) == children[1].digest
        assert finder.find(one, parse_platform("linux/amd64")) == ONE.root
        for reference, there in ((many, "linux/amd64, linux/arm64"), (one, "linux/amd64")):
            with pytest.raises(ContentError) as caught:
                finder.find(reference, parse_platform("linux/s390x"))
            assert str(caught.value) == f"{reference} has no linux/s390x. It has {there}."


@pytest.mark.parametrize("name", ["a:none", "none"])
def test_what_is_not_there(
    registry: MemoryRegistry, connected: t.Callable[[Origin], RegistryClient], name: str
) -> None:
    registry.put("a", "1", ONE.contents, ONE.root)
    with DigestFinder(connected) as finder, pytest.raises(NotFound, match="MANIFEST_UNKNOWN"):
        finder.find(parse_reference(f"{registry.authority}/{name}"))


def test_no_registry(connected: t.Callable[[Origin], RegistryClient]) -> None:
    with DigestFinder(connected) as finder, pytest.raises(ConnectionFailed):
        finder.find(parse_reference("127.0.0.1:1/a"))
