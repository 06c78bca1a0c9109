# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logging in: challenges, the rule on realms, tokens kept and renewed."""

from __future__ import annotations

import json
import typing as t
from urllib.parse import parse_qs, urlsplit

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import (
    Authenticator,
    Credentials,
    may_login_at,
    parse_challenges,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ContentError, RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import Origin, split_url

REGISTRY = Origin("https", "registry.example.com", 443)
USER = Credentials("ada", "hunter2")
PULL = ("repository:x:pull",)


def origin(url: str) -> Origin:
    return split_url(url)[0]


@pytest.mark.parametrize(
    ("registry", "realm", "expected"),
    [
        ("https://registry.example.com", "https://registry.example.com/token", True),
        ("https://registry-1.docker.io", "https://auth.docker.io/token", True),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token", True),
        ("http://127.0.0.1:5000", "https://auth.example.com/token", True),
        ("http://registry.lan:5000", "http://registry.lan:5000/token", True),
        # A password in clear over the network.
        ("https://registry.example.com", "http://auth.example.com/token", False),
        ("https://registry.example.com", "http://registry.example.com/token", False),
        # A registry in clear, whose answer anyone may have written.
        ("http://registry.lan:5000", "https://evil.example.com/token", False),
        ("http://registry.lan:5000", "http://registry.lan:5001/token", False),
        # Somebody else's registry that points at this machine.
        ("https://registry.example.com", "http://127.0.0.1:8080/token", False),
        ("https://registry.example.com", "https://localhost/token", False),
    ],
)
def test_who_is_sent_a_password(registry: str, realm: str, expected: bool) -> None:
    assert may_login_at(origin(registry), origin(realm)) is expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        (['Basic realm="a registry"'], [("basic", {"realm": "a registry"})]),
        (["basic"], [("basic", {})]),
        (
            ['Bearer realm="https://a/t?x=1,2",service="s",scope="repository:a/b:pull,push"'],
            [("bearer", {"realm": "https://a/t?x=1,2", "service": "s", "scope": "repository:a/b:pull,push"})],
        ),
        (
            ['Bearer realm="r", error="x, Basic y", Basic realm=z'],
            [("bearer", {"realm": "r", "error": "x, Basic y"}), ("basic", {"realm": "z"})],
        ),
        (["Negotiate", 'Basic realm="a\\"b"'], [("basic", {"realm": 'a"b'})]),
        (["Digest realm=x, nonce=y"], []),
    ],
)
def test_challenges(values: list[str], expected: list[tuple[str, dict[str, str]]]) -> None:
    assert [(challenge.scheme, challenge.parameters) for challenge in parse_challenges(values)] == expected


def test_passwords_are_not_shown() -> None:
    assert "hunter2" not in repr(USER)
    assert Credentials("ü", "ß").header == "Basic w7w6w58="


class TokenServer:
    """Stands in for the transport: counts and answers."""

    def __init__(self, *answers: object) -> None:
        self.asked: list[tuple[Origin, str, str | None]] = []
        self.answers = [answer if isinstance(answer, bytes) else json.dumps(answer).encode() for answer in answers]

    def __call__(self, where: Origin, target: str, authorization: str | None) -> bytes:
        self.asked.append((where, target, authorization))
        return self.answers.pop(0)


def bearer(realm: str = "https://auth.example.com/token?a=b", more: str = ',service="registry"') -> list[str]:
    return [f'Bearer realm="{realm}"{more}']


def logged_in(
    server: TokenServer, credentials: Credentials | None = USER, clock: t.Callable[[], float] = lambda: 0.0
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
    where, target, authorization = server.asked[1]
    assert (str(where), authorization) == ("https://auth.example.com", USER.header)
    assert parse_qs(urlsplit(target).query) == {"a": ["b"], "service": ["registry"], "scope": list(push)}


def test_tokens_are_anonymous_without_credentials() -> None:
    server = TokenServer({"token": "one"})
    assert logged_in(server, credentials=None).header(PULL) == "Bearer one"
    assert server.asked[0][2] is None


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
    assert parse_qs(urlsplit(server.asked[0][1]).query)["scope"] == ["a:b:c", "d:e:f"]


def test_basic_is_tried_once() -> None:
    authenticator = Authenticator(REGISTRY, USER, TokenServer())
    assert authenticator.accept(['Basic realm="x"'], PULL, None)
    assert authenticator.header(PULL) == USER.header
    assert not authenticator.accept(['Basic realm="x"'], PULL, USER.header)


@pytest.mark.parametrize("challenges", [[], ['Basic realm="x"'], ["Negotiate"], ["Bearer service=x"]])
def test_nothing_to_try_without_credentials(challenges: list[str]) -> None:
    assert not Authenticator(REGISTRY, None, TokenServer()).accept(challenges, PULL, None)


@pytest.mark.parametrize(
    "realm", ["http://auth.example.com/token", "http://127.0.0.1/token", "ftp://x", "nonsense", "https://[x"]
)
@pytest.mark.parametrize("credentials", [USER, None])
def test_a_foreign_realm_is_sent_nothing(realm: str, credentials: Credentials | None) -> None:
    server = TokenServer()
    authenticator = Authenticator(REGISTRY, credentials, server)
    assert authenticator.accept(bearer(realm), PULL, None)
    with pytest.raises(RegistryError) as caught:
        authenticator.header(PULL)
    assert not server.asked
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("answer", [b"<html>", {}, {"token": ""}, {"token": 1}, {"token": "a\r\nX: b"}, []])
def test_what_is_no_token(answer: object) -> None:
    with pytest.raises(ContentError):
        logged_in(TokenServer(answer)).header(PULL)
