# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the image that is asked for to the one that is deployed: the same on every node, whatever its tag names tomorrow."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..oci.client import RegistryClient
from ..oci.errors import ConnectionFailed, NotFound
from ..oci.image_config import parse_image_config
from ..oci.media_types import CONFIG_TYPES, MAX_CONFIG_SIZE, UNKNOWN_PLATFORM
from ..oci.origin import Origin, parse_host_port
from ..oci.reference import DOCKER_HUB, Reference, parse_reference
from ..oci.source import connect_source
from ..oci.tag_order import sort_tags
from ..oci.tags import get_named, nearest_tags
from .drain import Start
from .errors import SwarmError

_ID = re.compile(r"sha256:[0-9a-f]{64}")
_MOST_TAGS = 5
_HUB_ADDRESS = "https://index.docker.io/v1/"

MakeClient = t.Callable[[Origin], RegistryClient]


class ImageMissing(SwarmError):
    """A registry that does not have the image."""


def parse_image(text: str) -> Reference | None:
    """Return the reference that an image is asked for by, None for the ID of one that the nodes have.

    :raises InvalidReference: if it is neither.
    """
    return None if _ID.fullmatch(text) else parse_reference(text)


def origin_of(reference: Reference) -> Origin:
    """Return the registry of an image as logins know it."""
    return parse_host_port(reference.api_host).origin("https")


def login_address(reference: Reference) -> str:
    """Return the registry of an image as the engine wants it beside a login."""
    return _HUB_ADDRESS if reference.registry == DOCKER_HUB else reference.registry


def open_registry(reference: Reference, make_client: MakeClient, *, insecure: bool = False) -> RegistryClient:
    """Return a client of an image's registry; the caller closes it.

    :param make_client: makes a client for an origin; the caller has set its login and trust.
    :param insecure: whether the engine does without TLS for this registry, so that plain http may be tried, too.
    """
    if not insecure:
        return connect_source(reference, make_client).client
    server = parse_host_port(reference.api_host)
    client = make_client(server.origin("https"))
    try:
        client.ping()
        return client
    except ConnectionFailed:
        client.close()
    return make_client(server.origin("http"))


def pin(client: RegistryClient, reference: Reference) -> Reference:
    """Return the image with its digest; the tag stays for people, nodes go by the digest.

    :raises ImageMissing: if the registry does not have it; the nearest tags are told.
    """
    found = client.head_manifest(reference.repository, reference.target)
    digest = found.digest if found else _find(client, reference)
    return dataclasses.replace(reference, digest=digest)


def read_start(client: RegistryClient, reference: Reference) -> Start:
    """Return how an image is run; of several platforms the first one's, as what runs is the same on all of them.

    :param reference: the image, with its digest.
    :raises SwarmError: if it is none, but an artifact.
    """
    manifest = client.get_manifest(reference.repository, reference.target)
    while manifest.is_index:
        images = [child for child in manifest.children if child.platform != UNKNOWN_PLATFORM]
        if not images:
            break
        manifest = client.get_manifest(reference.repository, images[0].digest)
    if manifest.config is None or manifest.config.media_type not in CONFIG_TYPES:
        raise SwarmError(f"{reference} is no image, so that there is nothing to run.")
    raw = client.get_blob(reference.repository, manifest.config, limit=MAX_CONFIG_SIZE)
    config = parse_image_config(raw, where=f"the configuration of {reference}")
    return Start(config.entrypoint or [], config.cmd or [], config.stop_signal or "")


def shown_image(text: str, reference: Reference | None) -> str:
    """Return the image as it is deployed: short names made long only where a digest was added."""
    return text if reference is None or not reference.digest else str(reference)


def digest_of(image: str) -> str:
    """Return the digest in the name of an image that is deployed, or an empty text."""
    return image.partition("@")[2]


def _find(client: RegistryClient, reference: Reference) -> str:
    """Say what the registry has instead, or return the digest, if it has got the image at this very moment."""
    try:
        return get_named(client, reference.repository, reference.target).digest
    except NotFound as error:
        hint = _what_there_is(client, reference) if error.is_registrys_own else error.hint
        raise ImageMissing(f"the registry {reference.registry} has no {reference.local}.", hint=hint) from error


def _what_there_is(client: RegistryClient, reference: Reference) -> str:
    tags = client.find_tags(reference.repository)
    if tags is None:
        return f"It has nothing called {reference.repository}."
    near = nearest_tags(client, reference.repository, reference.tag or "")
    if near:
        return f"The nearest tags of {reference.repository} are {', '.join(near)}."
    newest = sort_tags(tags, others="last", reverse=True)[:_MOST_TAGS]
    return f"The newest tags of {reference.repository} are {', '.join(newest)}." if newest else "It has no tags there."
