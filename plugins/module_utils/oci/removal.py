# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removing tags and manifests, and nothing that is still in use.

Deleting a manifest by its digest takes all tags that name it along, and breaks every index that has it in it
(OCI distribution spec, "Deleting Manifests"). So what the tags of the repository use is found out first, and once more
right before. What a registry can delete is asked of it with a tag or digest that is not there, so that a plan
knows what its execution will be told.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .client import RegistryClient
from .errors import RegistryError, ResponseError
from .media_types import Descriptor, digest_of
from .referrers import COSIGN_SUFFIXES, fallback_tag
from .tags import TagUse, TagUseReader

_SHOWN = 10

_NO_DIGEST = f"sha256:{'0' * 64}"
"""No content that anyone could find has it."""


class StillInUse(RegistryError):
    """A manifest that tags, or indexes that tags name, still use."""


@dataclasses.dataclass(frozen=True)
class Removal:
    """What is removed, and what that leaves.

    ``digest`` is what is removed, or what the removed tag names; empty if the registry has no such manifest.
    ``references`` are the tags and digests to delete, in this order; ``tags`` those that are gone then, ``deleted`` the
    digests of the manifests. ``users`` are the tags that use the manifest and stay, by naming it or an index with it.
    ``untagged`` has the manifests that stay though no tag uses them any more, ``referrers`` the tags that stay though
    they are about what is deleted.
    """

    repository: str
    digest: str = ""
    references: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    untagged: tuple[str, ...] = ()
    referrers: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything will be deleted."""
        return bool(self.references)


class Remover:
    """Plans removals in one repository and executes them. A plan asks the registry, and deletes nothing."""

    def __init__(self, client: RegistryClient, repository: str) -> None:
        self._client = client
        self._repository = repository
        self._reader = TagUseReader(client, repository)
        self._abilities = _Abilities(client, repository)

    def plan_tag(self, tag: str) -> Removal:
        """Plan to remove a tag alone.

        Where the registry cannot do that, as Distribution 2.8, its manifest is deleted, if nothing else uses it.

        :raises StillInUse: if it cannot, and something does.
        """
        root = self._client.head_manifest(self._repository, tag)
        if root is None:
            return self._plan_lost(tag)
        use = self._reader.read()
        users = use.users(root.digest, besides=tag)
        if self._abilities.tags():
            untagged = () if users else (root.digest,)
            return Removal(self._repository, root.digest, (tag,), (tag,), users=users, untagged=untagged)
        if users:
            raise self._not_alone(use, root, tag)
        return self._with_manifest(use, root, recursive=False)

    def plan_image(self, tag: str, *, recursive: bool = False) -> Removal:
        """Plan to remove a tag, and its manifest unless another tag, or an index that a tag names, uses it.

        :param recursive: with the manifest goes what is in it and what refers to it, as far as nothing else uses it.
        :raises StillInUse: if the manifest must stay and the registry cannot delete a tag alone.
        """
        root = self._client.head_manifest(self._repository, tag)
        if root is None:
            return self._plan_lost(tag)
        use = self._reader.read()
        users = use.users(root.digest, besides=tag)
        if not users:
            return self._with_manifest(use, root, recursive=recursive)
        if not self._abilities.tags():
            raise self._not_alone(use, root, tag)
        return Removal(self._repository, root.digest, (tag,), (tag,), users=users)

    def plan_digest(self, digest: str, *, force: bool = False, recursive: bool = False) -> Removal:
        """Plan to delete a manifest by its digest.

        :param force: also if tags name it, which go along, or indexes that tags name have it in them, which break.
        :raises StillInUse: without ``force``, if there are such tags.
        """
        root = self._client.head_manifest(self._repository, digest)
        if root is None:
            return Removal(self._repository)
        use = self._reader.read()
        if use.users(digest) and not force:
            raise StillInUse(
                f"{self._repository}@{digest} is in use: {_told(use, digest)}.",
                hint="Remove those tags instead, or set force to true: tags that name it go along, indexes break.",
            )
        return self._with_manifest(use, root, recursive=recursive)

    def execute(self, removal: Removal, plan: t.Callable[[], Removal]) -> None:
        """Delete what was planned.

        :param plan: plans the same again. Listings grow old: nothing is deleted if the plan is another one now.
        """
        if not removal.changed:
            return
        if plan() != removal:
            raise RegistryError(
                f"{self._repository} was changed by someone else just now; nothing was deleted.", hint="Try again."
            )
        for reference in removal.references:
            self._client.delete_manifest(self._repository, reference)

    def _plan_lost(self, tag: str) -> Removal:
        """Plan for a tag that names nothing: it may be listed nevertheless, if the registry has lost its manifest."""
        if tag not in self._client.tags(self._repository):
            return Removal(self._repository)
        if not self._abilities.tags():
            raise StillInUse(
                f"{self._repository}:{tag} names a manifest that the registry has lost, and this registry, as "
                "Distribution 2.8, cannot delete a tag alone.",
                hint="Have the tag name another image, then remove that.",
            )
        return Removal(self._repository, "", (tag,), (tag,))

    def _with_manifest(self, use: TagUse, root: Descriptor, *, recursive: bool) -> Removal:
        """Return the removal of a manifest, which takes all its tags along."""
        self._abilities.digests()
        gone = set(use.naming(root.digest))
        below = self._reader.below(root)
        if recursive:
            attached, found = self._unused_with(use, root, gone)
            unused = self._there(found)
            # What refers to it, then it, then what is in it: if this breaks off, no tag names an index that has lost
            # a part, and as long as the tag is there, another run finds all that is left.
            before = [digest for digest in reversed(unused) if digest not in below]
            deleted = (*before, root.digest, *(digest for digest in unused if digest in below))
            gone |= attached
            untagged: tuple[str, ...] = ()
        else:
            needed = use.needed_by(set(use.tags) - gone)
            deleted = (root.digest,)
            untagged = tuple(self._there([digest for digest in below if digest not in needed]))
        return Removal(
            self._repository,
            root.digest,
            references=deleted,
            tags=tuple(sorted(gone)),
            deleted=deleted,
            users=use.containing(root.digest),
            untagged=untagged,
            referrers=tuple(sorted(_attached_tags(use, deleted) - gone)),
        )

    def _unused_with(self, use: TagUse, root: Descriptor, gone: set[str]) -> tuple[set[str], list[str]]:
        """Return what else nothing uses once a manifest is deleted: tags that refer to it, and digests as found.

        What is in it counts, what refers to it or to that, and what refers to those.
        """
        candidates = dict.fromkeys(self._reader.below(root))
        attached: set[str] = set()
        while True:
            needed = use.needed_by(set(use.tags) - gone - attached)
            unused = [digest for digest in candidates if digest not in needed and digest != root.digest]
            more = _attached_tags(use, [root.digest, *unused]) - gone - attached
            if not more:
                return {tag for tag in attached if use.tags[tag] not in needed}, unused
            attached |= more
            for digest in (use.tags[tag] for tag in sorted(more)):
                candidates.update(dict.fromkeys([digest, *use.below.get(digest, ())]))

    def _there(self, digests: t.Iterable[str]) -> list[str]:
        """Return those that the registry has: an index may name platforms that were never copied."""
        return [digest for digest in digests if self._client.head_manifest(self._repository, digest)]

    def _not_alone(self, use: TagUse, root: Descriptor, tag: str) -> StillInUse:
        return StillInUse(
            f"{self._repository}:{tag} cannot be removed alone: this registry, as Distribution 2.8, deletes manifests only, "
            f"and {root.digest}, which it names, is in use: {_told(use, root.digest, besides=tag)}.",
            hint="Nothing was changed. Remove those tags first, have this one name something else, or use registry 3.",
        )


class _Abilities:
    """Finds out what a registry can delete, by having it delete what is not there.

    Versions would say less: they are not in any answer, and deleting may be off in all of them.
    """

    def __init__(self, client: RegistryClient, repository: str) -> None:
        self._client = client
        self._repository = repository
        self._tags: bool | None = None
        self._digests = False

    def tags(self) -> bool:
        """Tell whether it can delete a tag alone.

        Distribution 2.8 takes each reference for a digest and answers 400, Distribution 3 answers 404. If deleting is
        off, both answer 405.

        :raises ResponseError: if it deletes nothing at all.
        """
        if self._tags is None:
            try:
                self._client.delete_manifest(self._repository, _no_tag(self._repository))
                self._tags = True
            except ResponseError as error:
                if error.status not in (400, 405):
                    raise
                self.digests()
                self._tags = False
        return self._tags

    def digests(self) -> None:
        """Do nothing if it can delete manifests.

        :raises ResponseError: if deleting is off, or not allowed.
        """
        if not self._digests:
            self._client.delete_manifest(self._repository, _NO_DIGEST)
            self._digests = True


def plan_removal(
    remover: Remover, reference: str, *, force: bool = False, recursive: bool = False
) -> t.Callable[[], Removal]:
    """Return what plans to remove an image by its tag or digest."""
    if ":" in reference:
        return lambda: remover.plan_digest(reference, force=force, recursive=recursive)
    return lambda: remover.plan_image(reference, recursive=recursive)


def _no_tag(repository: str) -> str:
    """Return a tag that no one gives by chance; always the same, so that messages are."""
    return "dockyard-" + digest_of(f"no tag of {repository}".encode())[7:39]


def _told(use: TagUse, digest: str, *, besides: str = "") -> str:
    same = [name for name in use.naming(digest) if name != besides]
    around = use.containing(digest)
    parts = [f"named by {_joined(same)}"] if same else []
    return "; ".join([*parts, f"part of the index of {_joined(around)}"] if around else parts)


def _joined(tags: t.Sequence[str]) -> str:
    more = f" and {len(tags) - _SHOWN} more" if len(tags) > _SHOWN else ""
    return ", ".join(tags[:_SHOWN]) + more


def _attached_tags(use: TagUse, digests: t.Iterable[str]) -> set[str]:
    """Return the tags that are about some digests: those of the referrers' lists, and cosign's."""
    return {
        fallback_tag(digest) + suffix
        for digest in digests
        for suffix in ("", *COSIGN_SUFFIXES)
        if fallback_tag(digest) + suffix in use.tags
    }
