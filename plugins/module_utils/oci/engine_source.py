# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An image of a Docker engine, ``docker-daemon:``, read from the archive that the engine makes of it.

Engines come in two kinds. With a graph driver they keep layers unpacked, and have no manifest: one is made, as of a
docker-archive. With containerd's store they keep what came from the registry, byte for byte: it is read as a layout.
"""

from __future__ import annotations

import threading
import typing as t

from .compressed_layers import UnpackedLayers
from .docker_archive import DockerArchiveSource, is_image
from .engine_exports import EngineExports
from .errors import ArchiveError
from .file_tree import SharedTree
from .media_types import Descriptor, Manifest
from .oci_layout import LayoutSource
from .origin import Origin
from .streamed_archive import StreamedArchive
from .streams import Readable


class EngineSource:
    """One image of an engine. It is asked for its ID at once, and for its content only if that is needed."""

    def __init__(self, exports: EngineExports, name: str, *, owns: bool = True) -> None:
        """Find the image.

        :param exports: the engine, and the archives of it that images may share.
        :param name: a reference or an image ID.
        :param owns: whether the archives are closed with the source.
        :raises EngineError: if the engine does not answer or has no such image.
        """
        self._exports = exports
        self._owns = owns
        self._where = f"docker-daemon:{name}"
        self._image = exports.engine.image(name)
        self._unpacked = UnpackedLayers(() if self._image.is_layout else self._image.diff_ids, self._image.platform)
        self._archive: LayoutSource | DockerArchiveSource | None = None
        self._lock = threading.Lock()

    def known_digest(self) -> str:
        """Return the ID if the engine keeps manifests: it is their digest."""
        return self._image.id if self._image.is_layout else ""

    def want(self) -> bool:
        """Say that the image will be read. It then comes in one archive with all others that are wanted."""
        self._exports.want(self._image, self._unpacked)
        return True

    def unpacked(self) -> UnpackedLayers | None:
        """Return the layers of an image that the engine keeps unpacked."""
        return self._unpacked if self._unpacked.diff_ids else None

    def is_same(self, present: Manifest) -> bool:
        """Tell by the ID whether a manifest is this image."""
        if self._image.is_layout:
            return present.digest == self._image.id
        return is_image(present, self._image.id, len(self._image.diff_ids))

    def platform(self) -> str:
        """Return the platform; empty for containerd's store, where an image may have several."""
        return "" if self._image.is_layout else self._image.platform

    def root(self) -> Manifest:
        """Return the manifest or index, which takes the engine's archive."""
        return self._opened().root()

    def manifest(self, descriptor: Descriptor) -> Manifest:
        """Return a manifest or index."""
        return self._opened().manifest(descriptor)

    def small_blob(self, descriptor: Descriptor, *, limit: int) -> bytes:
        """Return a blob of at most ``limit`` bytes."""
        return self._opened().small_blob(descriptor, limit=limit)

    def open_blob(self, descriptor: Descriptor) -> Readable:
        """Open a blob; its digest is verified while it is read."""
        return self._opened().open_blob(descriptor)

    def check(self, blobs: t.Sequence[Descriptor]) -> None:
        """Verify blobs by reading them."""
        self._opened().check(blobs)

    def mountable_from(self, _origin: Origin) -> str:
        """Return an empty string: an engine is no registry."""
        return ""

    def place(self) -> tuple[str, str]:
        """Return the image."""
        return "", f"{self._exports.engine.address} {self._image.id}"

    def close(self) -> None:
        """Remove the archive, if it is nobody else's."""
        if self._archive is not None:
            self._archive.close()
        if self._owns:
            self._exports.close()

    def _opened(self) -> LayoutSource | DockerArchiveSource:
        with self._lock:
            if self._archive is None:
                self._archive = self._read()
            return self._archive

    def _read(self) -> LayoutSource | DockerArchiveSource:
        tree = self._exports.tree(self._image, self._unpacked)
        shared = SharedTree(tree, path=self._where)
        if self._image.is_layout:
            return LayoutSource(shared, self._image.id)
        archive = DockerArchiveSource(
            shared,
            image_id=self._image.id,
            temp_dir=self._exports.temp_dir,
            streamed=tree if isinstance(tree, StreamedArchive) else None,
            known=self._unpacked.known,
        )
        if archive.image_id != self._image.id:
            raise ArchiveError(
                f"the engine at {self._exports.engine.address} sent {archive.image_id}, asked for {self._image.id}.",
                hint="Look into the engine's log.",
            )
        return archive
