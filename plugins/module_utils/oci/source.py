# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an image can be copied from."""

from __future__ import annotations

import socket
import ssl
import typing as t

from .client import RegistryClient
from .describe import ContentReader, RepositoryReader
from .errors import ConnectionFailed, RegistryError
from .media_types import Descriptor, Manifest
from .origin import Origin, is_loopback, parse_host_port
from .reference import Reference
from .streams import Count, CountingReader, Readable

if t.TYPE_CHECKING:
    from .compressed_layers import UnpackedLayers


_HANDSHAKE = 10.0
"""Seconds for a handshake on loopback."""


class BlobSource(t.Protocol):
    """What blobs are read from."""

    def open_blob(self, descriptor: Descriptor) -> Readable:
        """Open a blob; the caller closes it. Threads may call this at the same time."""


class CountedBlobs:
    """Blobs of a source that are counted while they are read."""

    def __init__(self, source: BlobSource, count: Count) -> None:
        self._source = source
        self._count = count

    def open_blob(self, descriptor: Descriptor) -> Readable:
        """Open a blob."""
        return CountingReader(self._source.open_blob(descriptor), self._count)


class ImageSource(BlobSource, ContentReader, t.Protocol):
    """One image somewhere. All that it hands out is verified, or is verified while it is read."""

    def known_digest(self) -> str:
        """Return the digest of :meth:`root` if it is known, or found with no layer moved; else empty."""

    def want(self) -> bool:
        """Say that :meth:`root` will be asked for; true if others of the same kind should say so before."""

    def unpacked(self) -> UnpackedLayers | None:
        """Return the layers that :meth:`root` has to compress unless it is told before that it need not; else None."""

    def is_same(self, present: Manifest) -> bool:
        """Tell whether what a registry has is this image already, without moving a layer."""

    def platform(self) -> str:
        """Return the platform if this is one manifest whose :meth:`root` costs moving its layers; else empty."""

    def root(self) -> Manifest:
        """Return the manifest or index that the image is."""

    def check(self, blobs: t.Sequence[Descriptor]) -> None:
        """Fail now if a blob could not be read later, as far as that can be told without moving it."""

    def mountable_from(self, origin: Origin) -> str:
        """Return the repository of that registry which holds the image, empty if it is elsewhere."""

    def place(self) -> tuple[str, str]:
        """Return what it shares with all sources that read the same content.

        For a registry that is ``host[:port]`` and the repository, for all else an empty text and what tells it apart.
        """

    def close(self) -> None:
        """Give back files and connections."""


class RegistrySource(RepositoryReader):
    """An image on a registry. The client belongs to the source and is closed with it."""

    def __init__(self, client: RegistryClient, reference: Reference) -> None:
        super().__init__(client, reference.repository)
        self._reference = reference

    def known_digest(self) -> str:
        """Return the digest of the reference, or else ask for it."""
        return self._reference.digest or self.digest()

    def want(self) -> bool:
        """Return false: each image has its own requests."""
        return False

    def unpacked(self) -> None:
        """Return None: layers stay as they are."""

    def is_same(self, present: Manifest) -> bool:
        """Tell by the digest, which is asked for by HEAD: Docker Hub does not count that as a pull."""
        return present.digest == self.digest()

    def digest(self) -> str:
        """Return the digest by HEAD."""
        found = self.client.head_manifest(self.repository, self._reference.target)
        # A HEAD has no body: if there is nothing, the GET raises the registry's own words.
        return found.digest if found else self.root().digest

    def platform(self) -> str:
        """Return an empty string: the root tells, and moves no layer."""
        return ""

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

    def place(self) -> tuple[str, str]:
        """Return registry and repository."""
        return self.client.origin.authority, self.repository

    def close(self) -> None:
        """Close the client."""
        self.client.close()


def connect_source(
    reference: Reference,
    connect: t.Callable[[Origin], RegistryClient],
    home: Origin | None = None,
    *,
    plain_http: bool = False,
) -> RegistrySource:
    """Return the source of a ``docker://`` reference: https, and as in Docker plain http only on loopback.

    Loopback is asked over https first; only if that port does not speak TLS is http tried. A certificate that is
    refused stays refused.

    :param home: a registry whose scheme is known, since the user gave its URL: it is reached by that.
    :param plain_http: the user wants plain http for every other registry, beyond loopback, too.
    """
    server = parse_host_port(reference.api_host)
    if home and server.matches(home):
        return RegistrySource(connect(home), reference)
    client = connect(server.origin("http" if plain_http else "https"))
    if plain_http:
        # A port that speaks TLS says so in the body of a 400, which the HEAD that comes first would not have.
        _ping(client)
    elif is_loopback(server.host) and not ((client.names_files or _shakes_hands(client.origin)) and _speaks_tls(client)):
        client.close()
        client = connect(server.origin("http"))
    return RegistrySource(client, reference)


def _shakes_hands(origin: Origin) -> bool:
    """Tell whether a port on loopback may speak TLS. Nothing is sent over it, so nothing need be trusted for that.

    To read the system's CAs takes longer than all of this, and is in vain if the answer is no. Files that the user named are
    read in any case: one that is missing is told, whatever the port speaks.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((origin.host, origin.port), timeout=_HANDSHAKE) as connection:
            context.wrap_socket(connection, server_hostname=origin.host).close()
    except (ssl.SSLError, ConnectionResetError):
        return False
    except OSError:
        return True  # whatever it is, the client says it better
    return True


def _speaks_tls(client: RegistryClient) -> bool:
    try:
        _ping(client)
    except ConnectionFailed as error:
        if error.reason in ("not_tls", "closed"):
            return False
        raise
    return True


def _ping(client: RegistryClient) -> None:
    try:
        client.ping()
    except RegistryError:
        client.close()
        raise
