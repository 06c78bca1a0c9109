# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exporting one image into a directory or archive: plan first, then write what is missing."""

from __future__ import annotations

import dataclasses
import typing as t

from .archive_writer import ArchiveFile
from .describe import Image, ImageDetails, load_image
from .docker_load import check_loadable
from .image_name import ImageName
from .layout_documents import contents_of
from .layout_writer import LayoutDirectory
from .local_files import Place
from .location import ArchiveLocation
from .media_types import Descriptor
from .platforms import select_one
from .source import BlobSource, CountedBlobs, ImageSource
from .streams import Count


class Target(t.Protocol):
    """A place that an image is exported to, as it is now."""

    def before(self) -> str:
        """Return the digest that stands there under the image's name, empty if there is none."""

    def whole(self, digest: str) -> Image | None:
        """Return the image if it is there under its name, and nothing of it is missing."""

    def present(self, contents: t.Sequence[Descriptor]) -> frozenset[str]:
        """Return the digests of those that are there and stay; they are verified."""

    def check_room(self, image: Image, missing: t.Sequence[Descriptor]) -> None:
        """Fail now if the disk has no room."""

    def write(self, image: Image, missing: t.Sequence[Descriptor], source: BlobSource) -> None:
        """Write what is missing, and in the end the name."""


@dataclasses.dataclass(frozen=True)
class Written:
    """Files of an image, its manifests among them, and their bytes: written, or there before."""

    written: int = 0
    written_bytes: int = 0
    kept: int = 0
    kept_bytes: int = 0


@dataclasses.dataclass(frozen=True)
class ExportPlan:
    """What an export will do. ``before`` is the digest under the image's name now, empty if there is none.

    ``image`` is None if nothing is to be done; ``missing`` is what of it is to be written.
    """

    target: Target
    details: ImageDetails
    before: str
    image: Image | None
    missing: tuple[Descriptor, ...]
    kept: tuple[Descriptor, ...]

    @property
    def changed(self) -> bool:
        """Whether anything will be written."""
        return self.image is not None

    @property
    def blobs(self) -> Written:
        """What the files will add up to."""
        return Written(
            len(self.missing),
            sum(content.size for content in self.missing),
            len(self.kept),
            sum(content.size for content in self.kept),
        )


def open_target(location: ArchiveLocation, name: ImageName, *, place: Place) -> Target:
    """Return the place that an image is exported to.

    :param place: moves a finished archive, which only its owner can read, to its path and gives it its permissions.
    :raises ArchiveError: if it holds what is not this image's, or cannot be written.
    """
    if location.kind == "oci":
        return LayoutDirectory(location.path, name)
    return ArchiveFile(location.kind, location.path, name, place)


def plan_export(source: ImageSource, target: Target, *, where: str, for_docker: bool = False) -> ExportPlan:
    """Find out what an export has to do; writes nothing.

    An image that is there already is described from there, which costs the source one request.

    :param where: the image, for messages.
    :param for_docker: whether ``docker load`` is to take it: one platform, and nothing the engine does not know.
    :raises RegistryError: also if the disk has no room.
    """
    root = select_one(source, source.root(), where=where) if for_docker else None
    there = target.whole(target.before())
    if there and (there.root == root if root else source.is_same(there.root)):
        return ExportPlan(target, there.details, target.before(), None, (), contents_of(there))
    root = root or source.root()
    if for_docker:
        check_loadable(source, root)
    image = load_image(source, root)
    contents = contents_of(image)
    present = target.present(contents)
    missing = tuple(content for content in contents if content.digest not in present)
    target.check_room(image, missing)
    kept = tuple(content for content in contents if content.digest in present)
    return ExportPlan(target, image.details, target.before(), image, missing, kept)


def execute_export(plan: ExportPlan, source: BlobSource, *, count: Count = lambda _size: None) -> None:
    """Do what a plan says. If it fails, an archive is what it was, and in a directory the tag is where it was.

    :param count: is told what is read of blobs.
    """
    if plan.image is not None:
        plan.target.write(plan.image, plan.missing, CountedBlobs(source, count))
