# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which proxy stands between here and a server, by HTTP_PROXY, HTTPS_PROXY and NO_PROXY.

There is no standard; this follows Go's client, and so Docker's: lower case first, NO_PROXY a comma-separated list of
host names (with their subdomains), addresses, networks (CIDR), each with a port if wanted, or ``*``.
"""

from __future__ import annotations

import dataclasses
import http.client
import ipaddress
import socket
import typing as t
from urllib.parse import unquote

from .auth import Credentials
from .errors import InvalidReference, InvalidSettings
from .origin import Origin, split_url


@dataclasses.dataclass(frozen=True)
class Proxy:
    """An HTTP proxy. Its credentials are its own and never the registry's."""

    origin: Origin
    credentials: Credentials | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What each request to the proxy itself carries."""
        return {"Proxy-Authorization": self.credentials.header} if self.credentials else {}


def proxy_for(origin: Origin, environ: t.Mapping[str, str]) -> Proxy | None:
    """Return the proxy the environment names for a server. Loopback is never reached through one.

    :raises InvalidSettings: if the proxy's URL cannot be used. Proxies are spoken to in plain HTTP.
    """
    url = _variable(environ, f"{origin.scheme}_proxy")
    if not url or origin.is_loopback or _is_exempt(origin, _variable(environ, "no_proxy")):
        return None
    try:
        server, parts = split_url(url if "://" in url else f"http://{url}")
    except InvalidReference as error:
        raise InvalidSettings(f"the environment's {origin.scheme} proxy cannot be used: {error}") from error
    if server.scheme != "http":
        raise InvalidSettings(f"the proxy {server} is an https one.", hint="Only http:// proxies are supported.")
    user = Credentials(unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return Proxy(server, user)


def open_tunnel(proxy: Proxy, origin: Origin, *, timeout: float) -> socket.socket:
    """Return a socket to a server through the proxy (RFC 9110, 9.3.6), on which nothing was said yet.

    The standard library's own tunnels name IPv6 addresses without their brackets before Python 3.12.

    :param timeout: seconds without a byte.
    :raises OSError: if there is no way through; the message holds the proxy's status.
    """
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    connection = http.client.HTTPConnection(proxy.origin.host, proxy.origin.port, timeout=timeout)
    try:
        connection.connect()
        lines = [f"CONNECT {host}:{origin.port} HTTP/1.1", f"Host: {host}:{origin.port}"]
        lines += [f"{name}: {value}" for name, value in proxy.headers.items()]
        connection.sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        answer = http.client.HTTPResponse(connection.sock, method="CONNECT")
        answer.begin()
        # Closes the response's own file; the socket stays open, and a server that speaks TLS does not speak first.
        answer.close()
        if not 200 <= answer.status <= 299:
            raise OSError(f"it answered {answer.status} to CONNECT")
    except BaseException:
        connection.close()
        raise
    return connection.sock


def _variable(environ: t.Mapping[str, str], name: str) -> str:
    # In a CGI program HTTP_PROXY is the client's "Proxy:" header, not the machine's setting (httpoxy).
    upper = "" if name == "http_proxy" and "REQUEST_METHOD" in environ else environ.get(name.upper(), "")
    return (environ.get(name) or upper).strip()


def _is_exempt(origin: Origin, no_proxy: str) -> bool:
    return any(_matches(origin, entry.strip().lower()) for entry in no_proxy.split(",") if entry.strip())


def _matches(origin: Origin, entry: str) -> bool:
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(origin.host) in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        pass  # a name on one of the two sides: compare as names
    name, colon, port = entry.rpartition(":")
    if colon and port.isascii() and port.isdigit():
        if int(port) != origin.port:
            return False
        entry = name.strip("[]")
    entry = entry[1:] if entry.startswith("*.") else entry
    return origin.host == entry.lstrip(".") or origin.host.endswith(f".{entry.lstrip('.')}")
