# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copying one image into a registry: plan first, then write what is missing.

The writing is that of lists of images (:mod:`.batch`), of which this is one with a single entry. What is planned here is
more than there: which blobs are there already, and what the image is.
"""

from __future__ import annotations

import dataclasses
import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor, as_completed

from ..progress import Report, watching
from .batch.jobs import Job
from .batch.meter import Kind as Action
from .batch.meter import Meter
from .batch.patience import LONGEST_OUTAGE, Patience
from .batch.running import THREADS, Runner
from .batch.works import Works
from .client import RegistryClient
from .describe import Image, ImageDetails, RepositoryReader, load_image
from .errors import NotFound, RegistryError
from .media_types import ALL_TYPES, Descriptor, Manifest
from .reference import RepositoryTag
from .source import ImageSource
from .streams import Readable

A = t.TypeVar("A")
B = t.TypeVar("B")


@dataclasses.dataclass(frozen=True)
class Copied:
    """Blobs and bytes that were sent, linked from another repository, or there before."""

    uploaded: int = 0
    uploaded_bytes: int = 0
    mounted: int = 0
    mounted_bytes: int = 0
    existing: int = 0
    existing_bytes: int = 0


@dataclasses.dataclass(frozen=True)
class CopyPlan:
    """What a copy will do. ``before`` is the digest the tag points at now, empty if there is no such tag.

    ``image`` is None if nothing is to be done; else it is what will be written, and ``blobs`` says for each blob how.
    """

    target: RepositoryTag
    details: ImageDetails
    before: str
    image: Image | None = None
    blobs: tuple[tuple[Descriptor, Action], ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything will be written."""
        return self.image is not None

    @property
    def copied(self) -> Copied:
        """What the blobs will add up to, if the registry mounts what it is asked to."""
        return _count(self.blobs)


def plan_copy(source: ImageSource, client: RegistryClient, target: RepositoryTag) -> CopyPlan:
    """Find out what a copy has to do; writes nothing.

    An image that the tag already points at is described from the registry it is on, which moves nothing at the
    source. If the registry has lost one of its manifests, the image is copied again.

    :raises RegistryError: also if the source is damaged, as far as it can be told before it is sent.
    """
    there = client.head_manifest(target.repository, target.tag)
    before = there.digest if there else ""
    # What is of no known type is not asked for: it is none of ours, and cannot be read.
    present = _present(client, target, before) if there and there.media_type in ALL_TYPES else None
    if present and source.is_same(present):
        details = _describe_present(client, target, present)
        if details is not None:
            return CopyPlan(target, details, before)
    unpacked = source.unpacked()
    if unpacked:
        from .compressed_layers import recall

        recall(client, target.repository, [unpacked], [before] if present else [])
    image = load_image(source, source.root())
    fallback: Action = "mounted" if source.mountable_from(client.origin) else "uploaded"
    blobs = sorted(image.blobs, key=lambda blob: (-blob.size, blob.digest))
    there_already = in_parallel(lambda blob: client.head_blob(target.repository, blob.digest), blobs)
    actions = tuple((blob, "existing" if there else fallback) for blob, there in zip(blobs, there_already))
    source.check([blob for blob, action in actions if action == "uploaded"])
    return CopyPlan(target, image.details, before, image, actions)


def execute_copy(
    plan: CopyPlan, source: ImageSource, client: RegistryClient, *, report: Report = lambda _line: None
) -> Copied:
    """Do what a plan says and return what it came to. If it fails, the tag still points where it did.

    :param report: is told how far it is, about once a second, by another thread.
    """
    if plan.image is None:
        return Copied()
    job = Job("", plan.target, root=plan.image.root, source=source)
    works = Works([job], {manifest.digest: manifest for manifest in plan.image.manifests}, client.origin)
    for blob, action in plan.blobs:
        if action == "existing":
            works.blobs[blob.digest].holder = plan.target.repository
    works.absent = frozenset(blob.digest for blob, action in plan.blobs if action == "uploaded")
    # One image is there as a whole or not at all: no manifest is written before all blobs are in.
    works.hold_manifests()
    meter = Meter(1, works.size)
    with watching(report, meter.line):
        Runner(client, works, meter, Patience(LONGEST_OUTAGE), threads=THREADS).run()
    if job.error:
        raise job.error
    return Copied(**meter.totals._asdict())


class StoppableReader:
    """A stream that fails once its copy has failed elsewhere."""

    def __init__(self, stream: Readable, stopped: threading.Event) -> None:
        self._stream = stream
        self._stopped = stopped

    def readinto(self, buffer: memoryview, /) -> int:
        if self._stopped.is_set():
            raise RegistryError("the copy was stopped, because another part of the image failed.")
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()


def _present(client: RegistryClient, target: RepositoryTag, digest: str) -> Manifest | None:
    """Return what a tag points at, None if the registry has lost it."""
    return _unless_lost(lambda: client.get_manifest(target.repository, digest))


def _describe_present(client: RegistryClient, target: RepositoryTag, root: Manifest) -> ImageDetails | None:
    """Return the details of an image that is there, None if the registry has lost a manifest or config of it."""
    return _unless_lost(lambda: load_image(RepositoryReader(client, target.repository), root).details)


def _unless_lost(read: t.Callable[[], A]) -> A | None:
    try:
        return read()
    except NotFound as error:
        if {"MANIFEST_UNKNOWN", "BLOB_UNKNOWN"}.intersection(error.codes):
            return None
        raise


def _count(steps: t.Sequence[tuple[Descriptor, Action]]) -> Copied:
    totals: dict[str, int] = {}
    for blob, action in steps:
        totals[action] = totals.get(action, 0) + 1
        totals[f"{action}_bytes"] = totals.get(f"{action}_bytes", 0) + blob.size
    return Copied(**totals)


def in_parallel(
    work: t.Callable[[A], B], items: t.Sequence[A], *, on_failure: t.Callable[[], None] | None = None
) -> list[B]:
    """Return the results in the order of the items. The first failure ends what has not begun, and is raised."""
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(THREADS, len(items))) as executor:
        futures = [executor.submit(work, item) for item in items]
        try:
            # The first to fail, not the first in order: others may fail only because they were stopped.
            for future in as_completed(futures):
                future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            if on_failure:
                on_failure()
            raise
    return [future.result() for future in futures]
