# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What refers to the images of a layout, which no list of it says: manifests are read for what they are about."""

from __future__ import annotations

import typing as t

from .describe import MAX_DEPTH
from .errors import ArchiveError, ContentError
from .file_tree import FileTree
from .layout_names import COSIGN_IMAGES, COSIGN_KIND, COSIGN_KINDS, REF_NAME, about_tag, split_name
from .media_types import ALL_TYPES, INDEX_TYPES, Descriptor, Manifest
from .oci_layout import LayoutReader, read_index
from .referrers import COSIGN_SUFFIXES, Referrer, fallback_tag

_MOST_READ = 100_000
"""Manifests of one layout: as many as an archive may have files."""

_MOST_NAMED = 1_000_000
"""Entries of all its indexes: those of platforms that were not exported are among them, and cost a look each."""

_UNTOLD = "What is about its images cannot be told. Export them again, or leave referrers out."


class LayoutReferrers:
    """What is about each manifest of a layout. It is all read at once, so make this once for many images."""

    def __init__(self, tree: FileTree) -> None:
        """Read each manifest that index.json leads to.

        One that an image's index names and that is not there is of a platform that was not exported, and no referrer.

        :raises ArchiveError: if one that index.json itself names is not there, or any is damaged.
        """
        self._path = tree.path
        self._reader = LayoutReader(tree)
        self._about: dict[str, list[Descriptor]] = {}
        self._lists: dict[str, tuple[Descriptor, ...]] = {}
        self._named: dict[str, dict[str, Descriptor]] = {}
        self._seen: set[str] = set()
        self._looks = 0
        entries = read_index(tree)
        try:
            for entry in entries:
                self._read_below(entry)
            for entry in entries:
                self._take_name(entry, entries)
        except ContentError as error:
            raise ArchiveError(error.message, hint=_UNTOLD) from error

    def about(self, digest: str, *, near: str = "") -> tuple[Referrer, ...]:
        """Return what is about a manifest, each once.

        :param near: a repository. If several manifests bear the same tag of cosign, that of this repository is meant.
        :raises ArchiveError: if several bear it, and that does not tell which.
        """
        tag = fallback_tag(digest)
        found = {one.digest: one for one in self._about.get(digest, ())}
        # What a list names and is not there is missing; what is there and about something else was listed by mistake.
        found.update({one.digest: one for one in self._lists.get(tag, ()) if one.digest not in self._seen})
        referrers = [Referrer(one) for one in found.values()]
        for suffix in COSIGN_SUFFIXES:
            if tag + suffix in self._named:
                referrers.append(Referrer(self._choose(tag + suffix, near), tag + suffix))
        return tuple(referrers)

    def manifest(self, referrer: Referrer) -> Manifest:
        """Return the manifest of what is about another.

        :raises ArchiveError: if it is not there, or of a kind that cannot be copied.
        """
        digest = referrer.descriptor.digest
        if not self._reader.has(referrer.descriptor):
            raise ArchiveError(f"{self._path} lacks {digest}, which is about one of its images.", hint=_UNTOLD)
        try:
            return self._reader.manifest(referrer.descriptor)
        except ContentError as error:
            raise ArchiveError(error.message, hint=error.hint or _UNTOLD) from error

    def _read_below(self, entry: Descriptor) -> None:
        """Read an entry of index.json, and all manifests below it."""
        if entry.media_type in ALL_TYPES and not self._reader.has(entry):
            raise ArchiveError(f"{self._path} lacks {entry.digest}, which its index.json names.", hint=_UNTOLD)
        level: tuple[Descriptor, ...] = (entry,)
        # No image has more levels, so what is deeper down could not be copied.
        for _depth in range(MAX_DEPTH + 1):
            level = tuple(child for one in level for child in self._read(one))

    def _read(self, descriptor: Descriptor) -> tuple[Descriptor, ...]:
        """Take down what a manifest is about, and return what it names, the first time that it is met."""
        self._looks += 1
        if self._looks > _MOST_NAMED:
            raise ArchiveError(f"{self._path} has more than {_MOST_NAMED} entries in its indexes.", hint=_UNTOLD)
        if descriptor.digest in self._seen or descriptor.media_type not in ALL_TYPES or not self._reader.has(descriptor):
            return ()
        if len(self._seen) == _MOST_READ:
            raise ArchiveError(f"{self._path} has more than {_MOST_READ} manifests.", hint=_UNTOLD)
        self._seen.add(descriptor.digest)
        manifest = self._reader.manifest(descriptor)
        if manifest.subject:
            self._about.setdefault(manifest.subject.digest, []).append(descriptor)
        return manifest.children

    def _take_name(self, entry: Descriptor, entries: t.Sequence[Descriptor]) -> None:
        """Take down what an entry is about by its name, or by what ``cosign save`` says that it is."""
        tag = about_tag(entry)
        if entry.annotations.get(COSIGN_KIND) in COSIGN_KINDS:
            tag = self._tag_of_saved(entry, entries)
        if tag.endswith(COSIGN_SUFFIXES):
            self._named.setdefault(tag, {})[split_name(entry)[0]] = entry
        elif tag and entry.media_type in INDEX_TYPES:
            self._lists[tag] = self._lists.get(tag, ()) + self._reader.manifest(entry).children

    def _tag_of_saved(self, entry: Descriptor, entries: t.Sequence[Descriptor]) -> str:
        """Return the tag of what ``cosign save`` wrote beside an image: that of the same name, if there are several."""
        kinds = {one.digest: one for one in entries if one.annotations.get(COSIGN_KIND) in COSIGN_IMAGES}
        name = entry.annotations.get(REF_NAME)
        images = {digest for digest, one in kinds.items() if one.annotations.get(REF_NAME) == name} or set(kinds)
        if len(images) != 1:
            raise ArchiveError(
                f"{self._path} does not say which of its {len(images)} images {entry.digest} is about.", hint=_UNTOLD
            )
        return fallback_tag(images.pop()) + COSIGN_KINDS[entry.annotations[COSIGN_KIND]]

    def _choose(self, tag: str, near: str) -> Descriptor:
        named = self._named[tag]
        different = {one.digest: one for one in ([named[near]] if near in named else named.values())}
        if len(different) > 1:
            raise ArchiveError(
                f"{self._path} has {len(different)} manifests called {tag}.",
                hint="Choose the image by a name that begins with its repository.",
            )
        return next(iter(different.values()))
