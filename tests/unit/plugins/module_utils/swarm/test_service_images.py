# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image that is deployed: pinned by its registry, or refused with what the registry has."""

from __future__ import annotations

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidReference
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import parse_reference
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.drain import Start
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.errors import SwarmError
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.images import (
    ImageMissing,
    digest_of,
    login_address,
    open_registry,
    origin_of,
    parse_image,
    pin,
    read_start,
    shown_image,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci import images

SAMPLE = images.platform_image("amd64")


@pytest.fixture
def authority(registry):
    """The registry's name, with an image in it."""
    for tag in ("1.26", "1.27"):
        registry.put("team/web", tag, SAMPLE.contents, SAMPLE.root)
    return registry.url.partition("://")[2]


def pinned(text, authority, make=RegistryClient, **settings):
    reference = parse_reference(f"{authority}/{text}")
    with open_registry(reference, make, **settings) as client:
        return pin(client, reference)


def started(text, authority):
    reference = pinned(text, authority)
    with open_registry(reference, RegistryClient) as client:
        return read_start(client, reference)


def test_a_tag_becomes_a_digest_and_stays(authority):
    found = pinned("team/web:1.27", authority)
    assert str(found) == f"{authority}/team/web:1.27@{SAMPLE.root}"
    assert shown_image("x", found) == str(found)
    assert digest_of(str(found)) == SAMPLE.root


def test_a_digest_must_be_there_too(authority):
    assert pinned(f"team/web@{SAMPLE.root}", authority).digest == SAMPLE.root
    with pytest.raises(ImageMissing, match="has no team/web@sha256:0"):
        pinned("team/web@sha256:" + "0" * 64, authority)


def test_a_tag_that_is_not_there(authority):
    with pytest.raises(ImageMissing) as caught:
        pinned("team/web:1.28", authority)
    assert str(caught.value) in {
        f"the registry {authority} has no team/web:1.28. The nearest tags of team/web are {tags}."
        for tags in ("1.27, 1.26", "1.26, 1.27")
    }


def test_a_tag_unlike_any_other(authority):
    with pytest.raises(ImageMissing, match=r"has no team/web:latest. The newest tags of team/web are 1\.27, 1\.26\."):
        pinned("team/web:latest", authority)


def test_a_repository_whose_tags_are_gone(authority, registry):
    registry.put("team/old", "1", SAMPLE.contents, SAMPLE.root)
    with RegistryClient(parse_registry_url(registry.url)) as client:
        client.delete_manifest("team/old", SAMPLE.root)
    with pytest.raises(ImageMissing, match=r"has no team/old:1\. It has"):
        pinned("team/old:1", authority)


def test_a_repository_that_is_not_there(authority):
    with pytest.raises(ImageMissing, match="has no team/shop:1. It has nothing called team/shop."):
        pinned("team/shop:1", authority)


def test_a_registry_that_the_engine_reaches_without_tls(registry, authority):
    asked = []

    def make(origin):
        asked.append(origin.scheme)
        return RegistryClient(origin)

    assert pinned("team/web:1.27", authority, make, insecure=True).digest == SAMPLE.root
    assert asked == ["https", "http"]


def test_an_insecure_registry_may_speak_tls_all_the_same(registry, authority):
    """By a client that reaches the same registry, whatever the scheme."""
    asked = []

    def make(origin):
        asked.append(origin.scheme)
        return RegistryClient(parse_registry_url(registry.url))

    assert pinned("team/web:1.27", authority, make, insecure=True).digest == SAMPLE.root
    assert asked == ["https"]


WEB = images.platform_image("amd64", runs={"Entrypoint": ["/entry"], "Cmd": ["web"], "StopSignal": "SIGQUIT"})


@pytest.mark.parametrize(
    ("image", "start"),
    [
        (WEB, Start(["/entry"], ["web"], "SIGQUIT")),
        (images.index_of((images.platform_image("unknown"), {"platform": {"os": "unknown", "architecture": "unknown"}}), WEB),
         Start(["/entry"], ["web"], "SIGQUIT")),
        (SAMPLE, Start([], [], "")),
    ],
    ids=["image", "index", "says-nothing"],
)
def test_how_an_image_is_run(registry, authority, image, start):
    registry.put("team/web", "run", image.contents, image.root)
    assert started("team/web:run", authority) == start


@pytest.mark.parametrize("image", [images.artifact_of(SAMPLE, "text/plain"), images.index_of()], ids=["artifact", "empty-index"])
def test_what_cannot_be_run(registry, authority, image):
    registry.put("team/web", "none", image.contents, image.root)
    with pytest.raises(SwarmError, match=r"team/web:none@sha256:\w+ is no image"):
        started("team/web:none", authority)


def test_images_without_a_digest_keep_their_name():
    reference = parse_image("nginx:1")
    assert shown_image("nginx:1", reference) == "nginx:1"
    assert digest_of("nginx:1") == ""


def test_an_images_id_is_no_reference():
    assert parse_image("sha256:" + "0" * 64) is None
    with pytest.raises(InvalidReference):
        parse_image("NGINX")


def test_who_a_login_is_for():
    hub, own = parse_reference("nginx"), parse_reference("registry.example.com:5000/nginx")
    assert login_address(hub) == "https://index.docker.io/v1/"
    assert login_address(own) == "registry.example.com:5000"
    assert str(origin_of(own)) == "https://registry.example.com:5000"
