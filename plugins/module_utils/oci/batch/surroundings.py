# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where what is about images is found: around each on its registry, or in its layout. Other sources say nothing of it."""

from __future__ import annotations

import threading
import typing as t

from ..client import RegistryClient
from ..errors import RegistryError
from ..location import ArchiveLocation, Location, RegistryLocation
from ..media_types import Descriptor
from ..origin import Origin
from ..referrers import COSIGN_SUFFIXES, fallback_tag
from .jobs import Extra
from .sources import Sources

if t.TYPE_CHECKING:
    from ..file_tree import FileTree
    from ..layout_referrers import LayoutReferrers


class Surroundings(t.Protocol):
    """The place that an image is in; as a text, what messages call it. Threads share it."""

    def about(self, digest: str) -> t.Sequence[Extra]:
        """Return what is about a manifest, without what is about that in turn."""


class ReferrersApi:
    """Asks registries what refers to a manifest. One that has no such API is asked once."""

    def __init__(self) -> None:
        self._without: set[Origin] = set()

    def listed(self, client: RegistryClient, repository: str, digest: str) -> tuple[Descriptor, ...] | None:
        """Return what the API lists, None if there is none."""
        if client.origin in self._without:
            return None
        found = client.referrers(repository, digest)
        if found is None:
            self._without.add(client.origin)
        return found


class RegistrySurroundings:
    """A repository of a registry.

    A list of its tags, read once, says for all its images which have a fallback tag or tags of cosign. Only a registry
    with the referrers API is asked for each manifest (see :mod:`..referrers`).
    """

    def __init__(self, client: RegistryClient, repository: str, api: ReferrersApi) -> None:
        self._client = client
        self._repository = repository
        self._api = api
        self._lock = threading.Lock()
        self._tags: frozenset[str] | None = None
        self._found: dict[str, list[Extra]] = {}

    def __str__(self) -> str:
        return self._repository

    def about(self, digest: str) -> t.Sequence[Extra]:
        """Return what is about a manifest."""
        if digest not in self._found:
            self._found[digest] = self._ask(digest)
        return self._found[digest]

    def _ask(self, digest: str) -> list[Extra]:
        tags = self._all_tags()
        listed = self._api.listed(self._client, self._repository, digest)
        if listed is None:
            known = fallback_tag(digest) in tags
            listed = self._client.get_manifest(self._repository, fallback_tag(digest)).children if known else ()
        found = [Extra(self._client.get_manifest(self._repository, child.digest), "") for child in listed]
        named = [fallback_tag(digest) + suffix for suffix in COSIGN_SUFFIXES]
        return found + [Extra(self._client.get_manifest(self._repository, tag), tag) for tag in named if tag in tags]

    def _all_tags(self) -> frozenset[str]:
        with self._lock:
            if self._tags is None:
                self._tags = frozenset(self._client.tags(self._repository))
            return self._tags


class LayoutSurroundings:
    """An OCI layout, for its images that are named after one repository: there may be several repositories in it."""

    def __init__(self, contents: LayoutContents, near: str) -> None:
        self._contents = contents
        self._near = near

    def __str__(self) -> str:
        return self._contents.path

    def about(self, digest: str) -> t.Sequence[Extra]:
        """Return what is about a manifest."""
        referrers = self._contents.read()
        found = referrers.about(digest, near=self._near)
        return [Extra(referrers.manifest(referrer), referrer.tag) for referrer in found]


class LayoutContents:
    """What the manifests of a layout are about: read once, when it is asked for first. Threads share it."""

    def __init__(self, tree: FileTree) -> None:
        self.path = tree.path
        self._tree = tree
        self._lock = threading.Lock()
        self._referrers: LayoutReferrers | None = None
        self._error: RegistryError | None = None

    def read(self) -> LayoutReferrers:
        """Return it. What cannot be read is not read again.

        :raises ArchiveError: if it cannot be read.
        """
        from ..layout_referrers import LayoutReferrers

        with self._lock:
            if self._error is not None:
                raise self._error
            if self._referrers is None:
                try:
                    self._referrers = LayoutReferrers(self._tree)
                except RegistryError as error:
                    self._error = error
                    raise
            return self._referrers


class Places:
    """Knows the surroundings of each image of a list: the one place that tells the kinds apart. Threads share it."""

    def __init__(self, sources: Sources, api: ReferrersApi) -> None:
        self._sources = sources
        self._api = api
        self._lock = threading.Lock()
        self._repositories: dict[tuple[Origin, str], RegistrySurroundings] = {}
        self._layouts: dict[str, LayoutContents] = {}

    def around(self, location: Location) -> Surroundings | None:
        """Return the surroundings of an image, None if it has none: an engine and a docker-archive hold images only."""
        if isinstance(location, RegistryLocation):
            client, repository = self._sources.client_of(location), location.reference.repository
            with self._lock:
                key = (client.origin, repository)
                return self._repositories.setdefault(key, RegistrySurroundings(client, repository, self._api))
        if not isinstance(location, ArchiveLocation) or location.kind == "docker-archive":
            return None
        tree = self._sources.tree_of(location)
        with self._lock:
            contents = self._layouts.setdefault(location.path, LayoutContents(tree))
        return LayoutSurroundings(contents, location.selector.rpartition(":")[0])
