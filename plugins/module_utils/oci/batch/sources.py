# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the images of a list come from: each registry is connected once, each archive is opened once."""

from __future__ import annotations

import threading
import typing as t

from ..client import RegistryClient
from ..docker_archive import DockerArchiveSource
from ..engine import Engine
from ..engine_source import EngineSource
from ..errors import ConnectionFailed, RegistryError
from ..file_tree import DirectoryTree, FileTree, TarTree
from ..location import ArchiveLocation, EngineLocation, Location, RegistryLocation
from ..oci_layout import LayoutSource
from ..origin import Origin
from ..platform_source import PlatformSource
from ..platforms import Platform
from ..reference import Reference
from ..source import ImageSource, RegistrySource, connect_source
from ..streams import Readable

Connect = t.Callable[[Origin, str], RegistryClient]
"""Makes a client of a registry for one of its repositories; may return one that it made before."""


class SharedSource(RegistrySource):
    """An image on a registry whose client others use, too."""

    def close(self) -> None:
        """Do nothing: the client belongs to the sources."""


class SharedTree:
    """The files of an archive that several images are in."""

    def __init__(self, tree: FileTree) -> None:
        self.tree = tree
        self.path = tree.path

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes, None if it is not there."""
        return self.tree.size(name)

    def identity(self, name: str) -> str:
        """Return the name of the file that a name leads to over links."""
        return self.tree.identity(name)

    def open(self, name: str) -> Readable:
        """Open a file."""
        return self.tree.open(name)

    def close(self) -> None:
        """Do nothing: the archive belongs to the sources."""


class Sources:
    """Opens sources. Threads may share it. Close it, or use it in a ``with`` statement."""

    def __init__(
        self,
        connect: Connect,
        home: RegistryClient,
        *,
        engine: t.Callable[[], Engine],
        temp_dir: str | None = None,
        plain_http: t.Callable[[Reference], bool] = lambda _reference: False,
    ) -> None:
        """Open nothing yet.

        :param home: the registry that is copied to; a source on the same one is reached by the same URL.
        :param engine: makes the engine of ``docker-daemon:`` sources.
        :param temp_dir: where compressed layers and archives of an engine may be kept.
        :param plain_http: tells whether a registry is reached in plain http, even beyond loopback.
        """
        self._connect = connect
        self._home = home
        self._engine = engine
        self._temp_dir = temp_dir
        self._plain_http = plain_http
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._origins: dict[str, Origin] = {}
        self._unreachable: dict[str, RegistryError] = {}
        self._clients: dict[tuple[str, str], RegistryClient] = {}
        self._trees: dict[tuple[str, str], FileTree] = {}

    def __enter__(self) -> Sources:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections and archives."""
        for client in self._clients.values():
            client.close()
        for tree in self._trees.values():
            tree.close()

    @property
    def requests(self) -> int:
        """The requests that went to registries other than the one that is copied to."""
        clients = {id(client): client for client in self._clients.values() if client is not self._home}
        return sum(client.requests for client in clients.values())

    def open(self, location: Location, platforms: t.Sequence[Platform] = ()) -> ImageSource:
        """Return an image, or what of it is for some platforms; the caller closes it."""
        source = self._open(location)
        return PlatformSource(source, platforms, where=str(location)) if platforms else source

    def client_of(self, location: Location) -> RegistryClient | None:
        """Return the client of the registry that an image is on, None if it is on none."""
        return self._client(location.reference) if isinstance(location, RegistryLocation) else None

    def tags(self, reference: Reference) -> list[str] | None:
        """Return the tags of a repository, None if its registry does not know it."""
        return self._client(reference).find_tags(reference.repository)

    def _open(self, location: Location) -> ImageSource:
        if isinstance(location, RegistryLocation):
            return SharedSource(self._client(location.reference), location.reference)
        if isinstance(location, EngineLocation):
            return EngineSource(self._engine(), location.name, temp_dir=self._temp_dir)
        tree = SharedTree(self._tree(location))
        if location.kind == "docker-archive":
            return DockerArchiveSource(tree, location.selector, temp_dir=self._temp_dir)
        return LayoutSource(tree, location.selector)

    def _tree(self, location: ArchiveLocation) -> FileTree:
        place = ("oci" if location.kind == "oci" else "tar", location.path)
        with self._lock_of(location.path):
            if place not in self._trees:
                self._trees[place] = DirectoryTree(location.path) if place[0] == "oci" else TarTree(location.path)
            return self._trees[place]

    def _client(self, reference: Reference) -> RegistryClient:
        host, repository = reference.api_host, reference.repository
        with self._lock_of(host):
            client = self._clients.get((host, repository))
            if client is None:
                if host in self._unreachable:
                    raise self._unreachable[host]
                try:
                    client = self._new_client(reference)
                except ConnectionFailed as error:
                    # Others wait for the same: each would find it out for itself, one after the other.
                    self._unreachable[host] = error
                    raise
                self._clients[host, repository] = client
                self._origins[host] = client.origin
            return client

    def _new_client(self, reference: Reference) -> RegistryClient:
        def connect(origin: Origin) -> RegistryClient:
            return self._connect(origin, reference.repository)

        origin = self._origins.get(reference.api_host)
        if origin:
            return connect(origin)
        plain = self._plain_http(reference)
        return connect_source(reference, connect, self._home.origin, plain_http=plain).client

    def _lock_of(self, name: str) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(name, threading.Lock())
