# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""By which scheme the registry of a docker:// source is reached."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import Origin, parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import parse_reference
from ansible_collections.dockyard.registry.plugins.module_utils.oci.retry import RetryPolicy
from ansible_collections.dockyard.registry.plugins.module_utils.oci.source import connect_source
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Reply,
    ScriptedServer,
)

HOME = parse_registry_url("http://registry.example.com:5000")
OK = Reply(body=b"{}")


@pytest.fixture
def tried() -> list[str]:
    return []


@pytest.fixture
def connect_to(tried: list[str], sleeps: list[float]) -> t.Callable[[Origin], RegistryClient]:
    def connect(origin: Origin) -> RegistryClient:
        tried.append(str(origin))
        return RegistryClient(origin, retry=RetryPolicy(sleep=sleeps.append))

    return connect


@pytest.mark.parametrize(
    ("source", "plain_http", "expected"),
    [
        ("registry.example.com/x", False, "https://registry.example.com"),
        ("other.example.com:5000/x", False, "https://other.example.com:5000"),
        ("[2001:db8::1]:5000/x", False, "https://[2001:db8::1]:5000"),
        ("[2001:db8::1]/x", False, "https://[2001:db8::1]"),
        ("nginx", False, "https://registry-1.docker.io"),
        # The user said by which scheme this one is reached.
        ("registry.example.com:5000/x", False, "http://registry.example.com:5000"),
        ("registry.example.com:5000/x", True, "http://registry.example.com:5000"),
    ],
)
def test_schemes(
    connect_to: t.Callable[[Origin], RegistryClient], tried: list[str], source: str, plain_http: bool, expected: str
) -> None:
    connect_source(parse_reference(source), connect_to, HOME, plain_http=plain_http).close()
    assert tried == [expected]


@pytest.mark.parametrize(("plain_http", "schemes"), [(False, ["https", "http"]), (True, ["http"])])
def test_loopback(
    server: ScriptedServer,
    connect_to: t.Callable[[Origin], RegistryClient],
    tried: list[str],
    plain_http: bool,
    schemes: list[str],
) -> None:
    if plain_http:
        server.on("GET", "/v2/", OK)
    reference = parse_reference(f"127.0.0.1:{server.port}/x")
    connect_source(reference, connect_to, HOME, plain_http=plain_http).close()
    assert [url.partition(":")[0] for url in tried] == schemes


def test_plain_http_beyond_loopback(
    server: ScriptedServer,
    connect_to: t.Callable[[Origin], RegistryClient],
    tried: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy stands in for the host."""
    monkeypatch.setenv("http_proxy", server.url)
    server.on("GET", "http://registry.invalid/v2/", OK)
    connect_source(parse_reference("registry.invalid/x"), connect_to, HOME, plain_http=True).close()
    assert tried == ["http://registry.invalid"]


def test_a_registry_that_speaks_tls_says_so(
    server: ScriptedServer, connect_to: t.Callable[[Origin], RegistryClient]
) -> None:
    server.on("GET", "/v2/", Reply(400, b"Client sent an HTTP request to an HTTPS server.\n"))
    with pytest.raises(RegistryError, match="source_plain_http: false"):
        connect_source(parse_reference(f"127.0.0.1:{server.port}/x"), connect_to, HOME, plain_http=True)
