# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a bundle is to hold, and what of that is to be written. Nothing is written here, and all that is wrong is said."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import stat
import tarfile
import typing as t

from ..batch.jobs import Extra
from ..copy import in_parallel
from ..describe import load_image
from ..errors import ArchiveError, ContentError, RegistryError
from ..file_tree import BoundedTarInfo
from ..layout_documents import contents_of
from ..local_files import abandoned_size, check_room, check_writable
from ..location import Location
from ..media_types import MAX_MANIFEST_SIZE, Descriptor, parse_json_object
from ..platforms import Platform
from ..reference import RepositoryTag
from ..source import ImageSource
from ..streams import Count, Readable
from .documents import CHECKSUM, Attached, Bundled, full_name, is_loadable
from .layout import Layout, lay_out
from .reading import Bundle

_ELSEWHERE = "Remove the file, or choose another path."
_FIRST_MEMBERS = 8
"""index.json is among so many first members of a bundle."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """One image that a bundle is to hold. ``where`` is what messages call it; ``open`` makes its source.

    ``about`` finds what is about some manifests of it, and is None if that is not wanted.
    """

    where: str
    target: RepositoryTag
    location: Location
    open: t.Callable[[], ImageSource]
    platforms: tuple[Platform, ...] = ()
    about: t.Callable[[t.Sequence[str]], t.Sequence[Extra]] | None = None


@dataclasses.dataclass(frozen=True)
class Found:
    """An image that was found, and what its blobs are read from; ``kept`` says that the old bundle has it."""

    bundled: Bundled
    source: ImageSource
    kept: bool
    attached: tuple[Attached, ...] = ()

    def accompanied(self, wanted: Wanted) -> Found:
        """Return it with what is about it, if that is wanted.

        :raises RegistryError: if that fails; the source is closed then.
        """
        if wanted.about is None:
            return self
        try:
            extras = wanted.about([manifest.digest for manifest in reversed(self.bundled.image.manifests)])
            attached = [
                Attached(f"{wanted.target.repository}:{extra.tag}" if extra.tag else "", load_image(self.source, extra.root))
                for extra in extras
            ]
            return dataclasses.replace(self, attached=tuple(attached))
        except BaseException:
            self.source.close()
            raise


@dataclasses.dataclass(frozen=True)
class Opened:
    """An image that is still to be read."""

    target: RepositoryTag
    full: str
    source: ImageSource

    def read(self) -> Found:
        """Read its manifests.

        :raises RegistryError: if that fails; the source is closed then.
        """
        try:
            image = load_image(self.source, self.source.root())
            return Found(Bundled(self.target, self.full, image, is_loadable(self.source, image)), self.source, False)
        except BaseException:
            self.source.close()
            raise


class Failures(RegistryError):
    """All that is wrong with the images of a list."""

    def __init__(self, failed: t.Sequence[tuple[str, RegistryError]]) -> None:
        self.failed = tuple(failed)
        lines = [f"{where}: {error}" for where, error in failed]
        count = f"{len(lines)} of its images" if len(lines) > 1 else "one of its images"
        super().__init__(
            f"the bundle stays as it is, for {count} cannot be had.\n" + "\n".join(lines),
            hint="Mend the list or the sources, and run it again.",
        )

    def as_dict(self) -> dict[str, object]:
        """Return the failures as plain values, for a module's result."""
        return {**super().as_dict(), "images": [{"where": where, **error.as_dict()} for where, error in self.failed]}


class Plan:
    """What a bundle will be. Close it: it holds the sources, and the old bundle, open."""

    def __init__(self, path: str, old: Bundle | None, found: t.Sequence[Found]) -> None:
        self.path = path
        self.old = old
        self.images = tuple(sorted((one.bundled for one in found), key=lambda image: image.target))
        self._sources = [one.source for one in found]
        # What is the same about several images goes in once.
        self.attached = tuple({(one.name, one.digest): one for image in found for one in image.attached}.values())
        self._origins = {
            content.digest: one.source for one in found if not one.kept for content in contents_of(one.bundled.image)
        }
        for one in found:
            for attached in one.attached:
                self._origins.update((content.digest, one.source) for content in contents_of(attached.image))
        self.layout: Layout = lay_out(self.images, self.attached)

    @property
    def before(self) -> tuple[Bundled, ...]:
        """The images that the old bundle has."""
        return self.old.images if self.old else ()

    @property
    def attached_before(self) -> tuple[Attached, ...]:
        """What the old bundle has about its images."""
        return self.old.attached if self.old else ()

    @property
    def changed(self) -> bool:
        """Whether anything will be written."""
        return self.old is None or self.old.layout.pieces != self.layout.pieces

    def is_kept(self, content: Descriptor) -> bool:
        """Tell whether the old bundle has a blob."""
        return self.old is not None and self.old.has(content)

    def open_blob(self, content: Descriptor) -> Readable:
        """Open a blob, of the old bundle if that has it; it is verified while it is read."""
        if self.old is not None and self.old.has(content):
            return self.old.open_blob(content)
        return self._origins[content.digest].open_blob(content)

    def close(self) -> None:
        """Close all that is open."""
        for source in self._sources:
            source.close()
        if self.old is not None:
            self.old.close()


def plan_bundle(wanted: t.Sequence[Wanted], path: str, *, count: Count = lambda _size: None) -> Plan:
    """Find out what a bundle has to become; writes nothing.

    An image that the old bundle has is not read again. Before the blobs of the old bundle are taken over they are all
    verified; if one is damaged, everything is fetched anew.

    :param count: is told of the bytes of the old bundle as they are verified.
    :raises RegistryError: for all images that cannot be had, or because the path holds something else or has no room.
    """
    real = os.path.realpath(path)
    folder = os.path.dirname(real)
    check_writable(folder)
    old = _old_bundle(path, real)
    plan = _resolve(wanted, path, old)
    try:
        if old is not None and plan.changed and not _is_whole(old, count):
            plan.close()
            plan = _resolve(wanted, path, None)
        if plan.changed:
            check_room(folder, plan.layout.size, freed=abandoned_size(folder))
    except BaseException:
        plan.close()
        raise
    return plan


def _resolve(wanted: t.Sequence[Wanted], path: str, old: Bundle | None) -> Plan:
    found: list[Found] = []
    failed: list[tuple[str, RegistryError]] = []

    def find(one: Wanted) -> Found | Opened | RegistryError:
        try:
            return _find(one, old)
        except RegistryError as error:
            return error

    def read(pair: tuple[Wanted, Found | Opened | RegistryError]) -> Found | RegistryError:
        one, result = pair
        if isinstance(result, RegistryError):
            return result
        try:
            return (result.read() if isinstance(result, Opened) else result).accompanied(one)
        except RegistryError as error:
            return error

    # Images that come together, as those of an engine, are read when all of them are known.
    results = in_parallel(read, list(zip(wanted, in_parallel(find, wanted))))
    names = _Names(result.bundled for result in results if isinstance(result, Found))
    for one, result in zip(wanted, results):
        try:
            if isinstance(result, RegistryError):
                raise result
            found.append(names.attach(result))
        except RegistryError as error:
            failed.append((one.where, error))
    if failed:
        for one_found in found:
            one_found.source.close()
        if old is not None:
            old.close()
        raise Failures(failed)
    return Plan(path, old, found)


class _Names:
    """The names that a bundle gives to its images, and to what is about them."""

    def __init__(self, images: t.Iterable[Bundled]) -> None:
        self._images = {str(image.target): image.image.root.digest for image in images}
        self._roots = frozenset(self._images.values())
        self._given = dict(self._images)

    def attach(self, found: Found) -> Found:
        """Return an image without what is about it and in the list itself.

        :raises ContentError: if a name would have two digests; the source is closed then.
        """
        for one in found.attached:
            known = self._given.setdefault(one.name, one.digest) if one.name else one.digest
            if known != one.digest:
                found.source.close()
                raise ContentError(
                    f"{one.name} would be {one.digest}, and {known}, too.",
                    hint="Give one of the two images another repository.",
                )
        left = [one for one in found.attached if not self._is_listed(one)]
        return dataclasses.replace(found, attached=tuple(left))

    def _is_listed(self, one: Attached) -> bool:
        return one.name in self._images if one.name else one.digest in self._roots


def _find(wanted: Wanted, old: Bundle | None) -> Found | Opened:
    full = full_name(wanted.target, wanted.location)
    source = wanted.open()
    try:
        there = next((image for image in old.images if image.target == wanted.target), None) if old else None
        if there and source.is_same(there.image.root):
            return Found(dataclasses.replace(there, full=full), source, True)
        opened = Opened(wanted.target, full, source)
        return opened if source.want() else opened.read()
    except BaseException:
        source.close()
        raise


def _is_whole(old: Bundle, count: Count) -> bool:
    try:
        old.verify(count)
    except ArchiveError:
        return False
    return True


def _old_bundle(path: str, real: str) -> Bundle | None:
    """Return the bundle that is there, None if there is none or it is damaged.

    :raises ArchiveError: if the path holds anything else, which stays.
    """
    if not os.path.lexists(real):
        return None
    if not stat.S_ISREG(os.stat(real).st_mode):
        raise ArchiveError(f"{path} is not a regular file.", hint=_ELSEWHERE)
    try:
        return Bundle(path)
    except ArchiveError as error:
        if _was_bundle(real):
            return None
        raise ArchiveError(f"{path} holds something else and stays as it is: {error.message}", hint=_ELSEWHERE) from error


def _was_bundle(path: str) -> bool:
    """Tell whether a file, however damaged further on, began as a bundle."""
    with contextlib.suppress(tarfile.TarError, ContentError, OSError):
        with tarfile.open(path, "r:", tarinfo=BoundedTarInfo) as archive:
            for member in itertools.islice(archive, _FIRST_MEMBERS):
                file = archive.extractfile(member) if member.name == "index.json" and member.isreg() else None
                if file:
                    document = parse_json_object(file.read(MAX_MANIFEST_SIZE), where=path)
                    return CHECKSUM in (document.get("annotations") or {})
    return False
