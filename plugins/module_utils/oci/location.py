# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Image locations as skopeo and podman write them.

``docker://``, ``docker-daemon:``, ``oci:``, ``oci-archive:``, ``docker-archive:``.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .errors import InvalidReference
from .reference import Reference, parse_digest, parse_reference

ArchiveKind = t.Literal["oci", "oci-archive", "docker-archive"]

DEFAULT_DOCKER_HOST = "unix:///var/run/docker.sock"
"""The engine of ``docker-daemon:``, unless another is named."""

_SHAPES = (
    "docker://[host[:port]/]repository[:tag][@digest], docker-daemon:name[:tag], docker-daemon:sha256:<image ID>, "
    "oci:/path[:tag], oci-archive:/path[:tag], docker-archive:/path[:name:tag]"
)


@dataclasses.dataclass(frozen=True)
class RegistryLocation:
    """``docker://``: an image on a registry."""

    reference: Reference

    def __str__(self) -> str:
        return f"docker://{self.reference}"


@dataclasses.dataclass(frozen=True)
class EngineLocation:
    """``docker-daemon:``: an image of the Docker engine; ``name`` is a whole reference, or an ID with ``sha256:``."""

    name: str

    def __str__(self) -> str:
        return f"docker-daemon:{self.name}"


@dataclasses.dataclass(frozen=True)
class ArchiveLocation:
    """An image in a directory or archive; ``selector`` chooses one of several and is empty if there is only one."""

    kind: ArchiveKind
    path: str
    selector: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.path}{':' if self.selector else ''}{self.selector}"


Location = t.Union[RegistryLocation, EngineLocation, ArchiveLocation]


def parse_location(text: str) -> Location:
    """Parse the place of an image. As in skopeo, a path ends at its first colon.

    :raises InvalidReference: for an unknown transport or an empty path; the hint shows the shapes.
    """
    transport, colon, rest = text.partition(":")
    if transport == "docker" and rest.startswith("//"):
        return RegistryLocation(parse_reference(rest[2:]))
    if transport == "docker-daemon" and rest:
        return EngineLocation(parse_digest(rest) if rest.startswith("sha256:") else str(parse_reference(rest)))
    if colon and transport in t.get_args(ArchiveKind):
        path, _colon, selector = rest.partition(":")
        if path and "\0" not in path:
            return ArchiveLocation(t.cast(ArchiveKind, transport), path, selector)
    raise InvalidReference(f"{text!r} is not the location of an image.", hint=f"Use one of {_SHAPES}.")
