# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chosen platforms of an image, as a source of their own."""

from __future__ import annotations

import typing as t

from .media_types import Descriptor, Manifest
from .origin import Origin
from .platforms import MissingPlatform, Platform, Selection, as_platform, select
from .source import ImageSource
from .streams import Readable

if t.TYPE_CHECKING:
    from .compressed_layers import UnpackedLayers


class PlatformSource:
    """Those manifests of another source that are for some platforms. The other source is closed with it."""

    def __init__(self, source: ImageSource, wanted: t.Sequence[Platform], *, where: str) -> None:
        """Nothing is read yet.

        :param where: the image, for messages.
        """
        self._source = source
        self._wanted = tuple(dict.fromkeys(wanted))
        self._where = where
        self._selected: Selection | None = None

    def known_digest(self) -> str:
        """Return the digest of what is chosen.

        :raises ContentError: here and in :meth:`is_same` and :meth:`root`, if a platform is not there.
        """
        return self._source.known_digest() if self._refuse_other_platform() else self.root().digest

    def want(self) -> bool:
        """Say that the image will be read."""
        return self._source.want()

    def unpacked(self) -> UnpackedLayers | None:
        """Return the layers that have to be compressed."""
        return self._source.unpacked()

    def is_same(self, present: Manifest) -> bool:
        """Tell whether a manifest is what is chosen."""
        if self._refuse_other_platform():
            return self._source.is_same(present)
        return present.digest == self.root().digest

    def platform(self) -> str:
        """Return the platform, if the source has only that."""
        return self._source.platform()

    def root(self) -> Manifest:
        """Return the manifest of one platform, or the index of several."""
        return self._selection().root

    def manifest(self, descriptor: Descriptor) -> Manifest:
        """Return a manifest or index."""
        return self._selection().made.get(descriptor.digest) or self._source.manifest(descriptor)

    def small_blob(self, descriptor: Descriptor, *, limit: int) -> bytes:
        """Return a blob of at most ``limit`` bytes."""
        return self._source.small_blob(descriptor, limit=limit)

    def open_blob(self, descriptor: Descriptor) -> Readable:
        """Open a blob."""
        return self._source.open_blob(descriptor)

    def check(self, blobs: t.Sequence[Descriptor]) -> None:
        """Verify blobs as the source does."""
        self._source.check(blobs)

    def mountable_from(self, origin: Origin) -> str:
        """Return the repository of that registry which holds the image, empty if it is elsewhere."""
        return self._source.mountable_from(origin)

    def place(self) -> tuple[str, str]:
        """Return where the content is."""
        return self._source.place()

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _selection(self) -> Selection:
        if self._selected is None:
            self._refuse_other_platform()
            self._selected = select(self._source, self._source.root(), self._wanted, where=self._where)
        return self._selected

    def _refuse_other_platform(self) -> bool:
        """Fail early if the source has one platform and another is wanted; tell whether it has one."""
        only = self._source.platform()
        missing = [str(platform) for platform in self._wanted if platform != as_platform(only)] if only else []
        if missing:
            raise MissingPlatform(f"{self._where} has no {', no '.join(missing)}.", hint=f"It has {only}.")
        return bool(only)
