# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An image of a Docker engine, ``docker-daemon:``, read from the archive that the engine makes of it.

Engines come in two kinds. With a graph driver they keep layers unpacked, and have no manifest: one is made, as of a
docker-archive. With containerd's store they keep what came from the registry, byte for byte: it is read as a layout.
"""

from __future__ import annotations

import shutil
import tempfile
import typing as t

from .docker_archive import DockerArchiveSource, is_image
from .engine import Engine
from .errors import ArchiveError, RegistryError
from .file_tree import TarTree
from .media_types import Descriptor, Manifest
from .oci_layout import LayoutSource
from .origin import Origin
from .streams import Readable

_MIB = 1024 * 1024


class EngineSource:
    """One image of an engine. It is asked for its ID at once, and for its content only if that is needed."""

    def __init__(self, engine: Engine, name: str, *, temp_dir: str | None = None) -> None:
        """Find the image.

        :param name: a reference or an image ID.
        :param temp_dir: where the engine's archive and compressed layers may be kept; the system's folder if None.
        :raises EngineError: if the engine does not answer or has no such image.
        """
        self._engine = engine
        self._where = f"docker-daemon:{name}"
        self._temp_dir = temp_dir
        self._image = engine.image(name)
        self._archive: LayoutSource | DockerArchiveSource | None = None

    def known_digest(self) -> str:
        """Return the ID if the engine keeps manifests: it is their digest."""
        return self._image.id if self._image.is_layout else ""

    def is_same(self, present: Manifest) -> bool:
        """Tell by the ID whether a manifest is this image."""
        if self._image.is_layout:
            return present.digest == self._image.id
        return is_image(present, self._image.id, self._image.layers)

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
        return "", f"{self._engine.address} {self._image.id}"

    def close(self) -> None:
        """Remove the archive."""
        if self._archive is not None:
            self._archive.close()

    def _opened(self) -> LayoutSource | DockerArchiveSource:
        if self._archive is None:
            tree = self._fetch()
            try:
                self._archive = self._read(tree)
            except RegistryError:
                tree.close()
                raise
        return self._archive

    def _fetch(self) -> TarTree:
        """Return the engine's archive, in a file without a name that goes when it is closed."""
        folder = self._temp_dir or tempfile.gettempdir()
        # Layers that are compressed here stand beside the archive; half their size is what most come to.
        needed = self._image.size if self._image.is_layout else self._image.size * 3 // 2
        try:
            free = shutil.disk_usage(folder).free
            if free < needed:
                raise ArchiveError(
                    f"{self._where} needs about {needed // _MIB + 1} MiB in {folder}, which has {free // _MIB}.",
                    hint=_ROOM,
                )
            file = tempfile.TemporaryFile(dir=folder, prefix="dockyard-image-")
            try:
                self._engine.export(self._image.id, file)
                file.flush()
            except BaseException:
                file.close()
                raise
        except OSError as error:
            raise ArchiveError(
                f"{self._where} could not be kept in {folder}: {error.strerror or error}.", hint=_ROOM
            ) from error
        return TarTree(self._where, file)

    def _read(self, tree: TarTree) -> LayoutSource | DockerArchiveSource:
        if self._image.is_layout:
            return LayoutSource(tree, self._image.id)
        archive = DockerArchiveSource(tree, temp_dir=self._temp_dir)
        if archive.image_id != self._image.id:
            raise ArchiveError(
                f"the engine at {self._engine.address} sent {archive.image_id}, asked for {self._image.id}.",
                hint="Look into the engine's log.",
            )
        return archive


_ROOM = "Ansible's remote_tmp on that host names the folder: give it room, or name another."
