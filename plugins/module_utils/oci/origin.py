# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a server is: scheme, host and port, and what that says about trust.

Credentials and tokens belong to an origin; all rules on who may be sent what compare values of this type.
"""

from __future__ import annotations

import ipaddress
import typing as t
from urllib.parse import SplitResult, urljoin, urlsplit

from .errors import InvalidReference
from .reference import parse_registry

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(t.NamedTuple):
    """``scheme`` is http or https, ``host`` has no brackets, ``port`` is always set."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """``host[:port]`` as in a reference: IPv6 in brackets, no default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there stays on this machine: ``localhost``, 127.0.0.0/8 or ::1."""
        return is_loopback(self.host)

    @property
    def is_private(self) -> bool:
        """Whether nobody on the way can read along: TLS or loopback."""
        return self.scheme == "https" or self.is_loopback


class HostPort(t.NamedTuple):
    """A server as people name it in settings: no scheme, and without a port the usual one of whatever scheme is met."""

    host: str
    port: int | None = None

    def matches(self, origin: Origin) -> bool:
        """Tell whether this names the server."""
        return self.host == origin.host and (self.port or _DEFAULT_PORTS[origin.scheme]) == origin.port

    def origin(self, scheme: str) -> Origin:
        """Return the server as it is reached by http or https."""
        return Origin(scheme, self.host, self.port or _DEFAULT_PORTS[scheme])


def parse_host_port(text: str) -> HostPort:
    """Parse ``host[:port]``, the host a name, an IPv4 address or an IPv6 address in brackets.

    :raises InvalidReference: for anything else.
    """
    parts = urlsplit(f"//{parse_registry(text)}")
    return HostPort(parts.hostname or "", parts.port)


def is_loopback(host: str) -> bool:
    """Tell whether a host, without brackets, is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # any other name: its address may change, so it is not trusted


def parse_registry_url(url: str) -> Origin:
    """Parse the URL of a registry: http or https, a host, a port if need be, nothing else.

    :raises InvalidReference: for any other scheme, for a path, a query or credentials in the URL.
    """
    origin, parts = split_url(url)
    if parts.username is not None or parts.password is not None:
        raise InvalidReference("the registry's URL holds credentials.", hint="Give them as username and password.")
    if parts.path.rstrip("/") or parts.query or parts.fragment:
        raise InvalidReference(
            f"the registry's URL {url!r} has a path.", hint=f"Use {origin}; /v2/ is always at the root."
        )
    return origin


def split_url(url: str) -> tuple[Origin, SplitResult]:
    """Return the origin of an absolute URL, and all its parts.

    :raises InvalidReference: if it is no http or https URL with a host.
    """
    hint = "It looks like https://registry.example.com or http://127.0.0.1:5000."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidReference(f"not a URL ({error}).", hint=hint) from error
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "\\" in parts.netloc or " " in parts.netloc:
        raise InvalidReference(
            f"{parts.scheme + '://…' if parts.scheme else url!r} is not an http or https URL.", hint=hint
        )
    return Origin(parts.scheme, parts.hostname, port or _DEFAULT_PORTS[parts.scheme]), parts


def resolve_url(base: str, location: str) -> tuple[Origin, SplitResult]:
    """Return the absolute URL that a server's Location means, split as by :func:`split_url`.

    :raises InvalidReference: if it is none.
    """
    try:
        url = urljoin(base, location)
    except ValueError as error:
        raise InvalidReference(f"the server at {split_url(base)[0]} sends on to what is no URL ({error}).") from error
    return split_url(url)
