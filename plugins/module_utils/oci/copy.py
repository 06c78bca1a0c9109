# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copying one image into a registry: plan first, then write what is missing.

The order of writes is what keeps a registry whole at every moment (OCI distribution spec, "Pushing Manifests"): blobs,
then the manifests of the platforms, then indexes, and with the last manifest the tag.
"""

from __future__ import annotations

import dataclasses
import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor, as_completed

from .client import RegistryClient
from .describe import Image, ImageDetails, RepositoryReader, load_image
from .errors import NotFound, RegistryError
from .media_types import ALL_TYPES, Descriptor, Manifest
from .reference import RepositoryTag
from .referrers import add_to_fallback
from .source import ImageSource
from .streams import Readable

THREADS = 4
"""Blobs on their way at a time: more is not faster, the receiving registry hashes each with one core."""

Action = t.Literal["uploaded", "mounted", "existing"]

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
    image = load_image(source, source.root())
    fallback: Action = "mounted" if source.mountable_from(client.origin) else "uploaded"
    blobs = sorted(image.blobs, key=lambda blob: (-blob.size, blob.digest))
    there_already = in_parallel(lambda blob: client.head_blob(target.repository, blob.digest), blobs)
    actions = tuple((blob, "existing" if there else fallback) for blob, there in zip(blobs, there_already))
    source.check([blob for blob, action in actions if action == "uploaded"])
    return CopyPlan(target, image.details, before, image, actions)


def execute_copy(plan: CopyPlan, source: ImageSource, client: RegistryClient) -> Copied:
    """Do what a plan says and return what it came to. If it fails, the tag still points where it did."""
    if plan.image is None:
        return Copied()
    mover = _BlobMover(client, plan.target.repository, source)
    actions = in_parallel(mover.move, plan.blobs, on_failure=mover.stop)
    *others, root = plan.image.manifests
    repository = plan.target.repository

    def put(manifest: Manifest, reference: str = "") -> None:
        if not client.put_manifest(repository, reference or manifest.digest, manifest):
            add_to_fallback(client, repository, manifest)

    in_parallel(put, [manifest for manifest in others if not manifest.is_index])
    for manifest in others:
        if manifest.is_index:
            put(manifest)
    put(root, plan.target.tag)
    return _count([(blob, action) for (blob, _planned), action in zip(plan.blobs, actions)])


class _BlobMover:
    """Brings blobs into a repository; the largest first, so that no thread is left alone with a long one."""

    def __init__(self, client: RegistryClient, repository: str, source: ImageSource) -> None:
        self._client = client
        self._repository = repository
        self._source = source
        self._from = source.mountable_from(client.origin)
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Make the uploads under way fail at their next buffer."""
        self._stopped.set()

    def move(self, step: tuple[Descriptor, Action]) -> Action:
        """Mount or upload a blob, if that is planned, and return what was done in the end."""
        blob, action = step
        if action == "existing":
            return action
        upload = None
        if action == "mounted":
            upload = self._client.mount_blob(self._repository, blob.digest, self._from)
            if upload is None:
                return "mounted"

        def open_stream() -> Readable:
            return StoppableReader(self._source.open_blob(blob), self._stopped)

        self._client.upload_blob(self._repository, blob, open_stream, upload=upload)
        return "uploaded"


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
