# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logging in to a registry: nothing, Basic, or a Bearer token (OCI distribution spec; Docker's token specification).

An :class:`Authenticator` belongs to one registry. It says which Authorization header a request to that registry needs,
and reads the challenge of a 401. It never opens a connection: the transport hands it a function that fetches a token.

Who may be sent a password is decided by :mod:`.trust`; the header for the registry itself is only ever asked for by the
transport when the request goes to the registry's own origin.
"""

from __future__ import annotations

import base64
import dataclasses
import threading
import time
import typing as t
from urllib.parse import SplitResult, urlencode, urlunsplit

from .challenges import Challenge, parse_challenges
from .errors import ContentError, InvalidReference, InvalidSettings, RegistryError
from .media_types import parse_json_object
from .origin import HostPort, Origin, split_url
from .trust import may_ask_anonymously, may_login_at

CLIENT_ID = "dockyard.registry"
"""How this client calls itself to a token server (OAuth2's ``client_id``)."""

_DEFAULT_LIFETIME = 60
"""Seconds a token lives if the answer does not say (Docker's token specification, ``expires_in``)."""

_LONGEST_LIFETIME = 10**9
"""Seconds beyond which a token lives no longer, whatever the answer says."""

Scopes = t.Tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Credentials:
    """A user name and a password; the password is never shown."""

    username: str
    password: str = dataclasses.field(repr=False)

    @property
    def secret(self) -> str:
        """What must not be shown."""
        return self.password

    @property
    def header(self) -> str:
        """The value of a Basic Authorization header (RFC 7617, as UTF-8)."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"


@dataclasses.dataclass(frozen=True)
class IdentityToken:
    """OAuth2's refresh token, which the realm trades for Bearer tokens; the registry itself never sees it."""

    secret: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class RegistryToken:
    """A Bearer token that is ready for the registry, and cannot be renewed.

    :raises InvalidSettings: if it cannot stand in a header.
    """

    secret: str = dataclasses.field(repr=False)

    def __post_init__(self) -> None:
        if not _fits_a_header(self.secret):
            raise InvalidSettings("the registry token is empty or holds characters that no token has.")


Login = t.Union[Credentials, IdentityToken, RegistryToken]


@dataclasses.dataclass(frozen=True)
class TokenRequest:
    """What to ask a token server: GET path and query ``target``, or POST ``form`` to it."""

    origin: Origin
    target: str
    authorization: str | None = dataclasses.field(default=None, repr=False)
    form: bytes | None = dataclasses.field(default=None, repr=False)


FetchToken = t.Callable[[TokenRequest], bytes]
"""Fetches a token's JSON; raises RegistryError."""


class Authenticator:
    """Says how to log in at one registry; safe to share between threads.

    Tokens are kept for each set of scopes until shortly before they end. Without a login, tokens are asked for
    anonymously: that is how public images are read.

    :param token_hosts: servers that the user trusts with the login, whatever their names.
    """

    def __init__(
        self,
        registry: Origin,
        login: Login | None,
        fetch_token: FetchToken,
        *,
        token_hosts: t.Collection[HostPort] = (),
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._login = login
        self._fetch_token = fetch_token
        self._token_hosts = token_hosts
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
                return self._basic
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
                if isinstance(self._login, RegistryToken) and sent == f"Bearer {self._login.secret}":
                    return False  # there is no other, and nobody to ask for one
                token = self._tokens.get(scopes)
                if token and f"Bearer {token[0]}" == sent:
                    del self._tokens[scopes]
            elif sent is not None and sent == self._basic:
                return False  # the same user and password would be refused again
            self._challenge = challenge
        return True

    @property
    def _basic(self) -> str | None:
        return self._login.header if isinstance(self._login, Credentials) else None

    def _choose(self, challenges: list[Challenge]) -> Challenge | None:
        for challenge in challenges:
            # A token that is ready needs no realm to come from.
            if challenge.scheme == "bearer" and (
                challenge.parameters.get("realm") or isinstance(self._login, RegistryToken)
            ):
                return challenge
        if self._basic:
            return next((challenge for challenge in challenges if challenge.scheme == "basic"), None)
        return None

    def _token(self, challenge: Challenge, scopes: Scopes) -> str:
        """Return a token for the scopes, from memory or from the realm. The lock is held: one thread asks for all."""
        if isinstance(self._login, RegistryToken):
            return self._login.secret
        known = self._tokens.get(scopes)
        now = self._clock()
        if known and now < known[1]:
            return known[0]
        request = self._request(challenge, scopes or tuple(challenge.parameters.get("scope", "").split()))
        answer = _parse_token(self._fetch_token(request), where=f"the token from {request.origin}")
        if isinstance(self._login, IdentityToken) and answer.identity_token:
            self._login = IdentityToken(answer.identity_token)
        # A tenth early, so that a token does not end while its request is on the way.
        self._tokens[scopes] = (answer.token, now + answer.lifetime * 0.9)
        return answer.token

    def _request(self, challenge: Challenge, scopes: Scopes) -> TokenRequest:
        """Return what to ask the realm: by GET, or with an identity token by POST (Docker's "OAuth2" specification)."""
        origin, parts = self._realm(challenge.parameters["realm"])
        service = challenge.parameters.get("service", "")
        if isinstance(self._login, IdentityToken):
            form = {"grant_type": "refresh_token", "service": service, "client_id": CLIENT_ID}
            form.update({"scope": " ".join(scopes), "refresh_token": self._login.secret})
            body = urlencode({name: value for name, value in form.items() if value}).encode("ascii")
            return TokenRequest(origin, _target(parts, parts.query), form=body)
        query = [("service", service)] if service else []
        query += [("scope", scope) for scope in scopes]
        joined = "&".join(part for part in (parts.query, urlencode(query)) if part)
        return TokenRequest(origin, _target(parts, joined), self._basic)

    def _realm(self, url: str) -> tuple[Origin, SplitResult]:
        try:
            origin, parts = split_url(url)
        except InvalidReference as error:
            raise RegistryError(f"{self._registry} names a token realm that cannot be used: {error}") from error
        if self._login is None:
            if not may_ask_anonymously(self._registry, origin):
                raise RegistryError(
                    f"{self._registry} wants a token from {origin}, where none may be asked for: nothing was sent.",
                    hint="A token comes over https, and never from this machine for a registry elsewhere; "
                    "check auth.token.realm of the registry.",
                )
        elif not may_login_at(self._registry, origin, self._token_hosts):
            raise RegistryError(
                f"{self._registry} asks to log in at {origin}, which is neither itself nor trusted: nothing was sent.",
                hint=f"If {origin.authority} is its token server, name it in token_hosts (for a source in "
                "source_token_hosts). Beyond loopback, both must be reached over https.",
            )
        return origin, parts


class _TokenAnswer(t.NamedTuple):
    """What a token server gave; ``lifetime`` in seconds, ``identity_token`` a new one in place of the one used."""

    token: str
    lifetime: float
    identity_token: str


def _parse_token(answer: bytes, *, where: str) -> _TokenAnswer:
    try:
        document = parse_json_object(answer, where=where)
    except ContentError as error:
        # Without the hint, which shows how the answer begins: that may be the token.
        raise ContentError(error.message, hint="Is the realm a token server?") from None
    token = document.get("token") or document.get("access_token")
    lifetime, renewed = document.get("expires_in"), document.get("refresh_token")
    if not isinstance(token, str) or not _fits_a_header(token):
        raise ContentError(f"{where} holds no token.", hint="Is the realm a token server?")
    if not isinstance(lifetime, (int, float)) or isinstance(lifetime, bool) or lifetime <= 0:
        lifetime = _DEFAULT_LIFETIME
    return _TokenAnswer(token, float(min(lifetime, _LONGEST_LIFETIME)), renewed if isinstance(renewed, str) else "")


def _target(realm: SplitResult, query: str) -> str:
    return urlunsplit(("", "", realm.path or "/", query, ""))


def _fits_a_header(token: str) -> bool:
    return bool(token) and token.isascii() and token.isprintable() and " " not in token
