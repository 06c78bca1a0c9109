# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From wishes to jobs: what is there, what is wanted, and which manifests that takes. Writes nothing."""

from __future__ import annotations

import typing as t

from ..client import RegistryClient
from ..describe import MAX_DEPTH
from ..errors import ArchiveError, InvalidReference, InvalidSettings, RegistryError
from ..location import Location, RegistryLocation
from ..media_types import ALL_TYPES, Descriptor
from ..platforms import MissingPlatform
from ..reference import Reference, RepositoryTag
from ..source import ImageSource
from .jobs import Extra, Job
from .packed_manifests import AnyManifest, packed
from .patience import Patience
from .problems import BadList, Problem
from .sources import Sources
from .stages import Stages
from .travellers import Travellers
from .wishes import Wish
from .works import Works

if t.TYPE_CHECKING:
    from ..compressed_layers import UnpackedLayers

THREADS = 8
"""Small requests on their way at a time: they wait for the way more than for anybody's processor."""

WORTH_A_REQUEST = 1024 * 1024
"""Bytes to be sent that one more request may save."""

_LOOKS = 4
"""Manifests of other images that are looked into for the sake of one."""

_REFUSED = (ArchiveError, MissingPlatform, InvalidReference, InvalidSettings)
"""What is wrong with the list, or with a file it names. All else may be an outage, and is the image's own failure."""

Manifests = t.Dict[str, AnyManifest]
"""By digest."""


class Planner:
    """Finds out what a list of images takes."""

    def __init__(self, client: RegistryClient, sources: Sources, *, threads: int = THREADS) -> None:
        self._client = client
        self._sources = sources
        self.stages = Stages(threads)
        self._home = client.origin.authority
        # A registry that does not answer now was never seen to: nothing says that waiting would help.
        self._patience = Patience(0)
        self._travellers = Travellers(sources)

    def plan(self, wishes: t.Sequence[Wish], problems: t.Sequence[Problem] = ()) -> tuple[list[Job], Manifests]:
        """Return a job for each image, and all manifests that they need.

        :param problems: what is wrong with the list already.
        :raises BadList: if the list cannot be meant so, with all that is wrong.
        """
        found = list(problems)
        expanded = self.stages.each("choosing tags", self._expand, wishes)
        found += [part for parts in expanded for part in parts if isinstance(part, Problem)]
        jobs, contradictions = _once([part for parts in expanded for part in parts if isinstance(part, Job)])
        found += contradictions
        self.stages.each("comparing images", self._resolve, [job for job in jobs if job.error is None])
        waiting = [job for job in jobs if job.error is None and not job.digest]
        self._recall(waiting, jobs)
        self.stages.each("reading images", self._take, waiting)
        manifests = self._load([(job.root, job) for job in jobs if job.root and not job.error])
        asked = [job for job in jobs if job.referrers and not job.error]
        if asked:
            self.stages.each("looking for what is about them", lambda job: self._accompany(job, manifests), asked)
            extras = [(extra.root, job) for job in asked if not job.error for extra in job.extras]
            manifests.update(self._load(extras))
        found += [Problem(job.where, str(job.error)) for job in jobs if isinstance(job.error, _REFUSED)]
        if found:
            raise BadList(found)
        return jobs, manifests

    def _expand(self, wish: Wish) -> list[Job | Problem]:
        """Return the jobs of a wish: one, or one for each tag that it chooses."""
        if wish.choice is None:
            return [_job(wish, wish.target)]
        reference = t.cast(RegistryLocation, wish.location).reference
        tags = list(wish.choice.listed)
        if not tags:
            try:
                there = self._patience.run([reference.api_host], lambda: self._sources.tags(reference))
            except RegistryError as error:
                job = _job(wish, wish.target)
                job.fail(error)
                return [job]
            tags = wish.choice.choose(there or ())
            if not tags:
                return [Problem(wish.where, _nothing_matches(wish, reference, there))]
        return [_job(wish, RepositoryTag(wish.repository, tag), _tagged(reference, tag)) for tag in tags]

    def _resolve(self, job: Job) -> None:
        """Find out what the tag names and what it is to name; a root is left if that is not the same."""
        try:
            self._patience.run([self._home, *_hosts(job)], lambda: self._compare(job))
        except RegistryError as error:
            job.fail(error)

    def _compare(self, job: Job) -> None:
        there = self._client.head_manifest(job.target.repository, job.target.tag)
        job.before = there.digest if there else ""
        if job.source is None:
            job.source = self._sources.open(t.cast(Location, job.location), job.platforms)
        # What is of no known type is not asked for: it is none of ours, and cannot be read.
        if there and there.media_type in ALL_TYPES and self._is_same(job.source, job.target.repository, there):
            job.digest = there.digest
            return
        if not job.source.want():
            job.root = packed(job.source.root())
            job.digest = job.root.digest

    def _recall(self, waiting: t.Sequence[Job], jobs: t.Sequence[Job]) -> None:
        """Find out which layers that would have to be compressed are in the repositories that they go to."""
        wanting: dict[str, list[UnpackedLayers]] = {}
        for job in waiting:
            unpacked = t.cast(ImageSource, job.source).unpacked()
            if unpacked:
                wanting.setdefault(job.target.repository, []).append(unpacked)
        if not wanting:
            return
        from ..compressed_layers import recall

        there: dict[str, list[str]] = {repository: [] for repository in wanting}
        for job in [*waiting, *jobs]:
            if job.before and job.target.repository in there:
                there[job.target.repository].append(job.before)
        self.stages.each(
            "looking for layers that are there",
            lambda name: recall(self._client, name, wanting[name], there[name]),
            list(wanting),
        )

    def _take(self, job: Job) -> None:
        """Read the root of an image that comes together with others, now that all of them have said so."""
        try:
            job.root = packed(t.cast(ImageSource, job.source).root())
            job.digest = job.root.digest
        except RegistryError as error:
            job.fail(error)

    def _is_same(self, source: ImageSource, repository: str, there: Descriptor) -> bool:
        digest = source.known_digest()
        if digest:
            return digest == there.digest
        return source.is_same(self._client.get_manifest(repository, there.digest))

    def _accompany(self, job: Job, manifests: Manifests) -> None:
        """Find what is about an image and is not here yet."""
        source = t.cast(ImageSource, job.source)

        def find() -> tuple[Extra, ...]:
            around = self._travellers.around(t.cast(Location, job.location))
            if around is None:
                return ()
            root = job.root or source.root()
            about = [root.digest, *(manifest.digest for manifest in below(root, manifests, source))]
            found = self._travellers.find(around, about)
            return tuple(extra for extra in found if not self._is_here(job, extra))

        try:
            job.extras = self._patience.run([self._home, *_hosts(job)], find)
        except RegistryError as error:
            job.fail(error)

    def _is_here(self, job: Job, extra: Extra) -> bool:
        """Tell whether the registry has what is about an image. One that has no such tag yet is not asked."""
        if not job.before:
            return False
        repository, root = job.target.repository, extra.root
        if extra.tag:
            there = self._client.head_manifest(repository, extra.tag)
            return there is not None and there.digest == root.digest
        return root.subject is not None and root.digest in self._travellers.listed(
            self._client, repository, root.subject.digest
        )

    def find_holders(self, jobs: t.Sequence[Job], works: Works) -> None:
        """Look in images of the list that are here already for blobs that others need: they can be linked.

        It takes requests, so no more are made than the bytes to be sent are worth, and only some for each image: what
        images share is in most of them.
        """
        for job in jobs:
            for digest in _linked(job):
                linked = works.blobs.get(digest)
                if linked:
                    linked.holder = linked.holder or job.target.repository
        missing = [blob.size for blob in works.blobs.values() if not blob.holder]
        worth = min(len(missing) + sum(missing) // WORTH_A_REQUEST, _LOOKS * len(works.tags))
        places = {(job.target.repository, job.before) for job in jobs if job.before and job.error is None}
        wanted = sorted(places)[:worth]
        for _depth in range(MAX_DEPTH):
            found = self.stages.each("looking for blobs to link", lambda place: self._look(*place, works), wanted)
            worth -= len(wanted)
            below_them = {
                (repository, digest) for (repository, _digest), children in zip(wanted, found) for digest in children
            }
            wanted = sorted(below_them)[: max(0, worth)]

    def _look(self, repository: str, digest: str, works: Works) -> list[str]:
        """Take down what an image has of the blobs that are missing, and return the manifests below it."""
        try:
            manifest = self._client.get_manifest(repository, digest)
        except RegistryError:
            return []  # it cannot be read, so nothing is known of it: the blobs are sent
        for blob in manifest.blobs:
            if blob.digest in works.blobs and not works.blobs[blob.digest].holder:
                works.blobs[blob.digest].holder = repository
        return [child.digest for child in manifest.children]

    def _load(self, roots: t.Sequence[tuple[AnyManifest, Job]]) -> Manifests:
        """Return all manifests from some roots down, read level by level, each once over the whole list."""
        known: Manifests = {root.digest: root for root, _job in roots}
        level: dict[str, tuple[AnyManifest, list[Job]]] = {}
        for root, job in roots:
            level.setdefault(root.digest, (root, []))[1].append(job)
        for _depth in range(MAX_DEPTH):
            wanted: dict[str, tuple[Descriptor, list[Job]]] = {}
            for manifest, users in level.values():
                for child in manifest.children:
                    wanted.setdefault(child.digest, (child, []))[1].extend(users)
            children = self.stages.each("reading manifests", lambda entry: self._child(known, *entry), list(wanted.values()))
            level = {child.digest: (child, wanted[child.digest][1]) for child in children if child}
            known.update((digest, child) for digest, (child, _jobs) in level.items())
        return known

    def _child(self, known: Manifests, descriptor: Descriptor, jobs: list[Job]) -> AnyManifest | None:
        """Return a manifest from the first source that has it; without one, the jobs fail."""
        if descriptor.digest in known:
            return known[descriptor.digest]
        for job in jobs:
            try:
                return packed(self._patience.run(_hosts(job), lambda source=job.source: source.manifest(descriptor)))  # type: ignore
            except RegistryError as error:
                job.fail(error)
        return None


def below(root: AnyManifest, manifests: Manifests, source: ImageSource) -> t.Iterator[AnyManifest]:
    """Yield the manifests below a root; those that are not known are read."""
    for child in root.children:
        manifest = manifests.get(child.digest) or source.manifest(child)
        yield manifest
        yield from below(manifest, manifests, source)


def _linked(job: Job) -> list[str]:
    """Return the layers that a repository was seen to have in place of those that its image would bring."""
    unpacked = job.source.unpacked() if job.source else None
    return [layer.digest for layer in unpacked.known.values()] if unpacked else []


def _job(wish: Wish, target: RepositoryTag, location: RegistryLocation | None = None) -> Job:
    return Job(wish.where, target, location or wish.location, wish.platforms, referrers=wish.referrers)


def _hosts(job: Job) -> list[str]:
    return [job.location.reference.api_host] if isinstance(job.location, RegistryLocation) else []


def _tagged(reference: Reference, tag: str) -> RegistryLocation:
    return RegistryLocation(Reference(reference.registry, reference.repository, tag))


def _once(jobs: t.Iterable[Job]) -> tuple[list[Job], list[Problem]]:
    """Return one job a tag, and the contradictions among them."""
    first: dict[RepositoryTag, Job] = {}
    problems: list[Problem] = []
    for job in jobs:
        other = first.setdefault(job.target, job)
        if not other.wants_the_same(job):
            problems.append(
                Problem(job.where, f"{job.target} is to be {job.location} here, and {other.location} at {other.where}.")
            )
        other.referrers = other.referrers or job.referrers
    return list(first.values()), problems


def _nothing_matches(wish: Wish, reference: Reference, there: t.Sequence[str] | None) -> str:
    where = f"docker://{reference.registry}/{reference.repository}"
    if there is None:
        return f"{where} does not exist, so no tag of it can be chosen."
    some = f"It has {len(there)} tags, such as {', '.join(sorted(there)[-5:])}." if there else "It has no tags."
    return f"no tag of {where} is what is chosen ({wish.choice}). {some}"
