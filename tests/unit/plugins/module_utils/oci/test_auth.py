# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logging in: what is asked of a token server, tokens kept and renewed. Who may be asked is in test_trust.py."""

from __future__ import annotations

import json
import typing as t
from urllib.parse import parse_qs, urlsplit

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import (
    Authenticator,
    Credentials,
    IdentityToken,
    Login,
    RegistryToken,
    TokenRequest,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    ContentError,
    InvalidSettings,
    RegistryError,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import HostPort, Origin

REGISTRY = Origin("https", "registry.example.com", 443)
USER = Credentials("ada", "hunter2")
PULL = ("repository:x:pull",)


IDENTITY = IdentityToken("hunter2-identity")


def test_secrets_are_not_shown() -> None:
    asked = TokenRequest(REGISTRY, "/token", USER.header, b"refresh_token=hunter2")
    assert "hunter2" not in repr((USER, IDENTITY, RegistryToken("hunter2"), asked))
    assert USER.header not in repr(asked)
    assert Credentials("ü", "ß").header == "Basic w7w6w58="


class TokenServer:
    """Stands in for the transport: counts and answers."""

    def __init__(self, *answers: object) -> None:
        self.asked: list[TokenRequest] = []
        self.answers = [answer if isinstance(answer, bytes) else json.dumps(answer).encode() for answer in answers]

    def __call__(self, request: TokenRequest) -> bytes:
        self.asked.append(request)
        return self.answers.pop(0)


def bearer(realm: str = "https://auth.example.com/token?a=b", more: str = ',service="registry"') -> list[str]:
    return [f'Bearer realm="{realm}"{more}']


def logged_in(
    server: TokenServer, credentials: Login | None = USER, clock: t.Callable[[], float] = lambda: 0.0
) -> Authenticator:
    authenticator = Authenticator(REGISTRY, credentials, server, clock=clock)
    assert authenticator.header(PULL) is None
    assert authenticator.accept(bearer(), PULL, None)
    return authenticator


def test_tokens_are_asked_for_once_for_each_scope() -> None:
    server = TokenServer({"token": "one"}, {"access_token": "two"})
    authenticator = logged_in(server)
    push = ("repository:x:pull,push", "repository:y:pull")
    headers = [authenticator.header(scopes) for scopes in (PULL, PULL, push, push)]
    assert headers == ["Bearer one", "Bearer one", "Bearer two", "Bearer two"]
    asked = server.asked[1]
    assert (str(asked.origin), asked.authorization, asked.form) == ("https://auth.example.com", USER.header, None)
    assert parse_qs(urlsplit(asked.target).query) == {"a": ["b"], "service": ["registry"], "scope": list(push)}


def test_tokens_are_anonymous_without_credentials() -> None:
    server = TokenServer({"token": "one"})
    assert logged_in(server, credentials=None).header(PULL) == "Bearer one"
    assert server.asked[0].authorization is None


def test_tokens_end() -> None:
    now = [1000.0]
    server = TokenServer(
        {"token": "one", "expires_in": 100}, {"token": "two", "expires_in": "soon"}, {"token": "three"}
    )
    authenticator = logged_in(server, clock=lambda: now[0])
    seen = []
    for later in (0, 89, 2, 50, 5):
        now[0] += later
        seen.append(authenticator.header(PULL))
    assert seen == ["Bearer one", "Bearer one", "Bearer two", "Bearer two", "Bearer three"]


def test_a_refused_token_is_renewed_unless_another_thread_has_done_so() -> None:
    server = TokenServer({"token": "one"}, {"token": "two"})
    authenticator = logged_in(server)
    first = authenticator.header(PULL)
    assert authenticator.accept(bearer(), PULL, first)
    assert authenticator.header(PULL) == "Bearer two"
    assert authenticator.accept(bearer(), PULL, first)
    assert authenticator.header(PULL) == "Bearer two"


def test_the_scope_of_the_challenge_serves_requests_without_one() -> None:
    server = TokenServer({"token": "one"})
    authenticator = Authenticator(REGISTRY, None, server)
    assert authenticator.accept(bearer(more=',scope="a:b:c d:e:f"'), (), None)
    authenticator.header(())
    assert parse_qs(urlsplit(server.asked[0].target).query)["scope"] == ["a:b:c", "d:e:f"]


def test_basic_is_tried_once() -> None:
    authenticator = Authenticator(REGISTRY, USER, TokenServer())
    assert authenticator.accept(['Basic realm="x"'], PULL, None)
    assert authenticator.header(PULL) == USER.header
    assert not authenticator.accept(['Basic realm="x"'], PULL, USER.header)


@pytest.mark.parametrize("challenges", [[], ['Basic realm="x"'], ["Negotiate"], ["Bearer service=x"]])
def test_nothing_to_try_without_credentials(challenges: list[str]) -> None:
    assert not Authenticator(REGISTRY, None, TokenServer()).accept(challenges, PULL, None)


LOGINS = [USER, IDENTITY, None]


@pytest.mark.parametrize(
    "realm", ["http://auth.example.com/token", "http://127.0.0.1/token", "ftp://x", "nonsense", "https://[x"]
)
@pytest.mark.parametrize("login", LOGINS)
def test_a_realm_that_cannot_be_used_is_sent_nothing(realm: str, login: Login | None) -> None:
    server = TokenServer()
    authenticator = Authenticator(REGISTRY, login, server)
    assert authenticator.accept(bearer(realm), PULL, None)
    with pytest.raises(RegistryError) as caught:
        authenticator.header(PULL)
    assert not server.asked
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("login", LOGINS)
def test_a_foreign_realm_is_asked_anonymously_only(login: Login | None) -> None:
    server = TokenServer({"token": "one"})
    authenticator = Authenticator(REGISTRY, login, server)
    assert authenticator.accept(bearer("https://evil.example.net/token"), PULL, None)
    if login is None:
        assert authenticator.header(PULL) == "Bearer one"
        return
    with pytest.raises(RegistryError, match="https://evil.example.net.*nothing was sent.*token_hosts"):
        authenticator.header(PULL)
    assert not server.asked


def test_a_realm_that_the_user_names_is_logged_in_at() -> None:
    server = TokenServer({"token": "one"})
    hosts = [HostPort("auth.example.net")]
    authenticator = Authenticator(REGISTRY, USER, server, token_hosts=hosts)
    assert authenticator.accept(bearer("https://auth.example.net/token"), PULL, None)
    assert authenticator.header(PULL) == "Bearer one"
    assert server.asked[0].authorization == USER.header


def test_an_identity_token_is_traded_by_post() -> None:
    server = TokenServer({"access_token": "one", "expires_in": 100}, {"access_token": "two"})
    authenticator = logged_in(server, IDENTITY)
    scopes = ("repository:x:pull,push", "repository:y:pull")
    assert [authenticator.header(scopes) for _time in range(2)] == ["Bearer one", "Bearer one"]
    asked = server.asked[0]
    assert (str(asked.origin), asked.target, asked.authorization) == ("https://auth.example.com", "/token?a=b", None)
    assert parse_qs((asked.form or b"").decode()) == {
        "grant_type": ["refresh_token"],
        "service": ["registry"],
        "client_id": ["dockyard.registry"],
        "scope": [" ".join(scopes)],
        "refresh_token": [IDENTITY.secret],
    }
    # Refused by the registry while it is valid by the clock.
    assert authenticator.accept(bearer(), scopes, "Bearer one")
    assert authenticator.header(scopes) == "Bearer two"


def test_a_renewed_identity_token_takes_the_place_of_the_old() -> None:
    server = TokenServer({"access_token": "one", "refresh_token": "newer"}, {"access_token": "two"})
    authenticator = logged_in(server, IDENTITY)
    authenticator.header(PULL)
    authenticator.header(())
    assert b"refresh_token=newer" in (server.asked[1].form or b"")


def test_an_identity_token_ends_and_is_renewed() -> None:
    now = [0.0]
    server = TokenServer({"access_token": "one", "expires_in": 100}, {"access_token": "two", "expires_in": 100})
    authenticator = logged_in(server, IDENTITY, clock=lambda: now[0])
    seen = []
    for later in (0, 89, 2):
        now[0] += later
        seen.append(authenticator.header(PULL))
    assert seen == ["Bearer one", "Bearer one", "Bearer two"]


def test_an_identity_token_is_no_password() -> None:
    assert not Authenticator(REGISTRY, IDENTITY, TokenServer()).accept(['Basic realm="x"'], PULL, None)


@pytest.mark.parametrize("challenge", [bearer(), ["Bearer service=x"], bearer("https://evil.example.net/")])
def test_a_ready_token_is_used_as_it_is(challenge: list[str]) -> None:
    server = TokenServer()
    authenticator = Authenticator(REGISTRY, RegistryToken("ready"), server)
    assert authenticator.header(PULL) is None
    assert authenticator.accept(challenge, PULL, None)
    assert authenticator.header(PULL) == "Bearer ready"
    assert not authenticator.accept(challenge, PULL, "Bearer ready")
    assert not server.asked


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX: b", "ä"])
def test_what_is_no_ready_token(token: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        RegistryToken(token)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    "answer", [b"<html>", {}, {"token": ""}, {"token": 1}, {"token": "a\r\nX: b"}, {"token": "ä"}, []]
)
def test_what_is_no_token(answer: object) -> None:
    with pytest.raises(ContentError):
        logged_in(TokenServer(answer)).header(PULL)


def test_an_answer_that_is_no_json_is_not_shown() -> None:
    with pytest.raises(ContentError) as caught:
        logged_in(TokenServer(b"hunter2-token")).header(PULL)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("lifetime", [b"1e999", b"NaN", b"1" + b"0" * 400, b"-1", b"true", b"null"])
def test_odd_lifetimes(lifetime: bytes) -> None:
    server = TokenServer(*[b'{"token": "one", "expires_in": %b}' % lifetime] * 2)
    authenticator = logged_in(server)
    assert [authenticator.header(PULL) for _time in range(2)] == ["Bearer one", "Bearer one"]
