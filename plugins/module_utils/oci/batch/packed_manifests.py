# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manifests that wait to be written: lists of images have thousands, and what is read from one is ten times its bytes."""

from __future__ import annotations

import typing as t
import zlib

from ..media_types import Descriptor, Manifest, parse_manifest


class PackedManifest:
    """A manifest that names no other and is about no other: compressed, and read again when it is asked for its blobs."""

    __slots__ = ("media_type", "digest", "_data")

    children: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None

    def __init__(self, manifest: Manifest) -> None:
        self.media_type = manifest.media_type
        self.digest = manifest.digest
        self._data = zlib.compress(manifest.raw, 1)

    @property
    def raw(self) -> bytes:
        """The exact bytes."""
        return zlib.decompress(self._data)

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The config and layers that the registry must hold, each digest once."""
        return parse_manifest(self.raw, self.media_type, where=self.digest, digest=self.digest).blobs

    @property
    def bare(self) -> Manifest:
        """What is written: the bytes, without what they say."""
        return Manifest(self.raw, self.media_type, self.digest)


AnyManifest = t.Union[Manifest, PackedManifest]


def packed(manifest: Manifest) -> AnyManifest:
    """Return a manifest as small as may be. One that is about another is kept as it is, since it may have to be listed."""
    return manifest if manifest.children or manifest.subject else PackedManifest(manifest)
