# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of who may be sent what. Link and Location of uploads have no rule: their host is never used (test_paging,
test_client)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import (
    Origin,
    parse_host_port,
    split_url,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.trust import (
    are_relatives,
    may_ask_anonymously,
    may_follow,
    may_login_at,
)

HUB, EXAMPLE = "https://registry-1.docker.io", "https://registry.example.com"
LOCAL, CLEAR = "http://127.0.0.1:5000", "http://registry.lan:5000"
NO, YES = False, True


def origin(url: str) -> Origin:
    return split_url(url)[0]


@pytest.mark.parametrize(
    ("registry", "realm", "login", "anonymous"),
    [
        # Registries as they are.
        (HUB, "https://auth.docker.io/token", YES, YES),
        ("https://ghcr.io", "https://ghcr.io/token", YES, YES),
        ("https://quay.io", "https://quay.io/v2/auth", YES, YES),
        ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth", YES, YES),
        ("https://docker.elastic.co", "https://docker-auth.elastic.co/auth", YES, YES),
        ("https://harbor.example.com", "https://harbor.example.com/service/token", YES, YES),
        ("https://myteam.azurecr.io", "https://myteam.azurecr.io/oauth2/token", YES, YES),
        (EXAMPLE, "https://registry.example.com:5001/auth", YES, YES),
        (LOCAL, "http://127.0.0.1:5001/auth", YES, YES),
        ("http://localhost:5000", "http://127.0.0.1:5001/auth", YES, YES),
        ("http://[::1]:5000", "http://[::1]:5001/auth", YES, YES),
        # Relatives.
        (EXAMPLE, "https://gitlab.example.com/jwt/auth", YES, YES),
        (EXAMPLE, "https://example.com/auth", YES, YES),
        ("https://example.com", "https://auth.example.com", YES, YES),
        ("https://r.eu.example.com", "https://example.com/auth", YES, YES),
        ("https://registry.example.co.uk", "https://auth.example.co.uk", YES, YES),
        # A sibling's child, and a cousin.
        (EXAMPLE, "https://evil.apps.example.com/auth", NO, YES),
        ("https://r.eu.example.com", "https://auth.us.example.com/auth", NO, YES),
        # Strangers, also those who look like somebody else.
        (EXAMPLE, "https://evil.example.net/token", NO, YES),
        (EXAMPLE, "https://registry.example.com.evil.net/token", NO, YES),
        (EXAMPLE, "https://evilexample.com/token", NO, YES),
        (EXAMPLE, "https://registry.example.com@evil.net/token", NO, YES),
        (HUB, "https://evil.io/token", NO, YES),
        ("https://ghcr.io", "https://quay.io/token", NO, YES),
        ("https://registry.co.uk", "https://evil.co.uk/token", NO, YES),
        ("https://registry.com.au", "https://evil.com.au/token", NO, YES),
        ("https://registry.ac.jp", "https://evil.ac.jp/token", NO, YES),
        ("https://a.co.uk", "https://co.uk/token", NO, YES),
        ("https://myteam.azurecr.io", "https://evil.azurecr.io/token", NO, YES),
        ("https://me.github.io", "https://evil.github.io/token", NO, YES),
        ("https://1.dkr.ecr.eu-west-1.amazonaws.com", "https://2.dkr.ecr.eu-west-1.amazonaws.com/", NO, YES),
        ("https://registry.10.0.0.1.nip.io", "https://evil.10.0.0.1.nip.io/token", NO, YES),
        ("https://registry", "https://auth.registry/token", NO, YES),
        # Addresses have no relatives.
        ("https://10.0.0.1:5000", "https://10.0.0.1:5001/token", YES, YES),
        ("https://10.0.0.1", "https://9.0.0.1/token", NO, YES),
        ("https://0x0a.0.0.0x1", "https://0x0b.0.0.0x1/token", NO, YES),
        ("https://[2001:db8::1]", "https://[2001:db8::2]/token", NO, YES),
        # In clear over the network: the password on its way, or an answer that anyone may have written.
        (EXAMPLE, "http://auth.example.com/token", NO, NO),
        (EXAMPLE, "http://registry.example.com/token", NO, NO),
        ("http://registry.example.com", "https://auth.example.com/token", NO, YES),
        (CLEAR, "https://evil.example.com/token", NO, YES),
        (CLEAR, "http://registry.lan:5001/token", NO, NO),
        (CLEAR, "http://registry.lan:5000/token", YES, YES),
        (LOCAL, "http://auth.example.com/token", NO, NO),
        (LOCAL, "https://auth.example.com/token", NO, YES),
        # A registry elsewhere that points at this machine, in every spelling.
        *(
            (EXAMPLE, f"{scheme}://{host}/token", NO, NO)
            for scheme in ("http", "https")
            for host in (
                *("127.0.0.1", "localhost", "localhost.", "x.localhost", "127.1", "0x7f000001", "2130706433", "0"),
                *("0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]"),
            )
        ),
        (CLEAR, "http://127.0.0.1:5001/token", NO, NO),
    ],
)
def test_realms(registry: str, realm: str, login: bool, anonymous: bool) -> None:
    assert may_login_at(origin(registry), origin(realm)) is login
    assert may_ask_anonymously(origin(registry), origin(realm)) is anonymous


@pytest.mark.parametrize(
    ("registry", "host", "realm", "expected"),
    [
        (EXAMPLE, "auth.example.net", "https://auth.example.net/token", YES),
        (EXAMPLE, "Auth.example.net:443", "https://auth.example.net/token", YES),
        (EXAMPLE, "auth.example.net:5001", "https://auth.example.net:5001/token", YES),
        (EXAMPLE, "[2001:db8::1]:5001", "https://[2001:db8::1]:5001/token", YES),
        (LOCAL, "auth.example.net", "https://auth.example.net/token", YES),
        # Another port or name is another server.
        (EXAMPLE, "auth.example.net", "https://auth.example.net:5001/token", NO),
        (EXAMPLE, "auth.example.net:5001", "https://auth.example.net/token", NO),
        (EXAMPLE, "auth.example.net", "https://x.auth.example.net/token", NO),
        # What is named must be private all the same.
        (EXAMPLE, "auth.example.net", "http://auth.example.net/token", NO),
        (CLEAR, "auth.example.net", "https://auth.example.net/token", NO),
        (EXAMPLE, "127.0.0.1", "https://127.0.0.1/token", NO),
    ],
)
def test_realms_the_user_names(registry: str, host: str, realm: str, expected: bool) -> None:
    assert may_login_at(origin(registry), origin(realm), [parse_host_port(host)]) is expected


@pytest.mark.parametrize(
    ("registry", "target", "expected"),
    [
        (EXAMPLE, "https://storage.example.net/blob", YES),
        (EXAMPLE, "http://storage.example.net/blob", NO),
        (EXAMPLE, "http://registry.example.com/blob", NO),
        (LOCAL, "http://127.0.0.1:9000/blob", YES),
        (CLEAR, "https://storage.example.net/blob", YES),
        (CLEAR, "http://storage.lan/blob", YES),
    ],
)
def test_redirects(registry: str, target: str, expected: bool) -> None:
    assert may_follow(origin(registry), origin(target)) is expected


LABELS = st.text("abcxyz0", min_size=1, max_size=3)
HOSTS = st.lists(LABELS, min_size=1, max_size=5).map(".".join)


@given(HOSTS, HOSTS)
def test_relatives_share_two_labels_and_are_so_both_ways(one: str, other: str) -> None:
    related = are_relatives(one, other)
    assert related is are_relatives(other, one)
    if related:
        assert one.split(".")[-2:] == other.split(".")[-2:]
