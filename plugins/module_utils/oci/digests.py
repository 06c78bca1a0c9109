# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From references to digests, on whichever registries they are."""

from __future__ import annotations

import typing as t

from .client import RegistryClient
from .origin import Origin
from .platforms import Platform, select_one
from .reference import Reference
from .source import RegistrySource, connect_source


class DigestFinder:
    """Finds digests; keeps one client for each registry. Close it, or use it in a ``with`` statement."""

    def __init__(self, connect: t.Callable[[Origin], RegistryClient], *, plain_http: bool = False) -> None:
        """Take what makes a client.

        :param plain_http: whether registries are reached by http and nothing else; else as ``docker://`` sources are.
        """
        self._connect = connect
        self._plain_http = plain_http
        self._clients: dict[str, RegistryClient] = {}

    def __enter__(self) -> DigestFinder:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all clients."""
        for client in self._clients.values():
            client.close()

    def find(self, reference: Reference, platform: Platform | None = None) -> str:
        """Return the digest of an image, or of its manifest for a platform.

        Without a platform it is one request, a HEAD, which Docker Hub does not count as a pull.

        :raises RegistryError: also if the image, or its platform, is not there.
        """
        source = self._source(reference)
        if platform is None:
            return source.digest()
        return select_one(source, source.root(), platform, where=str(reference)).digest

    def _source(self, reference: Reference) -> RegistrySource:
        client = self._clients.get(reference.api_host)
        if client:
            return RegistrySource(client, reference)
        source = connect_source(reference, self._connect, plain_http=self._plain_http)
        self._clients[reference.api_host] = source.client
        return source
