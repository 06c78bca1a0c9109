# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a registry is reached from a host that pulls or pushes: name, connection, certificate, trust, logins, images.

Each question is answered whatever came of the others. Nothing is changed, and a login is only tried where nobody on the
way can read it.
"""

from __future__ import annotations

import dataclasses
import re
import time
import typing as t

from ..oci.auth import Credentials
from ..oci.client import RegistryClient
from ..oci.connections import Timeouts, TlsSettings
from .engine_reader import EngineReader
from .engines import trusted_files
from ..oci.errors import InvalidSettings, RegistryError, Unauthorized
from .login_file import LoginFile
from ..oci.origin import Origin
from .os_user import OsUser, acting_as, find_user
from .probe import Probe, Trust, check_trust, probe, resolve, trust_context
from ..oci.retry import RetryPolicy

TIMEOUT = 10.0
"""Seconds for a connection, and for an answer on it."""

_AUTHORITY = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?))(?::(?P<port>[0-9]{1,5}))?"
)

LoginProblem = t.Literal["", "none", "refused", "unreadable", "untried", "failed"]


@dataclasses.dataclass(frozen=True)
class TrustFound:
    """What one party makes of the certificate. ``by`` is an engine, ``system`` or ``ca`` (the CA that was given)."""

    by: str
    trust: Trust
    files: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class LoginFound:
    """A login of a user of the host, and what came of trying it."""

    os_user: str
    tool: str
    username: str = ""
    problem: LoginProblem = ""
    detail: str = ""


@dataclasses.dataclass(frozen=True)
class NameFound:
    """The addresses of the registry's name, or why there are none."""

    addresses: tuple[str, ...] = ()
    problem: str = ""


@dataclasses.dataclass(frozen=True)
class EngineFound:
    """What the Docker Engine says: the names of its images, and whether it takes this registry without valid TLS."""

    problem: str = ""
    images: tuple[str, ...] = ()
    insecure: bool = False


def split_authority(registry: str) -> tuple[str, int | None]:
    """Return host, without brackets, and port of ``host[:port]``; no port if none is given.

    :raises InvalidSettings: if it is something else.
    """
    match = _AUTHORITY.fullmatch(registry)
    if not match or not 0 < int(match["port"] or 1) < 65536:
        raise InvalidSettings(
            f"{registry!r} is not host[:port].", hint="Write it as in front of an image's name: no https://, no path."
        )
    return (match["six"] or match["host"]).lower(), int(match["port"]) if match["port"] else None


def find_name(host: str) -> NameFound:
    """Look up a host's addresses."""
    try:
        return NameFound(resolve(host))
    except RegistryError as error:
        return NameFound(problem=error.message)


def find_server(registry: str, *, address: str = "", timeout: float = TIMEOUT) -> Probe:
    """Ask over TLS; if the port does not speak it, in plain HTTP, so that what is there can be told."""
    host, port = split_authority(registry)
    found = probe(Origin("https", host, port or 443), address=address, timeout=timeout)
    if found.reason == "not_tls":
        return probe(Origin("http", host, port or 443), address=address, timeout=timeout)
    return found


def find_trust(
    registry: str, engines: t.Sequence[str], *, pem: str = "", address: str = "", timeout: float = TIMEOUT
) -> list[TrustFound]:
    """Shake hands as each engine would, as a program with the system's CAs would, and with the given CA alone."""
    host, port = split_authority(registry)
    origin = Origin("https", host, port or 443)
    parties: list[tuple[str, str, list[str], bool]] = [("ca", pem, [], False)] if pem else []
    parties.append(("system", "", [], True))
    parties += [(engine, "", trusted_files(engine, registry), True) for engine in engines]
    found = []
    for by, text, files, system in parties:
        try:
            trust = check_trust(
                origin, trust_context(pem=text, files=files, system=system), address=address, timeout=timeout
            )
        except InvalidSettings as error:
            trust = Trust("files", str(error))
        found.append(TrustFound(by, trust, tuple(files)))
    return found


def find_logins(
    registry: str, os_users: t.Sequence[str], tools: t.Sequence[str], server: Probe, trusts: t.Sequence[TrustFound]
) -> list[LoginFound]:
    """Find the users' logins and try each."""
    found = []
    for name in os_users:
        for tool in tools:
            try:
                user = find_user(name)
                with acting_as(user):
                    login = _stored(tool, user, registry)
            except RegistryError as error:
                found.append(LoginFound(name, tool, problem="unreadable", detail=str(error)))
                continue
            if login is None:
                found.append(LoginFound(user.name, tool, problem="none"))
            else:
                found.append(_tried(LoginFound(user.name, tool, login.username), registry, login, server, trusts))
    return found


def find_engine(registry: str, reader: EngineReader) -> EngineFound:
    """Ask the Docker Engine for its images and for what it thinks of the registry."""
    try:
        listed = reader.json("/images/json")
        config = reader.json("/info").get("RegistryConfig") or {}
    except RegistryError as error:
        return EngineFound(problem=str(error))
    names = sorted({str(name) for image in listed for name in image.get("RepoTags") or [] if "<none>" not in name})
    index = (config.get("IndexConfigs") or {}).get(registry) or {}
    return EngineFound(images=tuple(names), insecure=index.get("Secure") is False)


def clock_offset(server: Probe) -> float | None:
    """Return the seconds by which this host's clock is ahead of the registry's, None if the registry named no time."""
    return None if server.date is None else time.time() - server.date


def _stored(tool: str, user: OsUser, registry: str) -> Credentials | None:
    """Return a tool's login; podman looks below /run first, which its own login command writes."""
    if tool == "podman":
        for path in (f"/run/user/{user.uid}/containers/auth.json", f"/run/containers/{user.uid}/auth.json"):
            found = LoginFile.read_path(path, user).login(registry)
            if found:
                return found
    return LoginFile.read(tool, user).login(registry)


def _tried(
    found: LoginFound, registry: str, login: Credentials, server: Probe, trusts: t.Sequence[TrustFound]
) -> LoginFound:
    host, port = split_authority(registry)
    origin = Origin(server.scheme, host, port or 443)
    tls = TlsSettings()
    if server.status is None:
        return dataclasses.replace(found, problem="untried", detail="the registry does not answer")
    if not origin.is_private:
        return dataclasses.replace(found, problem="untried", detail="it would travel in plain HTTP")
    if origin.scheme == "https":
        trusted = next((party for party in trusts if party.by != "ca" and party.trust.ok), None)
        if trusted is None:
            return dataclasses.replace(found, problem="untried", detail="the registry's certificate is not trusted here")
        tls = TlsSettings(ca_path=_ca_file(origin, trusted))
    timeouts = Timeouts(TIMEOUT, TIMEOUT)
    try:
        with RegistryClient(origin, credentials=login, tls=tls, timeouts=timeouts, retry=RetryPolicy(1)) as client:
            client.ping()
    except Unauthorized:
        return dataclasses.replace(found, problem="refused")
    except RegistryError as error:
        return dataclasses.replace(found, problem="failed", detail=str(error))
    return found


def _ca_file(origin: Origin, party: TrustFound) -> str | None:
    """Return the one of a party's files that does it, None if the system's CAs do."""
    for file in party.files:
        if check_trust(origin, trust_context(files=[file])).ok:
            return file
    return None
