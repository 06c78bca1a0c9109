# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections: time-outs, and a pool of kept-alive HTTP/1.1 connections, TLS or not.

The pool lends a connection to one thread at a time, so there are never more connections to a host than threads that
talk to it, and a thread that asks again gets a warm one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import os
import select
import socket
import ssl
import struct
import threading
import time
import typing as t

from .answers import Connection, PlainConnection, TlsConnection
from .certs_d import HostCertificates
from .errors import ConnectionFailed, InvalidSettings
from .origin import Origin
from .proxies import Proxy, open_tunnel, proxy_for
from .wire import Wire


_SURE = 0.5
"""Seconds that a connection is taken to be open still: servers keep an idle one for seconds, or say in their answer
that they will not, and to ask for each request costs as much as to send it."""


@dataclasses.dataclass(frozen=True)
class TlsSettings:
    """Whom to trust and who to be. Paths are PEM files.

    ``ca_path`` replaces the system's list of CAs, ``extra_cas`` are trusted beside it.
    """

    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    validate_certs: bool = True
    extra_cas: tuple[str, ...] = ()

    def with_host_certificates(self, found: HostCertificates) -> TlsSettings:
        """The settings with what Docker's folder has for the host. What is set here comes first."""
        client = (self.client_cert, self.client_key)
        cert, key = client if self.client_cert else (found.client_cert or None, found.client_key or None)
        cas = () if self.ca_path else found.cas
        return dataclasses.replace(self, client_cert=cert, client_key=key, extra_cas=cas)

    def for_other_hosts(self) -> TlsSettings:
        """The settings for a host the registry redirects to: it is not shown the client certificate."""
        return dataclasses.replace(self, client_cert=None, client_key=None)

    def context(self) -> ssl.SSLContext:
        """Return a TLS context.

        :raises InvalidSettings: if a file is missing, unreadable or not PEM.
        """
        with _usable(self.ca_path):
            context = ssl.create_default_context(cafile=self.ca_path)
        for path in self.extra_cas:
            with _usable(path):
                context.load_verify_locations(path)
        if self.client_cert:
            with _usable(self.client_cert, self.client_key):
                # Without a password callback OpenSSL would ask for one on the terminal.
                context.load_cert_chain(self.client_cert, self.client_key, password=lambda: b"")
        if not self.validate_certs:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@contextlib.contextmanager
def _usable(*paths: str | None) -> t.Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        files = ", ".join(path for path in paths if path)
        raise InvalidSettings(
            f"the TLS files cannot be used ({files}): {error}.",
            hint="They must be readable, unencrypted PEM files.",
        ) from error


@dataclasses.dataclass(frozen=True)
class Timeouts:
    """Seconds to connect, TLS included, and seconds without a byte while reading or writing."""

    connect: float = 10.0
    read: float = 60.0


class ConnectionPool:
    """Lends and takes back connections; one pool for each registry client, shared by its threads."""

    def __init__(self, home: Origin, tls: TlsSettings, timeouts: Timeouts) -> None:
        self._home = home
        self._tls = tls
        self._timeouts = timeouts
        self._lock = threading.Lock()
        self._idle: dict[Origin, list[Connection]] = {}
        self._contexts: dict[TlsSettings, ssl.SSLContext] = {}
        self._proxies: dict[Origin, Proxy | None] = {}
        self.requests = 0
        """The number of requests that connections were lent for."""

    def proxy(self, origin: Origin) -> Proxy | None:
        """Return the proxy on the way to a server, if any."""
        if origin not in self._proxies:
            self._proxies[origin] = proxy_for(origin, os.environ)
        return self._proxies[origin]

    def acquire(
        self, origin: Origin, method: str, url: str, *, repeatable: bool = False, requests: int = 1
    ) -> Connection:
        """Return an open connection, a warm one if there is one that the server has not closed meanwhile.

        :param requests: what it is lent for.
        :param repeatable: take one that was in use a moment ago to be open, since what fails can be tried again.
        :raises ConnectionFailed: if none can be opened; ``method`` and ``url`` are for its message.
        """
        while True:
            with self._lock:
                idle = self._idle.get(origin)
                connection = idle.pop() if idle else None
            if connection is None:
                connection = self._connect(origin, method, url)
            elif not (repeatable and time.monotonic() - connection.idle_since < _SURE) and not _is_alive(connection):
                connection.close()
                continue
            with self._lock:
                self.requests += requests
            return connection

    def release(self, origin: Origin, connection: Connection) -> None:
        """Take back a connection whose answer was read to its end; one that is closed or holds more is dropped."""
        if connection.wire.has_rest:
            connection.close()
        if connection.sock is not None:
            connection.idle_since = time.monotonic()
            with self._lock:
                self._idle.setdefault(origin, []).append(connection)

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def _connect(self, origin: Origin, method: str, url: str) -> Connection:
        proxy = self.proxy(origin)
        connection = self._new(origin, proxy)
        try:
            if proxy and origin.scheme == "https":
                tunnel = open_tunnel(proxy, origin, timeout=self._timeouts.connect)
                connection.sock = self._context(origin).wrap_socket(tunnel, server_hostname=origin.host)
            else:
                connection.connect()
            _limit(connection.sock, self._timeouts.read)
            connection.wire = Wire(connection.sock)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise connection_error(method, url, error, proxy=proxy) from error
        return connection

    def _new(self, origin: Origin, proxy: Proxy | None) -> Connection:
        if origin.scheme == "http":
            server = proxy.origin if proxy else origin
            return PlainConnection(server.host, server.port, timeout=self._timeouts.connect)
        return TlsConnection(
            origin.host, origin.port, timeout=self._timeouts.connect, context=self._context(origin)
        )

    def _context(self, origin: Origin) -> ssl.SSLContext:
        tls = self._tls if origin == self._home else self._tls.for_other_hosts()
        with self._lock:
            if tls not in self._contexts:
                self._contexts[tls] = tls.context()
            return self._contexts[tls]


# OpenSSL's X509_V_ERR_...: CERT_NOT_YET_VALID, CERT_HAS_EXPIRED, HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH.
_CERTIFICATE_HINTS = {
    9: "The clock of this host or of the one that made the certificate is wrong.",
    10: "Renew the registry's certificate and restart the registry, or check this host's clock.",
    62: "Use a host name that is in the registry's certificate, or have one made for this name.",
    64: "Use a host name or address that is in the registry's certificate, or have one made for this address.",
}


def connection_error(method: str, url: str, error: BaseException, *, proxy: Proxy | None = None) -> ConnectionFailed:
    """Return what a failure of the socket, TLS or HTTP layer means."""
    detail = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = _CERTIFICATE_HINTS.get(error.verify_code, "")
        detail = f"certificate refused: {error.verify_message}"
        return ConnectionFailed(method, url, detail, reason="certificate", hint=hint)
    if isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        not_tls = error.reason in (
            "WRONG_VERSION_NUMBER",
            "HTTP_REQUEST",
            "PACKET_LENGTH_TOO_LONG",
            "RECORD_LAYER_FAILURE",
        )
        return ConnectionFailed(
            method, url, f"TLS failed: {error.reason or detail}", reason="not_tls" if not_tls else "tls"
        )
    if isinstance(error, socket.gaierror):
        return ConnectionFailed(method, url, f"host name not found ({detail})", reason="dns")
    # The kernel's own time limit shows as a blocking socket that would block.
    if isinstance(error, (TimeoutError, socket.timeout, BlockingIOError)):
        return ConnectionFailed(method, url, "timed out", reason="timeout")
    if proxy and isinstance(error, OSError):
        return ConnectionFailed(method, url, f"through the proxy {proxy.origin}: {detail}", reason="proxy")
    closed = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, ssl.SSLError, http.client.IncompleteRead)
    if isinstance(error, closed):
        return ConnectionFailed(method, url, f"connection cut off ({detail})", reason="closed")
    if isinstance(error, OSError):
        return ConnectionFailed(method, url, f"no connection ({detail})", reason="refused")
    return ConnectionFailed(method, url, f"not an HTTP answer ({detail})", reason="other")


def _limit(sock: socket.socket, seconds: float) -> None:
    """Have what takes longer on a socket fail, by the kernel if that can be: Python would ask it before each call."""
    if isinstance(sock, ssl.SSLSocket):
        sock.settimeout(seconds)
        return
    sock.settimeout(None)
    limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def _is_alive(connection: Connection) -> bool:
    """Tell whether an idle connection is still open: one that has something to read was closed by the server."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)
