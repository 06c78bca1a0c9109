# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the images of a list come from: each registry is connected once, each archive is opened once.

What reads archives and engines is imported when there is one: Ansible compiles a module's code at each start.
"""

from __future__ import annotations

import threading
import typing as t

from ..client import RegistryClient
from ..errors import ConnectionFailed, RegistryError
from ..location import ArchiveLocation, EngineLocation, Location, RegistryLocation
from ..origin import Origin
from ..platforms import Platform
from ..reference import Reference
from ..source import ImageSource, RegistrySource, connect_source

if t.TYPE_CHECKING:
    from ..engine import Engine
    from ..engine_exports import EngineExports
    from ..file_tree import FileTree

Connect = t.Callable[[Origin, str], RegistryClient]
"""Makes a client of a registry for one of its repositories; may return one that it made before."""


class SharedSource(RegistrySource):
    """An image on a registry whose client others use, too."""

    def close(self) -> None:
        """Do nothing: the client belongs to the sources."""


class Sources:
    """Opens sources. Threads may share it. Close it, or use it in a ``with`` statement."""

    def __init__(
        self,
        connect: Connect,
        home: RegistryClient | None = None,
        *,
        engine: t.Callable[[], Engine],
        temp_dir: str | None = None,
        plain_http: t.Callable[[Reference], bool] = lambda _reference: False,
    ) -> None:
        """Open nothing yet.

        :param home: the registry that is copied to, if there is one; a source on the same one is reached by the same URL.
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
        self._exports: EngineExports | None = None

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
        if self._exports is not None:
            self._exports.close()

    @property
    def requests(self) -> int:
        """The requests that went to registries other than the one that is copied to."""
        clients = {id(client): client for client in self._clients.values() if client is not self._home}
        return sum(client.requests for client in clients.values())

    def open(self, location: Location, platforms: t.Sequence[Platform] = ()) -> ImageSource:
        """Return an image, or what of it is for some platforms; the caller closes it."""
        source = self._open(location)
        if not platforms:
            return source
        from ..platform_source import PlatformSource

        return PlatformSource(source, platforms, where=str(location))

    def client_of(self, location: RegistryLocation) -> RegistryClient:
        """Return the client of the registry that an image is on."""
        return self._client(location.reference)

    def tree_of(self, location: ArchiveLocation) -> FileTree:
        """Return the files of the directory or archive that an image is in; they stay open as long as the sources."""
        return self._shared_tree(location)

    def tags(self, reference: Reference) -> list[str] | None:
        """Return the tags of a repository, None if its registry does not know it."""
        return self._client(reference).find_tags(reference.repository)

    def _open(self, location: Location) -> ImageSource:
        if isinstance(location, RegistryLocation):
            return SharedSource(self._client(location.reference), location.reference)
        if isinstance(location, EngineLocation):
            from ..engine_source import EngineSource

            return EngineSource(self._engine_exports(), location.name, owns=False)
        from ..open_source import image_in

        return image_in(self._shared_tree(location), location, self._temp_dir)

    def _engine_exports(self) -> EngineExports:
        with self._lock:
            if self._exports is None:
                from ..engine_exports import EngineExports

                self._exports = EngineExports(self._engine(), self._temp_dir)
            return self._exports

    def _shared_tree(self, location: ArchiveLocation) -> FileTree:
        from ..file_tree import SharedTree
        from ..open_source import tree_at

        place = ("oci" if location.kind == "oci" else "tar", location.path)
        with self._lock_of(location.path):
            if place not in self._trees:
                self._trees[place] = tree_at(location)
            return SharedTree(self._trees[place])

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
        return connect_source(reference, connect, self._home.origin if self._home else None, plain_http=plain).client

    def _lock_of(self, name: str) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(name, threading.Lock())
