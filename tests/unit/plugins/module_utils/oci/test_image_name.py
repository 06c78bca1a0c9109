# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of exported images."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidReference
from ansible_collections.dockyard.registry.plugins.module_utils.oci.image_name import (
    ImageName,
    locate,
    name_image,
    parse_destination,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import Reference, parse_local_reference

ORIGIN = parse_registry_url("https://registry.example.com")
DIGEST = f"sha256:{'1' * 64}"


def name_of(dest: str, image: str = "team/app:1", url: str = "https://registry.example.com") -> ImageName:
    origin = parse_registry_url(url)
    return name_image(parse_destination(dest), parse_local_reference(image, origin.authority), origin)


@pytest.mark.parametrize(
    ("text", "tag", "digest"),
    [
        ("team/app", "latest", None),
        ("team/app:1", "1", None),
        (f"team/app@{DIGEST}", None, DIGEST),
        (f"team/app:1@{DIGEST}", "1", DIGEST),
    ],
)
def test_images(text: str, tag: str | None, digest: str | None) -> None:
    assert parse_local_reference(text, ORIGIN.authority) == Reference("registry.example.com", "team/app", tag, digest)


@pytest.mark.parametrize("text", ["", "App", "a:", "a@", "a@sha256:1", "h:5000/a", "a:1:2", f"a@{DIGEST}@{DIGEST}"])
def test_bad_images(text: str) -> None:
    with pytest.raises(InvalidReference):
        parse_local_reference(text, ORIGIN.authority)


@pytest.mark.parametrize(
    ("dest", "expected"),
    [
        ("oci:/x", ImageName("1", "registry.example.com/team/app:1", "registry.example.com/team/app:1", False)),
        ("oci:/x:2", ImageName("2", "registry.example.com/team/app:2", "registry.example.com/team/app:2", True)),
        ("oci-archive:/x:a/b:2", ImageName("a/b:2", "", "", True)),
        (
            "docker-archive:/x",
            ImageName("1", "registry.example.com/team/app:1", "registry.example.com/team/app:1", False),
        ),
        ("docker-archive:/x:app", ImageName("latest", "docker.io/library/app:latest", "app:latest", True)),
        ("docker-archive:/x:app:2", ImageName("2", "docker.io/library/app:2", "app:2", True)),
        ("docker-archive:/x:h:5000/app", ImageName("latest", "h:5000/app:latest", "h:5000/app:latest", True)),
    ],
)
def test_names(dest: str, expected: ImageName) -> None:
    assert name_of(dest) == expected


@pytest.mark.parametrize(
    ("url", "full"),
    [
        ("http://127.0.0.1:5000", "127.0.0.1:5000/team/app:1"),
        ("http://[::1]:5000", "[::1]:5000/team/app:1"),
        ("http://localhost", "localhost/team/app:1"),
        # Docker would take registry/team/app for a repository on Docker Hub.
        ("https://registry", "registry:443/team/app:1"),
        ("http://registry", "registry:80/team/app:1"),
        # Docker has one name for Docker Hub.
        ("https://registry-1.docker.io", "docker.io/team/app:1"),
    ],
)
def test_the_registry_in_a_name(url: str, full: str) -> None:
    assert name_of("docker-archive:/x", url=url).docker == full


@pytest.mark.parametrize(
    ("dest", "image", "problem"),
    [
        ("oci:/x", f"team/app@{DIGEST}", "Write the tag before the digest, or :tag behind the path"),
        ("docker-archive:/x", f"team/app@{DIGEST}", "or :name:tag behind the path"),
        ("oci:/x:-1", "a", "is not a tag"),
        ("oci:/x:a b", "a", "is not a tag"),
        (f"oci:/x:{DIGEST}", "a", "is not a tag"),
        (f"docker-archive:/x:a@{DIGEST}", "a", "holds a digest"),
        ("docker-archive:/x:A", "a", "lower-case"),
        ("docker://h/x", "a", "Use the module image"),
        ("dir:/x", "a", "is not the location of an image"),
    ],
)
def test_what_gives_no_name(dest: str, image: str, problem: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        name_of(dest, image)
    assert problem in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    for kind in ("oci", "docker-archive"):
        with contextlib.suppress(InvalidReference):
            location = parse_destination(f"{kind}:/x:{text}")
            name = name_image(location, Reference("registry.example.com", "a", "1"), ORIGIN)
            # What is written is what is found again under the location that is returned.
            again = name_image(locate(location, name), Reference("registry.example.com", "a", "1"), ORIGIN)
            assert (again.ref, again.full, again.docker) == (name.ref, name.full, name.docker)
