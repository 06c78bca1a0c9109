# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logging in to a registry: nothing, Basic, or a Bearer token (OCI distribution spec; Docker's token specification).

An :class:`Authenticator` belongs to one registry. It says which Authorization header a request to that registry needs,
and reads the challenge of a 401. It never opens a connection: the transport hands it a function that fetches a token.

The one rule on who is sent a password is :func:`may_login_at`; the header for the registry itself is only ever asked
for by the transport when the request goes to the registry's own origin.
"""

from __future__ import annotations

import base64
import dataclasses
import re
import threading
import time
import typing as t
from urllib.parse import urlencode, urlsplit, urlunsplit

from .errors import ContentError, InvalidReference, RegistryError
from .media_types import parse_json_object
from .origin import Origin, split_url

_DEFAULT_LIFETIME = 60
"""Seconds a token lives if the answer does not say (Docker's token specification, ``expires_in``)."""

_PARAMETER = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^",\s]+))')
_CHALLENGE = re.compile(r"(?:^|,)\s*(Bearer|Basic)(?=[\s,]|$)", re.IGNORECASE)

Scopes = t.Tuple[str, ...]


FetchToken = t.Callable[[Origin, str, t.Optional[str]], bytes]
"""Fetches a token's JSON: from this server, path and query, with this Authorization header; raises RegistryError."""


@dataclasses.dataclass(frozen=True)
class Credentials:
    """A user name and a password; the password is never shown."""

    username: str
    password: str = dataclasses.field(repr=False)

    @property
    def header(self) -> str:
        """The value of a Basic Authorization header (RFC 7617, as UTF-8)."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"


@dataclasses.dataclass(frozen=True)
class Challenge:
    """One challenge of a WWW-Authenticate header; ``scheme`` is lower-case, as are the names of ``parameters``."""

    scheme: str
    parameters: t.Mapping[str, str]


def parse_challenges(values: t.Iterable[str]) -> list[Challenge]:
    """Return the Basic and Bearer challenges of WWW-Authenticate headers (RFC 9110, 11.6.1), others left out."""
    challenges: list[Challenge] = []
    for value in values:
        starts = list(_CHALLENGE.finditer(_without_quoted(value)))
        for start, following in zip(starts, [*starts[1:], None]):
            text = value[start.end() : following.start() if following else None]
            parameters = {
                name.lower(): re.sub(r"\\(.)", r"\1", quoted) or bare for name, quoted, bare in _PARAMETER.findall(text)
            }
            challenges.append(Challenge(start.group(1).lower(), parameters))
    return challenges


def may_login_at(registry: Origin, realm: Origin) -> bool:
    """Tell whether the registry's credentials may be sent to the Bearer realm that the registry names.

    - The registry's own origin: yes, it is who the credentials are for.
    - Otherwise, both must be private, that is reached over https or on loopback: a realm in clear shows the password
      to everyone on the way, and a registry in clear may have had its answer changed by anyone on the way.
    - A realm on loopback only for a registry on loopback: a distant registry has no business on this machine.
    """
    if realm == registry:
        return True
    if realm.is_loopback and not registry.is_loopback:
        return False
    return registry.is_private and realm.is_private


class Authenticator:
    """Says how to log in at one registry; safe to share between threads.

    Tokens are kept for each set of scopes until shortly before they end. Without credentials, tokens are asked for
    anonymously: that is how public images are read.
    """

    def __init__(
        self,
        registry: Origin,
        credentials: Credentials | None,
        fetch_token: FetchToken,
        *,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._credentials = credentials
        self._fetch_token = fetch_token
        self._clock = clock
        self._lock = threading.Lock()
        self._challenge: Challenge | None = None
        self._tokens: dict[Scopes, tuple[str, float]] = {}

    def header(self, scopes: Scopes) -> str | None:
        """Return the Authorization header for a request to the registry, or None before it has asked for one."""
        with self._lock:
            if self._challenge is None:
                return None
            if self._challenge.scheme == "basic":
                return self._credentials.header if self._credentials else None
            return f"Bearer {self._token(self._challenge, scopes)}"

    def accept(self, www_authenticate: t.Iterable[str], scopes: Scopes, sent: str | None) -> bool:
        """Read the challenge of a 401 and tell whether the request is worth sending again.

        :param sent: the Authorization header that was refused. If another thread has logged in since, that is enough.
        :raises RegistryError: if a token is needed and cannot be had.
        """
        challenge = self._choose(parse_challenges(www_authenticate))
        if challenge is None:
            return False
        with self._lock:
            if challenge.scheme == "bearer":
                token = self._tokens.get(scopes)
                if token and f"Bearer {token[0]}" == sent:
                    del self._tokens[scopes]
            elif sent is not None and sent == (self._credentials.header if self._credentials else None):
                return False  # the same user and password would be refused again
            self._challenge = challenge
        return True

    def _choose(self, challenges: list[Challenge]) -> Challenge | None:
        for challenge in challenges:
            if challenge.scheme == "bearer" and challenge.parameters.get("realm"):
                return challenge
        if self._credentials:
            return next((challenge for challenge in challenges if challenge.scheme == "basic"), None)
        return None

    def _token(self, challenge: Challenge, scopes: Scopes) -> str:
        """Return a token for the scopes, from memory or from the realm. The lock is held: one thread asks for all."""
        known = self._tokens.get(scopes)
        now = self._clock()
        if known and now < known[1]:
            return known[0]
        origin, target = self._realm(challenge, scopes)
        answer = self._fetch_token(origin, target, self._credentials.header if self._credentials else None)
        token, lifetime = _parse_token(answer, where=f"the token from {origin}")
        # A tenth early, so that a token does not end while its request is on the way.
        self._tokens[scopes] = (token, now + lifetime * 0.9)
        return token

    def _realm(self, challenge: Challenge, scopes: Scopes) -> tuple[Origin, str]:
        try:
            origin, parts = split_url(challenge.parameters["realm"])
        except InvalidReference as error:
            raise RegistryError(f"{self._registry} names a token realm that cannot be used: {error}") from error
        if not may_login_at(self._registry, origin):
            raise RegistryError(
                f"{self._registry} asks to log in at {origin}, which is neither itself nor trusted: nothing was sent.",
                hint="A realm elsewhere needs https on both sides; check auth.token.realm of the registry.",
            )
        wanted = scopes or tuple(challenge.parameters.get("scope", "").split())
        query = [("service", challenge.parameters["service"])] if challenge.parameters.get("service") else []
        query += [("scope", scope) for scope in wanted]
        joined = "&".join(part for part in (parts.query, urlencode(query)) if part)
        return origin, urlunsplit(("", "", urlsplit(challenge.parameters["realm"]).path or "/", joined, ""))


def _parse_token(answer: bytes, *, where: str) -> tuple[str, float]:
    document = parse_json_object(answer, where=where)
    token = document.get("token") or document.get("access_token")
    lifetime = document.get("expires_in")
    if not isinstance(token, str) or not token or not token.isprintable():
        raise ContentError(f"{where} holds no token.", hint="Is the realm a token server?")
    if not isinstance(lifetime, (int, float)) or isinstance(lifetime, bool) or lifetime <= 0:
        lifetime = _DEFAULT_LIFETIME
    return token, float(lifetime)


def _without_quoted(value: str) -> str:
    """Return the header with quoted strings blanked, same length, so that their text is not taken for a challenge."""
    return re.sub(r'"(?:[^"\\]|\\.)*"', lambda match: " " * len(match.group()), value)
