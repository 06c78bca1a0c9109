# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locations of images."""

from __future__ import annotations

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidReference
from ansible_collections.dockyard.registry.plugins.module_utils.oci.location import (
    ArchiveLocation,
    EngineLocation,
    RegistryLocation,
    parse_location,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("oci:/a/b", ArchiveLocation("oci", "/a/b")),
        ("oci:/a/b:1.0", ArchiveLocation("oci", "/a/b", "1.0")),
        ("oci-archive:a.tar:x", ArchiveLocation("oci-archive", "a.tar", "x")),
        ("docker-archive:/a.tar:host:5000/x:1", ArchiveLocation("docker-archive", "/a.tar", "host:5000/x:1")),
    ],
)
def test_archives(text: str, expected: ArchiveLocation) -> None:
    location = parse_location(text)
    assert location == expected
    assert str(location) == text


def test_registries() -> None:
    location = parse_location("docker://nginx")
    assert isinstance(location, RegistryLocation)
    assert str(location) == "docker://docker.io/library/nginx:latest"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("docker-daemon:nginx", "docker.io/library/nginx:latest"),
        ("docker-daemon:localhost:5000/team/x:1.0", "localhost:5000/team/x:1.0"),
        (f"docker-daemon:x@sha256:{'0' * 64}", f"docker.io/library/x@sha256:{'0' * 64}"),
        (f"docker-daemon:sha256:{'a' * 64}", f"sha256:{'a' * 64}"),
    ],
)
def test_engines(text: str, name: str) -> None:
    location = parse_location(text)
    assert location == EngineLocation(name)
    assert str(location) == f"docker-daemon:{name}"


@pytest.mark.parametrize(
    "text", ["docker-daemon:sha256:abc", "docker-daemon:Nginx", "docker-daemon://x", "docker-daemon: x"]
)
def test_names_that_no_engine_has(text: str) -> None:
    with pytest.raises(InvalidReference):
        parse_location(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nginx",
        "docker:nginx",
        "docker:/x",
        "docker-daemon:",
        "docker-daemon",
        "oci",
        "oci:",
        "oci::tag",
        "/a.tar",
        "dir:/x",
        "oci:a\0b",
    ],
)
def test_no_locations(text: str) -> None:
    with pytest.raises(InvalidReference, match="docker-archive:"):
        parse_location(text)
