# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an image can be copied from."""

from __future__ import annotations

import typing as t

from .client import RegistryClient
from .describe import ContentReader, RepositoryReader
from .errors import ConnectionFailed
from .media_types import Descriptor, Manifest
from .origin import Origin, is_loopback
from .reference import Reference
from .streams import Readable


class ImageSource(ContentReader, t.Protocol):
    """One image somewhere. All that it hands out is verified, or is verified while it is read."""

    def digest(self) -> str:
        """Return the digest of the image, as cheaply as can be."""

    def root(self) -> Manifest:
        """Return the manifest or index that the image is."""

    def open_blob(self, descriptor: Descriptor) -> Readable:
        """Open a blob; the caller closes it. Threads may call this at the same time."""

    def check(self, blobs: t.Sequence[Descriptor]) -> None:
        """Fail now if a blob could not be read later, as far as that can be told without moving it."""

    def mountable_from(self, origin: Origin) -> str:
        """Return the repository of that registry which holds the image, empty if it is elsewhere."""

    def close(self) -> None:
        """Give back files and connections."""


class RegistrySource(RepositoryReader):
    """An image on a registry. The client belongs to the source and is closed with it."""

    def __init__(self, client: RegistryClient, reference: Reference) -> None:
        super().__init__(client, reference.repository)
        self._reference = reference

    def digest(self) -> str:
        """Return the digest by HEAD, which Docker Hub does not count as a pull."""
        found = self.client.head_manifest(self.repository, self._reference.target)
        # A HEAD has no body: if there is nothing, the GET raises the registry's own words.
        return found.digest if found else self.root().digest

    def root(self) -> Manifest:
        """Return the manifest or index; by tag and digest, the digest decides."""
        return self.client.get_manifest(self.repository, self._reference.target)

    def open_blob(self, descriptor: Descriptor) -> Readable:
        """Open a blob; its digest is verified while it is read."""
        return self.client.open_blob(self.repository, descriptor)

    def check(self, blobs: t.Sequence[Descriptor]) -> None:
        """Do nothing: a registry's blobs are verified on their way, reading them twice would double the traffic."""

    def mountable_from(self, origin: Origin) -> str:
        """Return the repository if the registry is the same."""
        return self.repository if origin == self.client.origin else ""

    def close(self) -> None:
        """Close the client."""
        self.client.close()


def connect_source(
    reference: Reference, connect: t.Callable[[Origin], RegistryClient], home: Origin | None = None
) -> RegistrySource:
    """Return the source of a ``docker://`` reference: https, and as in Docker plain http only on loopback.

    Loopback is asked over https first; only if that port does not speak TLS is http tried. A certificate that is
    refused stays refused.

    :param home: a registry whose scheme is known, since the user gave its URL: it is reached by that.
    """
    if home and reference.api_host == home.authority:
        return RegistrySource(connect(home), reference)
    host, port = _host_and_port(reference.api_host)
    origin = Origin("https", host, port or 443)
    client = connect(origin)
    if is_loopback(host) and not _speaks_tls(client):
        client.close()
        client = connect(Origin("http", host, port or 80))
    return RegistrySource(client, reference)


def _speaks_tls(client: RegistryClient) -> bool:
    try:
        client.ping()
    except ConnectionFailed as error:
        if error.reason in ("not_tls", "closed"):
            return False
        client.close()
        raise
    return True


def _host_and_port(registry: str) -> tuple[str, int]:
    host, colon, port = registry.rpartition(":") if not registry.endswith("]") else (registry, "", "")
    if not colon:
        host, port = registry, "0"
    return host.strip("[]"), int(port)
