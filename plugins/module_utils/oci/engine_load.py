# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Having an image in a Docker engine: the other way round of :mod:`engine_source`.

The image goes to the engine as a stream, as ``docker load`` sends it, and nothing of it to the disk. The engine verifies
each layer by the image's configuration.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .archive_writer import archive_parts
from .describe import Image, load_image
from .docker_load import check_loadable
from .engine import Engine, EngineError
from .image_name import ImageName
from .media_types import Manifest
from .platforms import Platform, as_platform, select_one
from .reference import Reference
from .source import BlobSource, CountedBlobs, ImageSource
from .streams import Count
from .tar_writer import archive_size, write_archive


@dataclasses.dataclass(frozen=True)
class LoadPlan:
    """What a load will do. ``before`` is the ID under the name now, empty if there is none; ``name`` is a whole one."""

    name: str
    image: Image
    before: str
    changed: bool


def plan_load(source: ImageSource, engine: Engine, reference: Reference, platform: Platform | None = None) -> LoadPlan:
    """Find out what a load has to do.

    :param platform: the one to take of several; the engine's own if None.
    :raises RegistryError: if the source has no such image, or the engine cannot load it.
    """
    root = source.root()
    if root.is_index:
        platform = platform or as_platform(engine.platform())
    manifest = select_one(source, root, platform, where=str(reference))
    check_loadable(source, manifest)
    there = engine.find(str(reference))
    known = {there.id} if there else set()
    return LoadPlan(str(reference), load_image(source, manifest), there.id if there else "", not known & _ids(manifest))


def execute_load(plan: LoadPlan, source: BlobSource, engine: Engine, *, count: Count = lambda _size: None) -> str:
    """Do what a plan says and return the image's ID in the engine.

    :param count: is told what is read of blobs.
    :raises EngineError: if the engine refuses, or has another image under the name afterwards.
    """
    if not plan.changed:
        return plan.before
    name = ImageName(plan.name.rpartition(":")[2], plan.name, plan.name, True)
    directories, members = archive_parts(plan.image, name, CountedBlobs(source, count), for_docker=True)
    with engine.load(archive_size(directories, members)) as stream:
        write_archive(t.cast(t.BinaryIO, stream), directories, members)
    loaded = engine.image(plan.name)
    if loaded.id not in _ids(plan.image.root):
        raise EngineError(
            f"the engine at {engine.address} has {loaded.id} as {plan.name}, not {plan.image.root.digest}.",
            hint="Does somebody else give it that name? Run it again.",
        )
    return loaded.id


def _ids(manifest: Manifest) -> set[str]:
    """Return what an engine may call an image: by its configuration, or with containerd's store by its manifest."""
    return {manifest.digest, *([manifest.config.digest] if manifest.config else [])}
