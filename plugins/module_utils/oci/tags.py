# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags of a repository: what they name, which manifests are in use by them, and moving one."""

from __future__ import annotations

import dataclasses
import difflib
import typing as t
from concurrent.futures import ThreadPoolExecutor

from .client import RegistryClient
from .errors import InvalidReference, NotFound
from .media_types import INDEX_TYPES, Descriptor, Manifest
from .reference import RepositoryTag, parse_digest, parse_repository, parse_repository_tag
from .referrers import add_to_fallback

THREADS = 8
_NEAREST = 5


def parse_named_tag(text: str) -> RepositoryTag:
    """Parse ``repository:tag``. What is to be moved or removed is said: there is no default.

    :raises InvalidReference: if a part breaks the grammar or is missing.
    """
    parsed = parse_repository_tag(text)
    if not text.endswith(f":{parsed.tag}"):
        raise InvalidReference(f"{text!r} has no tag.", hint=f"Say which: for example {text}:{parsed.tag}.")
    return parsed


def parse_named(text: str) -> tuple[str, str]:
    """Parse ``repository:tag`` or ``repository@digest`` and return the repository and the tag or digest.

    :raises InvalidReference: if a part breaks the grammar, or there is not exactly one of the two.
    """
    name, at, digest = text.partition("@")
    if not at:
        return parse_named_tag(text)
    if ":" in name:
        raise InvalidReference(f"{text!r} has a tag and a digest.", hint="Give repository:tag or repository@digest.")
    return parse_repository(name), parse_digest(digest)


def nearest_tags(client: RegistryClient, repository: str, tag: str) -> tuple[str, ...]:
    """Return the tags of a repository that are most like one, at most five, the most alike first."""
    return tuple(difflib.get_close_matches(tag, set(client.tags(repository)), n=_NEAREST, cutoff=0.3))


def get_named(client: RegistryClient, repository: str, reference: str) -> Manifest:
    """Return the manifest or index that a tag or digest names.

    :raises NotFound: if there is none; for a tag the hint names the nearest that there are.
    """
    try:
        return client.get_manifest(repository, reference)
    except NotFound as error:
        if error.is_registrys_own and ":" not in reference:
            error.hint = f"{repository} has no tag that is like it."
            nearest = nearest_tags(client, repository, reference)
            if nearest:
                error.hint = f"The nearest tags of {repository} are {', '.join(nearest)}."
        raise


@dataclasses.dataclass(frozen=True)
class TagUse:
    """What the tags of a repository name, at one moment.

    ``tags`` is what each tag names; ``below`` has, for the digest of each index that a tag names, all digests in it,
    those of nested indexes too.
    """

    tags: t.Mapping[str, str]
    below: t.Mapping[str, tuple[str, ...]]

    def naming(self, digest: str) -> tuple[str, ...]:
        """Return the tags that name a manifest, sorted."""
        return tuple(sorted(tag for tag, named in self.tags.items() if named == digest))

    def containing(self, digest: str) -> tuple[str, ...]:
        """Return the tags that name an index with this manifest in it, sorted."""
        return tuple(sorted(tag for tag, named in self.tags.items() if digest in self.below.get(named, ())))

    def users(self, digest: str, *, besides: str = "") -> tuple[str, ...]:
        """Return the tags that name a manifest or an index with it, but for one of them, sorted."""
        return tuple(sorted({*self.naming(digest), *self.containing(digest)} - {besides}))

    def needed_by(self, tags: t.Iterable[str]) -> frozenset[str]:
        """Return all digests that some tags name or have in their indexes."""
        named = {self.tags[tag] for tag in tags}
        return frozenset(named.union(*(self.below.get(digest, ()) for digest in named)))


class TagUseReader:
    """Finds out what the tags of a repository use, again and again; an index is read only once."""

    def __init__(self, client: RegistryClient, repository: str) -> None:
        self._client = client
        self._repository = repository
        self._children: dict[str, tuple[Descriptor, ...]] = {}

    def read(self) -> TagUse:
        """Ask for the digest of every tag, and read the indexes among them.

        :raises RegistryError: if anything cannot be read: what is in use must not be guessed.
        """
        names = sorted(set(self._client.tags(self._repository)))
        with ThreadPoolExecutor(THREADS) as executor:
            found = list(executor.map(lambda name: self._client.head_manifest(self._repository, name), names))
            tags = {name: descriptor for name, descriptor in zip(names, found) if descriptor}
            indexes = {named.digest: named for named in tags.values() if named.media_type in INDEX_TYPES}
            below = list(executor.map(self.below, indexes.values()))
        return TagUse({name: named.digest for name, named in tags.items()}, dict(zip(indexes, below)))

    def below(self, root: Descriptor) -> tuple[str, ...]:
        """Return the digests of all that an index has in it, those of nested indexes too; none for an image."""
        found: dict[str, None] = {}
        waiting = [root]
        for index in waiting:
            # Each is followed once, so that what many indexes share, as deep as they may nest, costs one request.
            new = {child.digest: child for child in self._children_of(index) if child.digest not in found}
            found.update(dict.fromkeys(new))
            waiting.extend(new.values())
        return tuple(found)

    def _children_of(self, index: Descriptor) -> tuple[Descriptor, ...]:
        if index.media_type not in INDEX_TYPES:
            return ()
        if index.digest not in self._children:
            try:
                self._children[index.digest] = self._client.get_manifest(self._repository, index.digest).children
            except NotFound as error:
                if not error.is_registrys_own:
                    raise
                return ()  # named by an index, but not there: it uses nothing
        return self._children[index.digest]


@dataclasses.dataclass(frozen=True)
class TagMove:
    """A tag that is to name a manifest.

    ``before`` is the digest it names now, empty if there is no such tag. ``untagged`` is that digest if then no tag
    names it any more, nor an index with it, else empty. ``manifest`` is what the tag will name.
    """

    target: RepositoryTag
    manifest: Manifest
    before: str
    untagged: str

    @property
    def changed(self) -> bool:
        """Whether anything will be written."""
        return self.before != self.manifest.digest


def plan_move(client: RegistryClient, target: RepositoryTag, reference: str) -> TagMove:
    """Find out what it takes to have a tag name what a digest, or another tag of its repository, names; writes nothing.

    :raises NotFound: if there is no such digest or tag.
    """
    manifest = get_named(client, target.repository, reference)
    current = client.head_manifest(target.repository, target.tag)
    before = current.digest if current else ""
    untagged = ""
    if before and before != manifest.digest:
        use = TagUseReader(client, target.repository).read()
        untagged = "" if use.users(before, besides=target.tag) else before
    return TagMove(target, manifest, before, untagged)


def execute_move(client: RegistryClient, move: TagMove) -> None:
    """Do what a plan says: the same bytes are written under the tag, so the digest stays."""
    if move.changed and not client.put_manifest(move.target.repository, move.target.tag, move.manifest):
        add_to_fallback(client, move.target.repository, move.manifest)
