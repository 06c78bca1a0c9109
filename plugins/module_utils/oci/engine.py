# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few calls of a Docker engine's API that reading or loading an image takes (Docker Engine API, "Images").

Paths have no version, so each engine answers by the newest it knows: what is used here is the same in all since 1.12.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import http.client
import json
import socket
import typing as t
from urllib.parse import quote, urlsplit

from .errors import InvalidReference, InvalidSettings, RegistryError
from .media_types import platform_of
from .reference import parse_digest
from .streams import BUFFER_SIZE, Readable

EXPORT_PATIENCE = 1800.0
"""Seconds without a byte of an export: engines write the whole image to their own disk before they send the first."""

_TCP_PORT = 2375
_MAX_ANSWER = 32 * 1024 * 1024
_SNAPSHOTTER = "io.containerd.snapshotter.v1"


class EngineError(RegistryError):
    """An engine that cannot be reached, refuses, or answers what is no answer."""


@dataclasses.dataclass(frozen=True)
class EngineAddress:
    """Where an engine listens: the path of a unix socket, or else a host and a port."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.path:
            return f"unix://{self.path}"
        return f"tcp://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def parse_docker_host(text: str, *, tls: bool = False) -> EngineAddress:
    """Parse ``unix:///path`` or ``tcp://host[:port]``, as in ``DOCKER_HOST``.

    :param tls: whether the settings around it ask for TLS, which tcp:// then means.
    :raises InvalidSettings: for anything else, and for TLS, which is not spoken here.
    """
    scheme, _colon, path = text.partition("://")
    if scheme == "unix" and path.startswith("/") and "\0" not in path:
        return EngineAddress(path)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port or _TCP_PORT
    except ValueError as error:
        raise InvalidSettings(f"docker_host {text!r} is no address ({error}).", hint=_ADDRESS_HINT) from error
    if scheme == "https" or (scheme == "tcp" and tls):
        raise InvalidSettings(
            f"docker_host {text!r} asks for TLS (https:// or DOCKER_TLS_VERIFY), which is not spoken to engines.",
            hint="Run the task on the engine's own host, where a unix socket needs no TLS.",
        )
    if scheme != "tcp" or not host or parts.path.strip("/") or parts.query or parts.username is not None:
        raise InvalidSettings(f"docker_host {text!r} cannot be used.", hint=_ADDRESS_HINT)
    return EngineAddress("", host, port)


_ADDRESS_HINT = "It looks like unix:///var/run/docker.sock or tcp://host:2375; for ssh:// run the task on that host."


@dataclasses.dataclass(frozen=True)
class EngineImage:
    """An image as an engine describes it.

    ``id`` is the digest of its configuration; if ``is_layout`` is set, of its manifest or index. ``size`` is in bytes,
    of layers as the engine has them; ``diff_ids`` are the digests of what is in them, the lowest first; ``platform`` is
    ``os/architecture[/variant]``.
    """

    id: str
    size: int
    diff_ids: tuple[str, ...]
    platform: str
    is_layout: bool


class Engine:
    """One engine. Each call is a connection of its own."""

    def __init__(self, address: EngineAddress, *, timeout: float) -> None:
        """Nothing is connected yet.

        :param timeout: seconds to wait for an answer.
        """
        self.address = address
        self._timeout = timeout

    def image(self, name: str) -> EngineImage:
        """Return what the engine has under a reference or an image ID.

        :raises EngineError: if it has no such image; the hint names those that are called alike.
        """
        found = self.find(name)
        if found is None:
            raise EngineError(f"the engine at {self.address} has no image {name}.", hint=self._alike(name))
        return found

    def find(self, name: str) -> EngineImage | None:
        """Return what the engine has under a reference or an image ID, None if there is no such image."""
        status, document = self._ask(f"/images/{quote(name, safe='/:@')}/json")
        if status == 404:
            return None
        described = self._object(status, document, f"for the image {name}")
        try:
            image_id = parse_digest(str(described.get("Id")))
        except InvalidReference as error:
            raise EngineError(f"the engine at {self.address} gives {name} no ID: {error.message}") from error
        size, rootfs = described.get("Size"), described.get("RootFS")
        layers = rootfs.get("Layers") if isinstance(rootfs, dict) else None
        return EngineImage(
            image_id,
            size if isinstance(size, int) else 0,
            tuple(str(layer) for layer in layers) if isinstance(layers, list) else (),
            platform_of({key.lower(): described.get(key) for key in ("Os", "Architecture", "Variant")}),
            self._has_layouts(),
        )

    def export(self, image_ids: t.Sequence[str]) -> Readable:
        """Return the archive of images, as ``docker save`` makes it; what they share is in it once. Close it."""
        connection = self._connect(max(self._timeout, EXPORT_PATIENCE))
        try:
            names = [quote(image_id, safe=":") for image_id in image_ids]
            target = f"/images/{names[0]}/get" if len(names) == 1 else f"/images/get?names={'&names='.join(names)}"
            response = self._send(connection, target)
            if response.status != 200:
                self._refuse(response.status, self._whole(response), f"for the archive of {', '.join(image_ids)}")
        except BaseException:
            connection.close()
            raise
        return _Export(connection, lambda buffer: self._receive(response, buffer))

    def platform(self) -> str:
        """Return the platform that the engine runs on, ``os/architecture``."""
        status, document = self._ask("/version")
        version = self._object(status, document, "for /version")
        return f"{version.get('Os')}/{version.get('Arch')}"

    @contextlib.contextmanager
    def load(self, size: int) -> t.Iterator[LoadStream]:
        """Return a stream for the archive of images, as ``docker load`` sends it; at the block's end they are there.

        :param size: the bytes that will be written.
        :raises EngineError: if the engine does not take it.
        """
        connection = self._connect(max(self._timeout, EXPORT_PATIENCE))
        try:
            stream = LoadStream(connection)
            try:
                connection.putrequest("POST", "/images/load?quiet=1")
                for name, value in (("Content-Type", "application/x-tar"), ("Content-Length", str(size))):
                    connection.putheader(name, value)
                connection.putheader("Connection", "close")
                connection.endheaders()
            except (OSError, http.client.HTTPException) as error:
                raise engine_failure(self.address, error) from error
            try:
                yield stream
            except _TakesNoMore:
                pass  # it has answered before the end, and says why
            self._check_loaded(connection)
        finally:
            connection.close()

    def _check_loaded(self, connection: http.client.HTTPConnection) -> None:
        try:
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise engine_failure(self.address, error) from error
        body = self._body(response)
        if response.status != 200:
            self._refuse(response.status, _json(body), "to load an image")
        # One JSON document a line: a failure comes after the status.
        for line in body.splitlines():
            document = _json(line)
            if isinstance(document, dict) and document.get("error"):
                raise EngineError(
                    f"the engine at {self.address} does not load the image: {str(document['error'])[:500]}.",
                    hint="Look into the engine's log.",
                )

    def _has_layouts(self) -> bool:
        """Tell whether images are kept by containerd, as they came from a registry, and not by a graph driver."""
        status, document = self._ask("/info")
        pairs = self._object(status, document, "for /info").get("DriverStatus")
        return isinstance(pairs, list) and ["driver-type", _SNAPSHOTTER] in pairs

    def _alike(self, name: str) -> str:
        """Return a hint with the names most like one that is not there."""
        _status, document = self._ask("/images/json")
        images = [image for image in document if isinstance(image, dict)] if isinstance(document, list) else []
        names = sorted({str(tag) for image in images for tag in image.get("RepoTags") or [] if tag != "<none>:<none>"})
        short = name.replace("docker.io/library/", "", 1).replace("docker.io/", "", 1)
        near = difflib.get_close_matches(short, names, n=5, cutoff=0.4) or names[:5]
        if not near:
            return "It has no image with a name; one without is chosen by docker-daemon:sha256:ID."
        return f"It has {', '.join(near)}{' and others' if len(names) > len(near) else ''}."

    def _ask(self, target: str) -> tuple[int, object]:
        connection = self._connect(self._timeout)
        try:
            response = self._send(connection, target)
            return response.status, self._whole(response)
        finally:
            connection.close()

    def _whole(self, response: http.client.HTTPResponse) -> object:
        return _json(self._body(response))

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        parts = bytearray()
        buffer = memoryview(bytearray(BUFFER_SIZE))
        while len(parts) <= _MAX_ANSWER:
            size = self._receive(response, buffer)
            if not size:
                return bytes(parts)
            parts += buffer[:size]
        raise EngineError(f"the engine at {self.address} answered with more than {_MAX_ANSWER} bytes.")

    def _object(self, status: int, document: object, what: str) -> dict[str, t.Any]:
        if status == 200 and isinstance(document, dict):
            return document
        self._refuse(status, document, what)

    def _refuse(self, status: int, document: object, what: str) -> t.NoReturn:
        words = str(document.get("message", "")) if isinstance(document, dict) else str(document or "")
        hint = "Look into the engine's log."
        if "HTTPS server" in words:
            hint = "It speaks TLS there, which is not spoken to engines: run the task on the engine's own host."
        raise EngineError(
            f"the engine at {self.address}, asked {what}, answered {status}: {words[:500] or 'nothing'}.", hint=hint
        )

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        if self.address.path:
            return UnixConnection(self.address.path, timeout)
        return http.client.HTTPConnection(self.address.host, self.address.port, timeout=timeout)

    def _send(self, connection: http.client.HTTPConnection, target: str) -> http.client.HTTPResponse:
        try:
            connection.request("GET", target, headers={"Connection": "close"})
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise engine_failure(self.address, error) from error

    def _receive(self, response: http.client.HTTPResponse, buffer: memoryview) -> int:
        try:
            size = response.readinto(buffer)
            if not size and response.length:
                raise http.client.IncompleteRead(b"", response.length)
            return size
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise engine_failure(self.address, error) from error


def engine_failure(address: EngineAddress, error: BaseException) -> EngineError:
    """Return what a failure of the socket or of HTTP means."""
    detail = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    hint = "Is a Docker engine running there? docker_host or DOCKER_HOST names another."
    if isinstance(error, PermissionError):
        hint = "Use become: true, or let the user into the group docker, which makes him as good as root."
    elif isinstance(error, FileNotFoundError):
        hint = "No Docker engine is running, or it listens elsewhere: docker_host or DOCKER_HOST names that."
    elif isinstance(error, (TimeoutError, socket.timeout)):
        hint = "It is slow or hangs: look into its log, or raise the time-out."
    elif isinstance(error, (http.client.HTTPException, ValueError)):
        hint = "Its answer broke off, or is not HTTP: look into its log."
    return EngineError(f"the engine at {address} does not answer: {detail or type(error).__name__}.", hint=hint)


class _Export:
    """An archive on its way."""

    def __init__(self, connection: http.client.HTTPConnection, readinto: t.Callable[[memoryview], int]) -> None:
        self._connection = connection
        self._readinto = readinto

    def readinto(self, buffer: memoryview, /) -> int:
        """Read on; 0 at the end, and only there."""
        return self._readinto(buffer)

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


class _TakesNoMore(Exception):
    """The engine takes no more of what is sent."""


class LoadStream:
    """What is written here goes to the engine."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection

    def write(self, data: bytes | memoryview) -> int:
        """Send all of it."""
        try:
            self._connection.send(data)
        except OSError as error:
            raise _TakesNoMore from error
        return len(data)


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _json(body: bytes) -> object:
    """Return a document, or the text of what is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return " ".join(body[:500].decode("utf-8", "replace").split())
