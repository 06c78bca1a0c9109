# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that answer, answer otherwise, or do not answer at all."""

from __future__ import annotations

import pathlib
import socket
import time
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ConnectionFailed, InvalidSettings
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import Origin, parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.probe import (
    check_trust,
    parse_date,
    probe,
    resolve,
    trust_context,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.certificates import (
    Certificates,
    make_certificates,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Hangup,
    Reply,
    ScriptedServer,
    registry_error,
)

Make = t.Callable[..., ScriptedServer]
VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("strangers"))


def test_a_registry(server: ScriptedServer) -> None:
    server.on("GET", "/v2/", registry_error(401, "UNAUTHORIZED", **VERSION))
    found = probe(parse_registry_url(server.url))
    assert (found.status, found.is_registry, found.asks_login, found.problem) == (401, True, True, "")
    assert found.date is not None and abs(found.date - time.time()) < 5
    assert found.certificate is None and found.seconds > 0


def test_another_server(server: ScriptedServer) -> None:
    server.on("GET", "/v2/", Reply(404, b"<html>\x1b[31mhello"))
    found = probe(parse_registry_url(server.url))
    assert (found.status, found.is_registry, found.asks_login) == (404, False, False)
    assert "hello" in found.body and "\x1b" not in found.body


def test_a_server_that_hangs_up(server: ScriptedServer) -> None:
    server.on("GET", "/v2/", Hangup())
    found = probe(parse_registry_url(server.url))
    assert (found.status, found.reason) == (None, "closed")


def test_a_certificate_is_seen_whether_trusted_or_not(scripted: Make, certificates: Certificates) -> None:
    server = scripted(certificates.context()).on("GET", "/v2/", Reply(200, b"{}", VERSION))
    found = probe(parse_registry_url(server.url))
    assert found.status == 200
    assert found.certificate is not None and found.certificate.names == ("127.0.0.1",)


def test_plain_http_where_tls_is_asked_for(server: ScriptedServer) -> None:
    found = probe(Origin("https", "127.0.0.1", server.port))
    assert (found.status, found.reason) == (None, "not_tls")


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Tue, 24 Nov 2026 06:00:00 GMT", 1795500000),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_dates(date: str | None, seconds: float | None) -> None:
    assert parse_date(date) == seconds


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = probe(Origin("http", "127.0.0.1", port))
    assert (found.status, found.reason) == (None, "refused")
    trust = check_trust(Origin("https", "127.0.0.1", port), trust_context())
    assert (trust.ok, trust.problem) == (False, "unreachable")


def test_somebody_who_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = probe(Origin("http", "127.0.0.1", listener.getsockname()[1]), timeout=0.05)
    assert (found.status, found.reason) == (None, "timeout")


def test_an_address_instead_of_the_name(server: ScriptedServer) -> None:
    server.on("GET", "/v2/", Reply(200, b"{}", VERSION))
    found = probe(Origin("http", "registry.invalid", server.port), address="127.0.0.1")
    assert found.status == 200
    assert server.seen[0].headers["Host"] == f"registry.invalid:{server.port}"


def test_trust(scripted: Make, certificates: Certificates, strangers: Certificates) -> None:
    origin = parse_registry_url(scripted(certificates.context()).url)
    pem = pathlib.Path(certificates.ca).read_text()
    assert check_trust(origin, trust_context(pem=pem)).ok
    assert check_trust(origin, trust_context(files=[strangers.ca, certificates.ca], system=True)).ok
    for context in (trust_context(files=[strangers.ca]), trust_context(system=True)):
        assert check_trust(origin, context).problem == "unknown_ca"
    misnamed = Origin("https", "registry.invalid", origin.port)
    trust = check_trust(misnamed, trust_context(pem=pem), address="127.0.0.1")
    assert trust.problem == "wrong_name" and "registry.invalid" in trust.detail


def test_a_server_certificate_may_be_its_own_anchor(scripted: Make, certificates: Certificates) -> None:
    """As in Go, which the engines are written in."""
    origin = parse_registry_url(scripted(certificates.context()).url)
    assert check_trust(origin, trust_context(files=[certificates.server])).ok


def test_files_that_cannot_be_used(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.crt").write_text("nothing")
    for name in ("a.crt", "b.crt"):
        with pytest.raises(InvalidSettings, match=name):
            trust_context(files=[str(tmp_path / name)])


def test_names() -> None:
    assert "127.0.0.1" in resolve("localhost")
    for name in ("registry.invalid", "a" * 80 + ".invalid"):
        with pytest.raises(ConnectionFailed):
            resolve(name)
