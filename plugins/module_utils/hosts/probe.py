# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at a server that may be broken: does it answer, in which protocol, with which certificate, trusted by whom.

Where :class:`~.client.RegistryClient` wants an answer, this wants to know why there is none: nothing here retries, and a
certificate is looked at whether it is valid or not. No credentials are ever sent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import email.utils
import http.client
import socket
import ssl
import time
import typing as t

from ..oci.connections import connection_error
from ..oci.errors import InvalidSettings, RegistryError
from ..oci.origin import Origin
from .x509 import Certificate, read_der

TrustProblem = t.Literal["", "expired", "not_yet_valid", "wrong_name", "unknown_ca", "unreachable", "files", "other"]

_VERIFY_CODES: dict[int, TrustProblem] = {
    9: "not_yet_valid",
    10: "expired",
    18: "unknown_ca",
    19: "unknown_ca",
    20: "unknown_ca",
    21: "unknown_ca",
    62: "wrong_name",
    64: "wrong_name",
}
"""OpenSSL's verification results (x509_vfy.h)."""

_PARTIAL_CHAIN = 0x80000
_MAX_BODY = 4096


@dataclasses.dataclass(frozen=True)
class Probe:
    """What came back from ``/v2/``.

    ``status`` is None if no HTTP answer came, and ``reason`` and ``problem`` say why; ``date`` is the server's clock in
    seconds since 1970; ``seconds`` how long it all took. ``certificate`` is there as soon as a TLS handshake was.
    """

    scheme: str
    status: int | None = None
    is_registry: bool = False
    asks_login: bool = False
    date: float | None = None
    seconds: float = 0.0
    body: str = ""
    certificate: Certificate | None = None
    reason: str = ""
    problem: str = ""

    def as_dict(self) -> dict[str, t.Any]:
        """Return plain values; ``days_left`` of the certificate is by this host's clock."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        if self.certificate:
            days = self.certificate.days_left(datetime.datetime.now(datetime.timezone.utc))
            values["certificate"] = {**self.certificate.as_dict(), "days_left": round(days, 2)}
        return values


@dataclasses.dataclass(frozen=True)
class Trust:
    """Whether a certificate is trusted; if not, why: a kind to act on, and OpenSSL's words."""

    problem: TrustProblem = ""
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether a client with this trust would go on."""
        return not self.problem


def resolve(host: str) -> tuple[str, ...]:
    """Return the addresses of a host, in the system's order.

    :raises ConnectionFailed: if there are none.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise connection_error("RESOLVE", host, error) from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def probe(origin: Origin, *, address: str = "", timeout: float = 10.0) -> Probe:
    """Ask for ``/v2/`` once, in the origin's own scheme, whatever the certificate is.

    :param address: where to connect to, if not where the host's name leads.
    """
    started = time.monotonic()
    certificate: Certificate | None = None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    url = f"{origin}/v2/"
    try:
        with _connected(origin, context, address, timeout) as connected:
            if isinstance(connected, ssl.SSLSocket):
                certificate = read_der(connected.getpeercert(binary_form=True) or b"", where=f"what {origin} shows")
            answer = _ask(origin, connected)
    except (OSError, http.client.HTTPException) as error:
        failure = connection_error("GET", url, error)
        return Probe(
            origin.scheme,
            seconds=time.monotonic() - started,
            certificate=certificate,
            reason=failure.reason,
            problem=failure.message,
        )
    except RegistryError as error:
        return Probe(origin.scheme, seconds=time.monotonic() - started, reason="other", problem=error.message)
    return dataclasses.replace(answer, seconds=time.monotonic() - started, certificate=certificate)


def check_trust(origin: Origin, context: ssl.SSLContext, *, address: str = "", timeout: float = 10.0) -> Trust:
    """Shake hands as a client with this trust would, and tell how it went."""
    try:
        with _connected(origin, context, address, timeout):
            return Trust()
    except ssl.SSLCertVerificationError as error:
        return Trust(_VERIFY_CODES.get(error.verify_code, "other"), error.verify_message)
    except OSError as error:
        return Trust("unreachable", connection_error("CONNECT", str(origin), error).message)


def trust_context(*, pem: str = "", files: t.Sequence[str] = (), system: bool = False) -> ssl.SSLContext:
    """Return a context that trusts these CAs and, if asked, the system's.

    As container engines do (Go's crypto/x509): a name counts only if it is a subject alternative name, and a CA that is
    named is trusted though another signed it.

    :raises InvalidSettings: if a file cannot be read or holds no certificate.
    """
    context = ssl.create_default_context() if system else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.hostname_checks_common_name = False
    context.verify_flags |= _PARTIAL_CHAIN
    for name, arguments in [("the CA given", {"cadata": pem})] * bool(pem) + [(file, {"cafile": file}) for file in files]:
        try:
            context.load_verify_locations(**arguments)
        except (OSError, ValueError) as error:
            raise InvalidSettings(
                f"{name} cannot be used as a CA: {error}.", hint="It is to be a readable PEM file of certificates."
            ) from error
    return context


@contextlib.contextmanager
def _connected(origin: Origin, context: ssl.SSLContext, address: str, timeout: float) -> t.Iterator[socket.socket]:
    with socket.create_connection((address or origin.host, origin.port), timeout=timeout) as plain:
        if origin.scheme == "http":
            yield plain
            return
        with context.wrap_socket(plain, server_hostname=origin.host) as secured:
            yield secured


def _ask(origin: Origin, connected: socket.socket) -> Probe:
    connection = http.client.HTTPConnection(origin.host, origin.port)
    connection.sock = connected
    connection.request("GET", "/v2/", headers={"Host": origin.authority, "User-Agent": "dockyard.registry"})
    response = connection.getresponse()
    body = response.read(_MAX_BODY).decode("utf-8", "replace")
    return Probe(
        origin.scheme,
        status=response.status,
        is_registry="registry/2.0" in (response.headers.get("Docker-Distribution-Api-Version") or ""),
        asks_login=response.status == 401,
        date=parse_date(response.headers.get("Date")),
        body="".join(c if c.isprintable() else " " for c in body[:200]),
    )


def parse_date(date: str | None) -> float | None:
    """Read a Date header (RFC 9110, 6.6.1): seconds since 1970, None if there is none or it is no date."""
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() if date else None
    except (TypeError, ValueError, OverflowError):
        return None  # no date at all says as little as one that cannot be read
