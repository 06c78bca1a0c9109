# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What travels along with an image: signatures, SBOMs, attestations, found where its repository has them.

A list of the repository's tags, read once, says for all its images which have a fallback tag or tags of cosign. Only a
registry with the referrers API is asked for each manifest (see :mod:`..referrers`).
"""

from __future__ import annotations

import threading
import typing as t

from ..client import RegistryClient
from ..errors import ContentError, NotFound
from ..media_types import Descriptor
from ..origin import Origin
from ..referrers import COSIGN_SUFFIXES, fallback_tag
from .jobs import Extra

_MAX_DEPTH = 4
"""Levels of what is about something that is about something: a signature of an SBOM is the second."""

_MAX_EXTRAS = 1000
"""Manifests about one image."""


class Travellers:
    """Finds what is about images. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tags: dict[tuple[Origin, str], frozenset[str]] = {}
        self._found: dict[tuple[Origin, str, str], list[Extra]] = {}
        self._listed: dict[tuple[Origin, str, str], frozenset[str]] = {}
        self._without_api: set[Origin] = set()

    def find(self, client: RegistryClient, repository: str, digests: t.Iterable[str]) -> list[Extra]:
        """Return all that is about some manifests, and about that, each once.

        :raises ContentError: if there is no end to it.
        """
        extras: dict[tuple[str, str], Extra] = {}
        level = list(dict.fromkeys(digests))
        for _depth in range(_MAX_DEPTH):
            found = [extra for digest in level for extra in self._about(client, repository, digest)]
            new = {(extra.root.digest, extra.tag): extra for extra in found}
            level = [digest for digest, _tag in new if all(digest != known for known, _other in extras)]
            extras.update(new)
            if len(extras) > _MAX_EXTRAS:
                raise ContentError(f"more than {_MAX_EXTRAS} manifests are about one image of {repository}.")
            if not level:
                break
        return list(extras.values())

    def _about(self, client: RegistryClient, repository: str, digest: str) -> list[Extra]:
        key = (client.origin, repository, digest)
        if key not in self._found:
            self._found[key] = self._ask(client, repository, digest)
        return self._found[key]

    def _ask(self, client: RegistryClient, repository: str, digest: str) -> list[Extra]:
        tags = self._tags_of(client, repository)
        listed = self._by_api(client, repository, digest)
        if listed is None:
            known = fallback_tag(digest) in tags
            listed = client.get_manifest(repository, fallback_tag(digest)).children if known else ()
        found = [Extra(client.get_manifest(repository, child.digest), "") for child in listed]
        named = [fallback_tag(digest) + suffix for suffix in COSIGN_SUFFIXES]
        return found + [Extra(client.get_manifest(repository, tag), tag) for tag in named if tag in tags]

    def listed(self, client: RegistryClient, repository: str, digest: str) -> frozenset[str]:
        """Return the digests that a registry lists for a manifest: what it has without listing it, nobody finds."""
        key = (client.origin, repository, digest)
        if key not in self._listed:
            found = self._by_api(client, repository, digest)
            if found is None:
                try:
                    found = client.get_manifest(repository, fallback_tag(digest)).children
                except NotFound:
                    found = ()
            self._listed[key] = frozenset(child.digest for child in found)
        return self._listed[key]

    def _by_api(self, client: RegistryClient, repository: str, digest: str) -> tuple[Descriptor, ...] | None:
        """Return what the referrers API lists; None if there is none, which is asked once."""
        if client.origin in self._without_api:
            return None
        found = client.referrers(repository, digest)
        if found is None:
            self._without_api.add(client.origin)
        return found

    def _tags_of(self, client: RegistryClient, repository: str) -> frozenset[str]:
        key = (client.origin, repository)
        with self._lock:
            if key not in self._tags:
                self._tags[key] = frozenset(client.tags(repository))
            return self._tags[key]
