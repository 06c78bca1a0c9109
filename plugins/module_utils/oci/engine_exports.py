# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images of one engine that come in one archive: what they share is sent, read and compressed once."""

from __future__ import annotations

import shutil
import tempfile
import threading
import typing as t

from .compressed_layers import UnpackedLayers
from .engine import Engine, EngineImage
from .errors import ArchiveError
from .file_tree import TarTree
from .saved_layers import LayerNames
from .streamed_archive import StreamedArchive
from .streams import Readable, read_chunks

_MIB = 1024 * 1024
_ROOM = "Ansible's remote_tmp on that host names the folder: give it room, or name another."


class EngineExports:
    """The archives of an engine. Threads may share it. Close it when no image is read any more."""

    def __init__(self, engine: Engine, temp_dir: str | None = None) -> None:
        """Ask for nothing yet.

        :param temp_dir: where archives may be kept; the system's folder if None.
        """
        self.engine = engine
        self.temp_dir = temp_dir
        self._lock = threading.Lock()
        self._wanted: dict[str, EngineImage] = {}
        self._unpacked: list[UnpackedLayers] = []
        self._trees: dict[str, TarTree] = {}
        self._fetched: list[TarTree] = []

    def want(self, image: EngineImage, layers: UnpackedLayers) -> None:
        """Say that an image will be read.

        :param layers: those of the image; what is known of them by the time of the first call of :meth:`tree` is spared.
        """
        with self._lock:
            if not self._has(image, layers):
                self._wanted[image.id] = image
                self._unpacked.append(layers)

    def tree(self, image: EngineImage, layers: UnpackedLayers) -> TarTree:
        """Return an archive that has an image. The first call takes all images that are wanted by then.

        :param layers: those of the image; the archive has all of them that are not known.
        :raises RegistryError: if the engine fails, or the disk has no room.
        """
        with self._lock:
            if not self._has(image, layers):
                images = {**self._wanted, image.id: image}
                self._unpacked.append(layers)
                tree = self._fetch(list(images.values()))
                self._fetched.append(tree)
                self._trees.update(dict.fromkeys(images, tree))
                self._wanted.clear()
                self._unpacked.clear()
            return self._trees[image.id]

    def close(self) -> None:
        """Remove the archives."""
        for tree in self._fetched:
            tree.close()

    def _has(self, image: EngineImage, layers: UnpackedLayers) -> bool:
        """Tell whether an archive has an image, and all layers that will be read."""
        tree = self._trees.get(image.id)
        return tree is not None and not (isinstance(tree, StreamedArchive) and tree.lacks(layers.unknown))

    @property
    def _unknown(self) -> set[str]:
        """The digests of the layers that some image needs to be in the archive."""
        return {diff_id for layers in self._unpacked for diff_id in layers.unknown}

    def _fetch(self, images: t.Sequence[EngineImage]) -> TarTree:
        """Return the engine's archive, in a file without a name that goes when it is closed."""
        where = f"docker-daemon:{images[0].id}{f' and {len(images) - 1} more' if len(images) > 1 else ''}"
        folder = self.temp_dir or tempfile.gettempdir()
        # Layers of a graph driver are compressed on their way, most to less than half. What images share counts once,
        # but nobody tells how much that is: the largest that needs all its layers is what is needed at least.
        if images[0].is_layout:
            needed = sum(image.size for image in images)
        else:
            whole = [image.size for image in images if self._unknown.issuperset(image.diff_ids)]
            needed = max(whole, default=0) // 2
        try:
            free = shutil.disk_usage(folder).free
            if free < needed:
                raise ArchiveError(
                    f"{where} needs about {needed // _MIB + 1} MiB in {folder}, which has {free // _MIB}.", hint=_ROOM
                )
            file = tempfile.TemporaryFile(dir=folder, prefix="dockyard-image-")
            try:
                return self._take(where, images, file)
            except BaseException:
                file.close()
                raise
        except OSError as error:
            raise ArchiveError(f"{where} could not be kept in {folder}: {error.strerror or error}.", hint=_ROOM) from error

    def _take(self, where: str, images: t.Sequence[EngineImage], file: t.IO[bytes]) -> TarTree:
        stream = self.engine.export([image.id for image in images])
        try:
            if images[0].is_layout:
                _copy(stream, file)
                return TarTree(where, file)
            known = {diff_id for layers in self._unpacked for diff_id in layers.known}
            names = LayerNames([image.diff_ids for image in images])
            tree = StreamedArchive(where, stream, file, names=names, spared=known - self._unknown)
            # Behind the archive's end comes nothing, but an engine that broke off shows only there.
            for _chunk in read_chunks(stream):
                pass
            return tree
        finally:
            stream.close()


def _copy(stream: Readable, file: t.IO[bytes]) -> None:
    for chunk in read_chunks(stream):
        file.write(chunk)
    file.flush()
