# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections: whom the client trusts, who it is, which way it takes, and what it says when that fails."""

from __future__ import annotations

import concurrent.futures
import datetime
import pathlib
import shutil
import socket
import threading
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import Credentials
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.certs_d import read_certs_directory
from ansible_collections.dockyard.registry.plugins.module_utils.oci.connections import TlsSettings, connection_error
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    ConnectionFailed,
    InvalidSettings,
    RegistryError,
    ResponseError,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import parse_registry_url
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.authority import DAY, Authority
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.certificates import (
    Certificates,
    make_certificates,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.relay import Relay
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Reply,
    ScriptedServer,
)

Connect = t.Callable[..., RegistryClient]
Scripted = t.Callable[..., ScriptedServer]
OK = Reply(body=b"{}")


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


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def relays() -> t.Iterator[t.Callable[..., Relay]]:
    made: list[Relay] = []

    def make(*arguments: t.Any, **settings: t.Any) -> Relay:
        made.append(Relay(*arguments, **settings))
        return made[-1]

    yield make
    for relay in made:
        relay.close()


def test_dockers_folder_has_ca_and_client_certificate(
    scripted: Scripted, connect: Connect, authority: Authority, certificates: Certificates, tmp_path: pathlib.Path
) -> None:
    client = authority.sign("client")
    context = authority.context(authority.sign("server"), ask_client=True)
    server = scripted(context).on("GET", "/v2/", OK)
    folder = tmp_path / f"127.0.0.1:{server.port}"
    folder.mkdir()
    files = {"a.crt": certificates.ca, "b.crt": authority.path, "x.cert": client.path, "x.key": client.key_path}
    for name, source in files.items():
        shutil.copy(source, folder / name)
    tls = TlsSettings().with_host_certificates(read_certs_directory(str(tmp_path), parse_registry_url(server.url)))
    connect(server.url, tls=tls).ping()
    assert tls.for_other_hosts() == TlsSettings(extra_cas=tls.extra_cas)
    (folder / "b.crt").write_text("no certificate\n")
    with pytest.raises(InvalidSettings, match="b.crt"):
        connect(server.url, tls=tls).ping()


def test_dockers_folder_adds_to_the_systems_cas(
    scripted: Scripted,
    connect: Connect,
    authority: Authority,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = scripted(certificates.context()).on("GET", "/v2/", OK, OK)
    for system, extra in ((certificates.ca, authority.path), (authority.path, certificates.ca)):
        monkeypatch.setenv("SSL_CERT_FILE", system)
        connect(server.url, tls=TlsSettings(extra_cas=(extra,))).ping()
    with pytest.raises(ConnectionFailed, match="certificate refused.*ca_path.*certs_dir"):
        connect(server.url, tls=TlsSettings(ca_path=authority.path)).ping()


@pytest.mark.parametrize(
    ("names", "ends", "problem"),
    [
        (["127.0.0.1"], -DAY, "expired.*Renew"),
        (["127.0.0.2"], DAY, "IP address mismatch.*Use a host name or address that is in"),
        (["other.invalid"], DAY, "IP address mismatch.*Use a host name or address that is in"),
    ],
)
def test_a_certificate_that_is_wrong(
    scripted: Scripted,
    connect: Connect,
    authority: Authority,
    names: list[str],
    ends: datetime.timedelta,
    problem: str,
) -> None:
    server = scripted(authority.context(authority.sign("wrong", *names, ends=ends)))
    with pytest.raises(ConnectionFailed, match=f"certificate refused.*{problem}"):
        connect(server.url, tls=TlsSettings(authority.path)).ping()


@pytest.mark.parametrize("secure", [True, False])
def test_no_more_connections_than_threads(
    scripted: Scripted, connect: Connect, certificates: Certificates, secure: bool
) -> None:
    threads, each = 4, 20
    server = scripted(*([certificates.context()] if secure else []))
    # A login at the registry itself, and an error's body: neither costs a second connection.
    realm = {"WWW-Authenticate": f'Bearer realm="{server.url}/token"'}
    server.on("GET", "/v2/", Reply(401, b"x" * 999, realm), *[OK] * (1 + threads * each))
    server.on("GET", "/token", Reply(body=b'{"token": "one"}'))
    client = connect(server.url, tls=TlsSettings(certificates.ca))
    client.ping()
    assert len({request.connection for request in server.seen}) == 1
    barrier = threading.Barrier(threads)

    def ping() -> None:
        barrier.wait()
        for _time in range(each):
            client.ping()

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(ping) for _number in range(threads)]:
            done.result()
    assert len({request.connection for request in server.seen}) <= threads


@pytest.mark.parametrize("secure", [True, False])
def test_ipv6(
    scripted: Scripted,
    connect: Connect,
    authority: Authority,
    relays: t.Callable[..., Relay],
    monkeypatch: pytest.MonkeyPatch,
    secure: bool,
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.invalid")
    monkeypatch.setenv("https_proxy", "http://proxy.invalid")
    server = scripted(*([authority.context(authority.sign("six", "::1"))] if secure else []))
    relay = relays(server.port, host="::1")
    url = f"{'https' if secure else 'http'}://[::1]:{relay.port}"
    realm = {"WWW-Authenticate": f'Bearer realm="{url}/token"'}
    server.on("GET", "/v2/", Reply(401, headers=realm), Reply(307, headers={"Location": f"{url}/other"}))
    server.on("GET", "/token", Reply(body=b'{"token": "one"}')).on("GET", "/other", OK)
    connect(url, tls=TlsSettings(authority.path)).ping()
    assert {request.headers["Host"] for request in server.seen} == {f"[::1]:{relay.port}"}
    assert server.seen[-1].headers["Authorization"] == "Bearer one"


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("registry.invalid", "registry.invalid:443"),
        ("registry.invalid:5000", "registry.invalid:5000"),
        ("[2001:db8::1]:5000", "[2001:db8::1]:5000"),
    ],
)
def test_https_goes_through_a_proxys_tunnel(
    scripted: Scripted,
    connect: Connect,
    authority: Authority,
    relays: t.Callable[..., Relay],
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    asked: str,
) -> None:
    context = authority.context(authority.sign("far", "registry.invalid", "2001:db8::1"), ask_client=True)
    server = scripted(context).on("GET", "/v2/", OK, OK)
    proxy = relays(server.port, connect="200 Connection established")
    monkeypatch.setenv("https_proxy", f"http://me:pw@127.0.0.1:{proxy.port}")
    me = authority.sign("client")
    client = connect(f"https://{host}", tls=TlsSettings(authority.path, me.path, me.key_path))
    client.ping()
    client.ping()
    (head,) = proxy.heads
    assert head.splitlines()[:2] == [f"CONNECT {asked} HTTP/1.1", f"Host: {asked}"]
    assert Credentials("me", "pw").header in head
    assert {request.headers["Host"] for request in server.seen} == {host}
    assert not any("Proxy-Authorization" in request.headers for request in server.seen)


def test_a_proxy_that_refuses(
    connect: Connect, relays: t.Callable[..., Relay], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = relays(1, connect="407 Proxy Authentication Required")
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
    with pytest.raises(ConnectionFailed, match="through the proxy .*407") as caught:
        connect("https://registry.invalid").ping()
    assert caught.value.reason == "proxy"


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
    with pytest.raises(ConnectionFailed, match="use http://.*source_plain_http: true") as caught:
        connect(server.url.replace("http:", "https:")).ping()
    assert caught.value.reason == "not_tls"


def test_http_to_a_server_that_speaks_https(server: ScriptedServer, connect: Connect) -> None:
    # What Go's servers answer.
    server.on("GET", "/v2/", Reply(400, b"Client sent an HTTP request to an HTTPS server.\n"))
    with pytest.raises(ResponseError, match="use https://.*source_plain_http: false"):
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
