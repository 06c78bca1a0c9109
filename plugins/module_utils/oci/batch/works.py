# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be written, as a graph: blobs below manifests, manifests below indexes, and tags on top.

A blob stands once for the whole list. It comes into the first repository from a source, and into the others by a link.
"""

from __future__ import annotations

import collections
import typing as t

from ..errors import ContentError, RegistryError
from ..describe import MAX_DEPTH, MAX_MANIFESTS
from ..media_types import Descriptor, Manifest
from ..origin import Origin
from ..source import ImageSource
from .jobs import Job
from .packed_manifests import AnyManifest, PackedManifest

_MOST_SOURCES = 3
"""Sources of a blob that are kept: one, and some to try if it fails."""


class Place:
    """A blob in a repository; ``users`` wait for it."""

    __slots__ = ("repository", "users", "done", "error")

    def __init__(self, repository: str) -> None:
        self.repository = repository
        self.users: tuple[Write, ...] = ()
        self.done = False
        self.error: RegistryError | None = None

    @property
    def blob(self) -> Blob:
        """What is to be there."""
        raise NotImplementedError

    @property
    def is_wanted(self) -> bool:
        """Whether an image that has not failed needs it."""
        return any(user.is_wanted for user in self.users)


class Blob(Place):
    """A config or layer, and the first place of it. ``holder`` is a repository of the registry that has it, empty while
    none is known to.

    There may be hundreds of thousands, and most have one place: an object for both, and tuples in place of lists, take half
    the room.
    """

    __slots__ = ("digest", "size", "others", "holder", "sources")

    def __init__(self, digest: str, size: int, repository: str) -> None:
        super().__init__(repository)
        self.digest = digest
        self.size = size
        self.others: tuple[Place, ...] = ()
        self.holder = ""
        self.sources: tuple[ImageSource, ...] = ()

    @property
    def blob(self) -> Blob:
        """The blob itself."""
        return self

    @property
    def places(self) -> tuple[Place, ...]:
        """The repositories that it goes to."""
        return (self, *self.others)

    @property
    def descriptor(self) -> Descriptor:
        """What to ask a source for. The media type is of no matter where content goes by its digest."""
        return Descriptor("application/octet-stream", self.digest, self.size)

    def add_source(self, source: tuple[ImageSource]) -> None:
        """Remember where it can be read, if that is not known yet."""
        if not self.sources:
            self.sources = source
        elif len(self.sources) < _MOST_SOURCES:
            if all(source[0].place() != known.place() for known in self.sources):
                self.sources += source


class OtherPlace(Place):
    """One more repository that a blob goes to."""

    __slots__ = ("_blob",)

    def __init__(self, blob: Blob, repository: str) -> None:
        super().__init__(repository)
        self._blob = blob

    @property
    def blob(self) -> Blob:
        """What is to be there."""
        return self._blob


class Write:
    """A manifest in a repository, by its digest or, if ``job`` is set, as the tag of an image.

    ``waiting`` is the number of ``needs`` that are not done.
    """

    __slots__ = ("repository", "_manifest", "reference", "job", "needs", "users", "waiting", "queued", "done", "error")

    def __init__(self, repository: str, manifest: AnyManifest, reference: str, job: Job | None = None) -> None:
        self.repository = repository
        self._manifest = manifest
        self.reference = reference
        self.job = job
        self.needs: tuple[Place | Write, ...] = ()
        self.users: tuple[Write, ...] = ()
        self.waiting = 0
        self.queued = False
        self.done = False
        self.error: RegistryError | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether an image that has not failed needs it."""
        if self.error is not None:
            return False
        return self.job.error is None if self.job else any(user.is_wanted for user in self.users)

    @property
    def manifest(self) -> Manifest:
        """What is written."""
        return self._manifest if isinstance(self._manifest, Manifest) else self._manifest.bare

    def pack(self) -> None:
        """Drop what was read from the manifest, which the graph has already: its bytes are what is written.

        One that is about another is kept as it is, since it may have to be listed.
        """
        if isinstance(self._manifest, Manifest) and not self._manifest.subject:
            self._manifest = PackedManifest(self._manifest)

    def need(self, others: t.Iterable[Place | Write]) -> None:
        """Wait for some things."""
        self.needs += tuple(others)
        self.waiting = len(self.needs)
        only = (self,)
        for other in others:
            # Most have one user, and all those of a manifest the same: one tuple is enough for them.
            other.users = other.users + only if other.users else only


class Works:
    """All that is to be written for a list of images."""

    def __init__(self, jobs: t.Sequence[Job], manifests: dict[str, AnyManifest], home: Origin) -> None:
        """Make the graph. An image that cannot be one fails here.

        :param manifests: all below the jobs' roots, by digest; it is emptied.
        :param home: the registry that is written to.
        """
        self.blobs: dict[str, Blob] = {}
        self.existing = frozenset(job.target.repository for job in jobs if job.before)
        """Repositories that are known to be there."""
        self.absent: frozenset[str] = frozenset()
        """Blobs that are known to be in no repository that is asked for them."""
        self.tags: list[Write] = []
        self.writes: tuple[Write, ...] = ()
        self._home = home
        self._manifests: t.Mapping[str, AnyManifest] = manifests
        self._written: dict[tuple[str, str], Write] = {}
        self._places: dict[tuple[str, str], Place] = {}
        planned = [job for job in jobs if job.planned]
        uses = collections.Counter(digest for job in planned for digest in self._below(job))
        for job in planned:
            digests = self._below(job)
            self._add(job)
            job.forget()
            # What was read is dropped as soon as nothing needs it: of long lists it is more than the graph itself.
            uses.subtract(digests)
            for digest in digests:
                if not uses[digest]:
                    manifests.pop(digest, None)
        self.writes = tuple(self._written.values())
        # What only the making of the graph takes.
        self._manifests, self._written, self._places = {}, {}, {}

    @property
    def size(self) -> int:
        """The bytes to be sent at the most."""
        return sum(blob.size for blob in self.blobs.values() if not blob.holder)

    def clear(self) -> None:
        """Forget all of it. What waits for each other is a circle, which Python alone finds late."""
        for write in (*self.writes, *self.tags):
            write.needs = ()
        self.blobs.clear()
        self.tags.clear()
        self.writes = ()

    def hold_manifests(self) -> None:
        """Have each manifest wait for all blobs, not only for its own."""
        places = [place for blob in self.blobs.values() for place in blob.places]
        for write in self.writes:
            write.need([place for place in places if place not in write.needs])

    def _add(self, job: Job) -> None:
        roots = [extra.root for extra in job.extras] + ([job.root] if job.root else [])
        try:
            for root in roots:
                _refuse_endless(root, self._manifests)
        except RegistryError as error:
            job.fail(error)
            return
        repository = job.target.repository
        extras = [(extra.root, extra.tag or extra.root.digest) for extra in job.extras]
        # What is written last stands for the image: its tag, or the last that it lacked of what is about it.
        manifest, reference = (job.root, job.target.tag) if job.root else extras.pop()
        last = Write(repository, manifest, reference, job)
        last.need([self._write(repository, root, job, reference) for root, reference in extras])
        self._fill(last, manifest, job)
        self.tags.append(last)

    def _below(self, job: Job) -> set[str]:
        """Return the digests of all manifests that a job needs, as far as they are known."""
        seen: set[str] = set()
        waiting = [extra.root for extra in job.extras] + ([job.root] if job.root else [])
        while waiting:
            manifest = waiting.pop()
            if manifest.digest not in seen:
                seen.add(manifest.digest)
                waiting += [self._manifests[child.digest] for child in manifest.children if child.digest in self._manifests]
        return seen

    def _fill(self, write: Write, manifest: AnyManifest, job: Job) -> None:
        children = dict.fromkeys(child.digest for child in manifest.children)
        write.need([self._write(write.repository, self._manifests[child], job, child) for child in children])
        source = (t.cast(ImageSource, job.source),)
        write.need([self._place(write.repository, blob, source) for blob in manifest.blobs])
        write.pack()

    def _write(self, repository: str, manifest: AnyManifest, job: Job, reference: str) -> Write:
        key = (repository, reference)
        if key not in self._written:
            self._written[key] = Write(repository, manifest, reference)
            self._fill(self._written[key], manifest, job)
        return self._written[key]

    def _place(self, repository: str, descriptor: Descriptor, source: tuple[ImageSource]) -> Place:
        blob = self.blobs.get(descriptor.digest)
        if blob is None:
            blob = self.blobs[descriptor.digest] = Blob(descriptor.digest, descriptor.size, repository)
        blob.add_source(source)
        blob.holder = blob.holder or source[0].mountable_from(self._home)
        if blob.repository == repository:
            return blob
        key = (repository, blob.digest)
        if key not in self._places:
            self._places[key] = OtherPlace(blob, repository)
            blob.others += (self._places[key],)
        return self._places[key]


def _refuse_endless(root: AnyManifest, manifests: t.Mapping[str, AnyManifest]) -> None:
    seen: set[str] = set()
    level = [root]
    for depth in range(MAX_DEPTH + 1):
        children = {child.digest for manifest in level for child in manifest.children} - seen
        seen |= children
        if not children:
            return
        if depth == MAX_DEPTH or len(seen) > MAX_MANIFESTS:
            break
        level = [manifests[digest] for digest in children if digest in manifests]
    raise ContentError(
        f"the image {root.digest} has too many levels or manifests.",
        hint=f"At most {MAX_DEPTH} levels and {MAX_MANIFESTS} manifests are read.",
    )
