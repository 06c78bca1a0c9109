# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an image is: the tree of its manifests, and the figures people ask for."""

from __future__ import annotations

import dataclasses
import typing as t

from .client import RegistryClient
from .errors import ContentError
from .media_types import (
    CONFIG_TYPES,
    MAX_CONFIG_SIZE,
    UNKNOWN_PLATFORM,
    Descriptor,
    Manifest,
    parse_json_object,
    platform_of,
)

MAX_DEPTH = 4
"""Levels of indexes that are followed; real images have one, rarely two."""

MAX_MANIFESTS = 1000
"""Manifests in one image, over all levels."""


class ContentReader(t.Protocol):
    """Reads verified content by digest, from wherever an image is."""

    def manifest(self, descriptor: Descriptor) -> Manifest:
        """Return a manifest or index."""

    def small_blob(self, descriptor: Descriptor, *, limit: int) -> bytes:
        """Return a blob of at most ``limit`` bytes."""


@dataclasses.dataclass(frozen=True)
class ImageDetails:
    """``size`` is the bytes of all manifests, configs and layers of all platforms, each digest counted once."""

    digest: str
    media_type: str
    size: int
    platforms: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Image:
    """All manifests of an image, each once, children before the index that names them, so the root is the last."""

    manifests: tuple[Manifest, ...]
    platforms: tuple[str, ...]

    @property
    def root(self) -> Manifest:
        """What a tag points at."""
        return self.manifests[-1]

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """All configs and layers, each digest once."""
        return tuple({blob.digest: blob for manifest in self.manifests for blob in manifest.blobs}.values())

    @property
    def details(self) -> ImageDetails:
        """The figures of the image."""
        size = sum(len(manifest.raw) for manifest in self.manifests) + sum(blob.size for blob in self.blobs)
        return ImageDetails(self.root.digest, self.root.media_type, size, self.platforms)


def load_image(reader: ContentReader, root: Manifest) -> Image:
    """Read all manifests below ``root``, and the platform of those whose index does not name it.

    :raises ContentError: if indexes nest deeper than :data:`MAX_DEPTH` or name more than :data:`MAX_MANIFESTS`.
    """
    found: dict[str, Manifest] = {}
    platforms: dict[str, None] = {}

    def visit(manifest: Manifest, platform: str, depth: int) -> None:
        if depth > MAX_DEPTH or len(found) + len(manifest.children) > MAX_MANIFESTS:
            raise ContentError(
                f"the image {root.digest} has too many levels or manifests.",
                hint=f"At most {MAX_DEPTH} levels and {MAX_MANIFESTS} manifests are read.",
            )
        for child in manifest.children:
            if child.digest not in found:
                visit(reader.manifest(child), child.platform, depth + 1)
        if not manifest.is_index:
            platforms[platform or _platform_in_config(reader, manifest)] = None
        found[manifest.digest] = manifest

    visit(root, "", 0)
    names = tuple(name for name in platforms if name not in ("", UNKNOWN_PLATFORM))
    return Image(tuple(found.values()), names)


class RepositoryReader:
    """Reads content of one repository of a registry."""

    def __init__(self, client: RegistryClient, repository: str) -> None:
        self.client = client
        self.repository = repository

    def manifest(self, descriptor: Descriptor) -> Manifest:
        """Return a manifest or index."""
        return self.client.get_manifest(self.repository, descriptor.digest)

    def small_blob(self, descriptor: Descriptor, *, limit: int) -> bytes:
        """Return a blob of at most ``limit`` bytes."""
        return self.client.get_blob(self.repository, descriptor, limit=limit)


class Describer:
    """Describes many images of one registry; what is known by its digest is not read again. Threads may share it."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client
        self._known: dict[str, ImageDetails] = {}

    def by_reference(self, repository: str, reference: str) -> ImageDetails:
        """Return the details of what a tag or digest names; one request if it is known by its digest."""
        root = self._client.get_manifest(repository, reference)
        known = self._known.get(root.digest)
        if known is None:
            known = load_image(RepositoryReader(self._client, repository), root).details
            self._known[root.digest] = known
        return known


def _platform_in_config(reader: ContentReader, manifest: Manifest) -> str:
    config = manifest.config
    if config is None or config.media_type not in CONFIG_TYPES:
        return ""
    raw = reader.small_blob(config, limit=MAX_CONFIG_SIZE)
    return platform_of(parse_json_object(raw, where=f"the image configuration {config.digest}"))
