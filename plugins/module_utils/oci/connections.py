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
import threading
import typing as t

from .answers import PlainConnection, TlsConnection
from .certs_d import HostCertificates
from .errors import ConnectionFailed, InvalidSettings
from .origin import Origin
from .proxies import Proxy, open_tunnel, proxy_for


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
        self._idle: dict[Origin, list[http.client.HTTPConnection]] = {}
        self._contexts: dict[TlsSettings, ssl.SSLContext] = {}
        self._proxies: dict[Origin, Proxy | None] = {}
        self.lent = 0
        """Times that a connection was lent, which is the number of requests."""

    def proxy(self, origin: Origin) -> Proxy | None:
        """Return the proxy on the way to a server, if any."""
        if origin not in self._proxies:
            self._proxies[origin] = proxy_for(origin, os.environ)
        return self._proxies[origin]

    def acquire(self, origin: Origin, method: str, url: str) -> http.client.HTTPConnection:
        """Return an open connection, a warm one if there is one that the server has not closed meanwhile.

        :raises ConnectionFailed: if none can be opened; ``method`` and ``url`` are for its message.
        """
        while True:
            with self._lock:
                idle = self._idle.get(origin)
                connection = idle.pop() if idle else None
            if connection is None:
                connection = self._connect(origin, method, url)
            elif not _is_alive(connection):
                connection.close()
                continue
            with self._lock:
                self.lent += 1
            return connection

    def release(self, origin: Origin, connection: http.client.HTTPConnection) -> None:
        """Take back a connection whose answer was read to its end; one that is closed is dropped."""
        if connection.sock is not None:
            with self._lock:
                self._idle.setdefault(origin, []).append(connection)

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def _connect(self, origin: Origin, method: str, url: str) -> http.client.HTTPConnection:
        proxy = self.proxy(origin)
        connection = self._new(origin, proxy)
        try:
            if proxy and origin.scheme == "https":
                tunnel = open_tunnel(proxy, origin, timeout=self._timeouts.connect)
                connection.sock = self._context(origin).wrap_socket(tunnel, server_hostname=origin.host)
            else:
                connection.connect()
            connection.sock.settimeout(self._timeouts.read)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise connection_error(method, url, error, proxy=proxy) from error
        return connection

    def _new(self, origin: Origin, proxy: Proxy | None) -> http.client.HTTPConnection:
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
    if isinstance(error, (TimeoutError, socket.timeout)):
        return ConnectionFailed(method, url, "timed out", reason="timeout")
    if proxy and isinstance(error, OSError):
        return ConnectionFailed(method, url, f"through the proxy {proxy.origin}: {detail}", reason="proxy")
    closed = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, ssl.SSLError, http.client.IncompleteRead)
    if isinstance(error, closed):
        return ConnectionFailed(method, url, f"connection cut off ({detail})", reason="closed")
    if isinstance(error, OSError):
        return ConnectionFailed(method, url, f"no connection ({detail})", reason="refused")
    return ConnectionFailed(method, url, f"not an HTTP answer ({detail})", reason="other")


def _is_alive(connection: http.client.HTTPConnection) -> bool:
    """Tell whether an idle connection is still open: one that has something to read was closed by the server."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)
