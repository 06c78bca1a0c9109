# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Layers that an engine has unpacked, and the compressed forms of them that a registry has already.

An image in a registry says both: its manifest names the compressed layers, its configuration the digests of what is in
them. Who relies on that need not compress a layer again to learn the name under which it is there. Whom that trusts, and
why it may, is in docs/decisions.
"""

from __future__ import annotations

import itertools
import typing as t

from .client import RegistryClient
from .errors import RegistryError
from .media_types import (
    ALL_TYPES,
    CONFIG_TYPES,
    DOCKER_LAYER,
    MAX_CONFIG_SIZE,
    OCI_LAYER,
    Descriptor,
    Manifest,
    parse_json_object,
)
from .tag_order import sort_tags

_LOOKS = 4
"""Images that are looked into: those that a repository has now, and as many of its newest tags."""

_GZIPPED = frozenset({DOCKER_LAYER, OCI_LAYER})
"""Two names of one format. Others cannot stand in the manifest that is made of an engine's image."""


class UnpackedLayers:
    """The layers of an image, by the digests of their content; ``known`` are those that need not be compressed."""

    def __init__(self, diff_ids: t.Iterable[str], platform: str) -> None:
        """Know of no compressed form yet.

        :param platform: ``os/architecture[/variant]`` of the image.
        """
        self.diff_ids = tuple(dict.fromkeys(diff_ids))
        self.platform = platform
        self.known: dict[str, Descriptor] = {}

    @property
    def unknown(self) -> list[str]:
        """The digests of those that have to be compressed."""
        return [diff_id for diff_id in self.diff_ids if diff_id not in self.known]


def recall(
    client: RegistryClient, repository: str, images: t.Sequence[UnpackedLayers], there: t.Iterable[str]
) -> None:
    """Find out which layers a repository has in compressed form; each of them is asked for. Writes nothing.

    Only images of the repository that is written to are believed: whoever can put one there can put anything there.

    :param there: digests of images that it has. Its newest tags are looked into, too, if they are of no use.
    """
    wanted = frozenset(diff_id for image in images for diff_id in image.unknown)
    platforms = frozenset(image.platform for image in images)
    found: dict[str, Descriptor] = {}
    try:
        for reference in itertools.chain(itertools.islice(dict.fromkeys(there), _LOOKS), _newest(client, repository)):
            if all(any(diff_id in found for diff_id in image.unknown) for image in images):
                break
            for manifest in _manifests(client, repository, reference, platforms):
                for diff_id, layer in _layers(client, repository, manifest):
                    if diff_id in wanted and diff_id not in found and client.head_blob(repository, layer.digest):
                        found[diff_id] = layer
    except RegistryError:
        pass  # what is not known is compressed; whatever is wrong shows when it is sent
    for image in images:
        image.known.update((diff_id, found[diff_id]) for diff_id in image.diff_ids if diff_id in found)


def _newest(client: RegistryClient, repository: str) -> t.Iterator[str]:
    tags = client.find_tags(repository) or ()
    yield from sort_tags(tags, others="last", reverse=True)[:_LOOKS]


def _manifests(
    client: RegistryClient, repository: str, reference: str, platforms: t.Collection[str]
) -> t.Iterator[Manifest]:
    """Yield an image, or those images of an index that are for some platforms."""
    if ":" not in reference:
        there = client.head_manifest(repository, reference)
        if there is None or there.media_type not in ALL_TYPES:
            return
        reference = there.digest
    root = client.get_manifest(repository, reference)
    if not root.is_index:
        yield root
    for child in [child for child in root.children if child.platform in platforms][:_LOOKS]:
        manifest = client.get_manifest(repository, child.digest)
        if not manifest.is_index:
            yield manifest


def _layers(client: RegistryClient, repository: str, manifest: Manifest) -> t.Iterator[tuple[str, Descriptor]]:
    """Yield the layers of an image with the digests of what is in them, as its configuration says."""
    config = manifest.config
    if config is None or config.media_type not in CONFIG_TYPES:
        return
    raw = client.get_blob(repository, config, limit=MAX_CONFIG_SIZE)
    rootfs = parse_json_object(raw, where=f"{repository}: {config.digest}").get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list) or len(diff_ids) != len(manifest.layers):
        return
    for diff_id, layer in zip(diff_ids, manifest.layers):
        if isinstance(diff_id, str) and layer.media_type in _GZIPPED and not layer.urls:
            yield diff_id, Descriptor(DOCKER_LAYER, layer.digest, layer.size)
