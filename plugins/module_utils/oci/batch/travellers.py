# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What travels along with an image: signatures, SBOMs, attestations, and what is about those.

Where it is found is the matter of :mod:`.surroundings`; how far it goes is said here.
"""

from __future__ import annotations

import typing as t

from ..client import RegistryClient
from ..errors import ContentError, NotFound
from ..location import Location
from ..origin import Origin
from ..referrers import fallback_tag
from .jobs import Extra
from .sources import Sources
from .surroundings import Places, ReferrersApi, Surroundings

_MAX_DEPTH = 4
"""Levels of what is about something that is about something: a signature of an SBOM is the second."""

_MAX_EXTRAS = 1000
"""Manifests about one image."""


class Travellers:
    """Finds what is about images. Threads share it."""

    def __init__(self, sources: Sources) -> None:
        """Ask nothing yet."""
        self._api = ReferrersApi()
        self._places = Places(sources, self._api)
        self._listed: dict[tuple[Origin, str, str], frozenset[str]] = {}

    def around(self, location: Location) -> Surroundings | None:
        """Return where what is about an image is found, None if nothing there could say so."""
        return self._places.around(location)

    def find(self, around: Surroundings, digests: t.Iterable[str]) -> list[Extra]:
        """Return all that is about some manifests, and about that, each once.

        :raises ContentError: if there is no end to it.
        """
        extras: dict[tuple[str, str], Extra] = {}
        level = list(dict.fromkeys(digests))
        for _depth in range(_MAX_DEPTH):
            found = [extra for digest in level for extra in around.about(digest)]
            new = {(extra.root.digest, extra.tag): extra for extra in found}
            level = [digest for digest, _tag in new if all(digest != known for known, _other in extras)]
            extras.update(new)
            if len(extras) > _MAX_EXTRAS:
                raise ContentError(f"more than {_MAX_EXTRAS} manifests are about one image of {around}.")
            if not level:
                break
        return list(extras.values())

    def listed(self, client: RegistryClient, repository: str, digest: str) -> frozenset[str]:
        """Return the digests that a registry lists for a manifest: what it has without listing it, nobody finds."""
        key = (client.origin, repository, digest)
        if key not in self._listed:
            found = self._api.listed(client, repository, digest)
            if found is None:
                try:
                    found = client.get_manifest(repository, fallback_tag(digest)).children
                except NotFound:
                    found = ()
            self._listed[key] = frozenset(child.digest for child in found)
        return self._listed[key]
