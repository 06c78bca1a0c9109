# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names an exported image gets: what the place it goes to says, or else its own on the registry."""

from __future__ import annotations

import dataclasses
import re

from .errors import InvalidReference, RegistryError
from .location import ArchiveLocation, EngineLocation, RegistryLocation, parse_location
from .origin import Origin
from .reference import Reference, parse_digest, parse_reference, parse_tag

_ALPHANUMERIC = "[A-Za-z0-9]+"
_REF_COMPONENT = rf"{_ALPHANUMERIC}(?:(?:[-._:@+]|--){_ALPHANUMERIC})*"
_REF_NAME = re.compile(rf"{_REF_COMPONENT}(?:/{_REF_COMPONENT})*")
"""OCI image spec, "Pre-Defined Annotation Keys": the grammar of a ref name."""


@dataclasses.dataclass(frozen=True)
class ImageName:
    """What an image is called in a layout or archive.

    ``ref`` is the tag that OCI readers know, ``full`` the name that containerd knows (empty if ``ref`` is no tag),
    ``docker`` the name that ``docker load`` gives. ``chosen`` says that the user wrote it behind the path.
    """

    ref: str
    full: str
    docker: str
    chosen: bool

    def __str__(self) -> str:
        return self.full or self.ref


def parse_destination(text: str) -> ArchiveLocation:
    """Parse the place an image is exported to; the same grammar as that of a source.

    :raises InvalidReference: if it is none, or a registry.
    """
    location = parse_location(text)
    if isinstance(location, RegistryLocation):
        raise InvalidReference(
            f"{text!r} is a registry.", hint="Use the module image, which copies from one registry to another."
        )
    if isinstance(location, EngineLocation):
        raise InvalidReference(
            f"{text!r} is a Docker engine.", hint="Have it pull the image, or load a docker-archive: with docker load."
        )
    return location


def name_image(location: ArchiveLocation, reference: Reference, origin: Origin) -> ImageName:
    """Return the names an image gets at a place.

    :raises InvalidReference: if the place's is no name, or neither the place nor the reference has one.
    """
    if not location.selector and not reference.tag:
        shape = ":name:tag" if location.kind == "docker-archive" else ":tag"
        raise InvalidReference(
            f"{reference.local} has no tag, so the image in {location} would have no name.",
            hint=f"Write the tag before the digest, or {shape} behind the path.",
        )
    if location.kind == "docker-archive" and location.selector:
        return _docker_name(location.selector)
    tag = location.selector or reference.tag or ""
    if not _REF_NAME.fullmatch(tag) or _is_digest(tag):
        raise InvalidReference(f"{tag!r} is not a tag.", hint="Give the image a tag behind the path, such as :1.0.")
    full = str(parse_reference(f"{_registry(origin)}/{reference.repository}:{tag}")) if _is_tag(tag) else ""
    return ImageName(tag, full, full, bool(location.selector))


def locate(location: ArchiveLocation, name: ImageName) -> ArchiveLocation:
    """Return a place with the name that the image has there."""
    return dataclasses.replace(location, selector=name.docker if location.kind == "docker-archive" else name.ref)


def _docker_name(selector: str) -> ImageName:
    name = parse_reference(selector)
    if name.digest:
        raise InvalidReference(f"{selector!r} holds a digest.", hint="An image is given a name:tag.")
    tag = name.tag or ""
    docker = selector if selector.endswith(f":{tag}") else f"{selector}:{tag}"
    return ImageName(tag, str(name), docker, True)


def _registry(origin: Origin) -> str:
    """Return ``host[:port]`` in a form that Docker does not take for a part of a repository on Docker Hub."""
    if origin.host != "localhost" and not re.search(r"[.:]", origin.authority):
        return f"{origin.host}:{origin.port}"
    return origin.authority


def _is_tag(text: str) -> bool:
    try:
        parse_tag(text)
    except RegistryError:
        return False  # a ref name may be more than a tag, a path for example
    return True


def _is_digest(text: str) -> bool:
    try:
        parse_digest(text)
    except RegistryError:
        return False  # which is what a name should be
    return True
