# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS: whom the client trusts, who it is, and what it says when that fails."""

from __future__ import annotations

import pathlib
import socket
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.connections import TlsSettings, connection_error
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    ConnectionFailed,
    InvalidSettings,
    RegistryError,
    ResponseError,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.certificates import (
    Certificates,
    make_certificates,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Reply,
    ScriptedServer,
)

Connect = t.Callable[..., RegistryClient]
Scripted = t.Callable[..., ScriptedServer]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def test_a_ca_file_is_trusted(scripted: Scripted, connect: Connect, certificates: Certificates) -> None:
    server = scripted(certificates.context()).on("GET", "/v2/", Reply(body=b"{}"))
    connect(server.url, tls=TlsSettings(ca_path=certificates.ca)).ping()


def test_an_unknown_certificate_is_refused(
    scripted: Scripted, connect: Connect, certificates: Certificates, sleeps: list[float]
) -> None:
    server = scripted(certificates.context())
    with pytest.raises(ConnectionFailed, match="certificate refused.*ca_path") as caught:
        connect(server.url).ping()
    assert caught.value.reason == "certificate"
    assert not sleeps


def test_checking_can_be_switched_off(scripted: Scripted, connect: Connect, certificates: Certificates) -> None:
    server = scripted(certificates.context()).on("GET", "/v2/", Reply(body=b"{}"))
    connect(server.url, tls=TlsSettings(validate_certs=False)).ping()


@pytest.mark.parametrize("separate", [True, False])
def test_a_client_certificate(scripted: Scripted, connect: Connect, certificates: Certificates, separate: bool) -> None:
    server = scripted(certificates.context(ask_client=True)).on("GET", "/v2/", Reply(body=b"{}"))
    key = certificates.client_key if separate else None
    connect(server.url, tls=TlsSettings(certificates.ca, certificates.client, key)).ping()
    with pytest.raises(ConnectionFailed):
        connect(server.url, tls=TlsSettings(certificates.ca)).ping()


def test_other_hosts_are_not_shown_the_client_certificate() -> None:
    assert TlsSettings("ca", "cert", "key").for_other_hosts() == TlsSettings("ca")


def test_a_redirect_from_https_to_http_is_refused(
    scripted: Scripted, connect: Connect, certificates: Certificates
) -> None:
    plain = scripted()
    server = scripted(certificates.context()).on("GET", "/v2/", Reply(307, headers={"Location": f"{plain.url}/x"}))
    with pytest.raises(RegistryError, match="redirects from https to http"):
        connect(server.url, tls=TlsSettings(certificates.ca)).ping()


@pytest.mark.parametrize("name", ["missing.pem", "empty.pem", "text.pem"])
@pytest.mark.parametrize(
    "settings", [lambda path: TlsSettings(ca_path=path), lambda path: TlsSettings(client_cert=path)]
)
def test_files_that_cannot_be_used(
    connect: Connect, tmp_path: pathlib.Path, name: str, settings: t.Callable[[str], TlsSettings]
) -> None:
    (tmp_path / "empty.pem").touch()
    (tmp_path / "text.pem").write_text("no certificate\n")
    with pytest.raises(InvalidSettings, match=name):
        connect("https://127.0.0.1:1", tls=settings(str(tmp_path / name))).ping()


def test_https_to_a_server_that_speaks_http(server: ScriptedServer, connect: Connect) -> None:
    with pytest.raises(ConnectionFailed, match="use http://") as caught:
        connect(server.url.replace("http:", "https:")).ping()
    assert caught.value.reason == "not_tls"


def test_http_to_a_server_that_speaks_https(server: ScriptedServer, connect: Connect) -> None:
    # What Go's servers answer.
    server.on("GET", "/v2/", Reply(400, b"Client sent an HTTP request to an HTTPS server.\n"))
    with pytest.raises(ResponseError, match="use https://"):
        connect(server.url).ping()


def test_https_goes_through_a_tunnel(scripted: Scripted, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = scripted()  # It knows no CONNECT: its 501 is a proxy's refusal.
    monkeypatch.setenv("https_proxy", proxy.url)
    with pytest.raises(ConnectionFailed, match="through the proxy.*NO_PROXY") as caught:
        connect("https://registry.invalid").ping()
    assert caught.value.reason == "proxy"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(-2, "Name or service not known"), "dns"),
        (TimeoutError(), "timeout"),
        (ConnectionResetError(), "closed"),
        (ConnectionRefusedError(), "refused"),
        (OSError(113, "No route to host"), "refused"),
    ],
)
def test_reasons(error: Exception, reason: str) -> None:
    failure = connection_error("GET", "http://x/", error)
    assert failure.reason == reason
    assert failure.hint
    assert failure.as_dict()["reason"] == reason
