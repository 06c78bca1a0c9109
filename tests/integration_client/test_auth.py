# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins, tokens and TLS against real registries, by what a user writes: the modules' options."""

from __future__ import annotations

import base64
import contextlib
import json
import pathlib
import shutil
import time
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import IdentityToken, Login, RegistryToken
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import Unauthorized
from ansible_collections.dockyard.registry.plugins.module_utils.oci.media_types import Descriptor, parse_manifest
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import bytes_body
from ansible_collections.dockyard.registry.tests.integration_client.conftest import USER, Running, started
from ansible_collections.dockyard.registry.tests.integration_client.token_server import LEEWAY, TokenServer
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.authority import DAY, Authority
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.helpers import helper_with, write_helper
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    index_image,
    layout_files,
    platform_image,
    write_directory,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

IMAGE = index_image()
IDENTITY = "identity-of-ada-0123456789"
WRONG = "not-the-password"


def run(module: str, /, **options: t.Any) -> dict[str, t.Any]:
    """Run a module; whatever it returns, even with -vvv, holds no secret."""
    result = modules.run(module, **options)
    shown = json.dumps(result)
    for secret in (USER.password, WRONG, IDENTITY, USER.header.partition(" ")[2]):
        assert secret not in shown
    return result


def ask(url: str, **options: t.Any) -> dict[str, t.Any]:
    return run("catalog_info", url=url, **options)


def is_fine(result: dict[str, t.Any]) -> bool:
    return "repositories" in result


def write_login(path: pathlib.Path, key: str, password: str = USER.password) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    auth = base64.b64encode(f"{USER.username}:{password}".encode()).decode()
    path.write_text(json.dumps({"auths": {key: {"auth": auth}}}))
    return str(path)


# Passwords


def test_a_login_of_docker_and_of_podman(guarded: Running, home: pathlib.Path) -> None:
    refused = ask(guarded.url)
    assert refused["error"]["codes"] == ["UNAUTHORIZED"]
    for place in (".docker/config.json", ".config/containers/auth.json"):
        path = pathlib.Path(write_login(home / place, guarded.authority))
        assert is_fine(ask(guarded.url))
        assert ask(guarded.url, use_auth_files=False)["error"]["status"] == 401
        assert is_fine(ask(guarded.url, use_auth_files=False, auth_file=str(path)))
        write_login(path, guarded.authority, WRONG)
        assert ask(guarded.url)["error"]["status"] == 401
        path.unlink()


def test_a_login_of_a_credential_helper(
    guarded: Running, home: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    helper_with(tmp_path, "test", {guarded.authority: (USER.username, USER.password)})
    config = home / ".docker" / "config.json"
    config.parent.mkdir()
    for document in ({"credsStore": "test"}, {"credHelpers": {guarded.authority: "test"}}):
        config.write_text(json.dumps(document))
        assert is_fine(ask(guarded.url))
    write_helper(tmp_path, "test", f"echo {USER.password}; exit 1")
    assert "docker-credential-test" in ask(guarded.url)["msg"]


def test_a_wrong_password(guarded: Running) -> None:
    result = ask(guarded.url, username=USER.username, password=WRONG)
    assert result["error"]["codes"] == ["UNAUTHORIZED"]
    assert "Give a user name and password" in result["msg"]


def test_the_source_has_a_login_of_its_own(
    running: Running, guarded: Running, repository: str, home: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    layout = write_directory(tmp_path / "layout", layout_files({"": IMAGE}))
    login = {"username": USER.username, "password": USER.password}
    assert run("image", url=guarded.url, name=f"{repository}:1", source=f"oci:{layout}", **login)["changed"]
    options = {"url": running.url, "name": f"{repository}:1"}
    source = f"docker://{guarded.authority}/{repository}:1"
    assert run("image", source=source, **options, **login)["error"]["status"] == 401
    write_login(home / ".config" / "containers" / "auth.json", f"{guarded.authority}/{repository}")
    results = [run("image", source=source, **options) for _time in range(2)]
    assert [result["changed"] for result in results] == [True, False]


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextlib.contextmanager
def over_tls(
    binary: str,
    folder: pathlib.Path,
    authority: Authority,
    *names: str,
    ask_client: bool = False,
    expired: bool = False,
) -> t.Iterator[Running]:
    """Run a registry that speaks TLS, its settings in the environment."""
    signed = authority.sign("server", *names, ends=-DAY if expired else DAY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGISTRY_HTTP_TLS_CERTIFICATE", signed.path)
        patch.setenv("REGISTRY_HTTP_TLS_KEY", signed.key_path)
        if ask_client:
            patch.setenv("REGISTRY_HTTP_TLS_CLIENTCAS", json.dumps([authority.path]))
        with started(binary, folder) as registry:
            yield Running(registry.url.replace("http:", "https:"), registry.root)


def test_whom_to_trust(binary: str, tmp_path: pathlib.Path, authority: Authority) -> None:
    other = Authority(tmp_path, "other")
    certs = tmp_path / "certs.d"
    with over_tls(binary, tmp_path, authority) as registry:
        options = {"url": registry.url, "certs_dir": str(certs)}
        unknown = run("catalog_info", **options)
        assert unknown["error"]["reason"] == "certificate"
        assert "ca_path" in unknown["msg"] and "certs_dir" in unknown["msg"]
        assert is_fine(run("catalog_info", **options, ca_path=authority.path))
        assert is_fine(run("catalog_info", **options, validate_certs=False))
        folder = certs / registry.authority
        folder.mkdir(parents=True)
        shutil.copy(authority.path, folder / "ca.crt")
        assert is_fine(run("catalog_info", **options))
        # Only what ca_path names is trusted then.
        assert run("catalog_info", **options, ca_path=other.path)["error"]["reason"] == "certificate"


def test_a_source_over_tls(
    binary: str, running: Running, repository: str, tmp_path: pathlib.Path, authority: Authority
) -> None:
    layout = write_directory(tmp_path / "layout", layout_files({"": IMAGE}))
    certs = tmp_path / "certs.d"
    with over_tls(binary, tmp_path, authority) as registry:
        ours = {"url": registry.url, "ca_path": authority.path}
        assert run("image", **ours, name="x:1", source=f"oci:{layout}")["changed"]
        options = {"url": running.url, "name": f"{repository}:1", "source": f"docker://{registry.authority}/x:1"}
        assert run("image", **options)["error"]["reason"] == "certificate"
        # What is for the registry of url is not for the source.
        assert run("image", **options, ca_path=authority.path)["error"]["reason"] == "certificate"
        assert run("image", **options, source_ca_path=authority.path, check=True)["changed"]
        folder = certs / registry.authority
        folder.mkdir(parents=True)
        shutil.copy(authority.path, folder / "ca.crt")
        assert run("image", **options, certs_dir=str(certs))["changed"]
        plain = run("image", **options, source_plain_http=True)
        assert "use https:// in url (for a source, source_plain_http: false)" in plain["msg"]


def test_a_certificate_that_expired(binary: str, tmp_path: pathlib.Path, authority: Authority) -> None:
    with over_tls(binary, tmp_path, authority, expired=True) as registry:
        result = ask(registry.url, ca_path=authority.path)
    assert "certificate has expired" in result["msg"] and "Renew" in result["msg"]


def test_a_certificate_for_another_name(binary: str, tmp_path: pathlib.Path, authority: Authority) -> None:
    with over_tls(binary, tmp_path, authority, "registry.invalid") as registry:
        by_address = ask(registry.url, ca_path=authority.path)
        by_name = ask(registry.url.replace("127.0.0.1", "localhost"), ca_path=authority.path)
    assert by_address["error"]["reason"] == by_name["error"]["reason"] == "certificate"
    assert "Use a host name" in by_address["msg"] and "Use a host name" in by_name["msg"]


def test_http_where_https_is_spoken(binary: str, tmp_path: pathlib.Path, authority: Authority) -> None:
    with over_tls(binary, tmp_path, authority) as registry:
        result = ask(registry.url.replace("https:", "http:"))
    assert result["error"]["status"] == 400
    assert "use https:// in url (for a source, source_plain_http: false)" in result["msg"]


def test_https_where_http_is_spoken(running: Running) -> None:
    result = ask(running.url.replace("http:", "https:"))
    assert result["error"]["reason"] == "not_tls"
    assert "use http:// in url (for a source, source_plain_http: true)" in result["msg"]


def test_a_client_certificate_is_demanded(binary: str, tmp_path: pathlib.Path, authority: Authority) -> None:
    client = authority.sign("client", "ada.example.com")
    certs = tmp_path / "certs.d"
    with over_tls(binary, tmp_path, authority, ask_client=True) as registry:
        options = {"url": registry.url, "certs_dir": str(certs), "ca_path": authority.path}
        without = run("catalog_info", **options)
        assert without["error"]["reason"] == "tls" and "client certificate" in without["msg"]
        given = {"client_cert": client.path, "client_key": client.key_path}
        assert is_fine(run("catalog_info", **options, **given))
        folder = certs / registry.authority
        folder.mkdir(parents=True)
        shutil.copy(client.path, folder / "client.cert")
        assert "missing key client.key" in run("catalog_info", **options)["msg"]
        shutil.copy(client.key_path, folder / "client.key")
        assert is_fine(run("catalog_info", **options))


# Tokens


class Bearer(t.NamedTuple):
    """A registry and its token server."""

    registry: Running
    tokens: TokenServer

    @property
    def url(self) -> str:
        return self.registry.url


@pytest.fixture
def bearer(binary: str, tmp_path: pathlib.Path, authority: Authority) -> t.Iterator[Bearer]:
    tokens = TokenServer(USER, IDENTITY, authority.sign("tokens"))
    with started(binary, tmp_path, tokens.config(authority.path)) as registry:
        yield Bearer(registry, tokens)
    tokens.close()


LOGINS: dict[str, dict[str, t.Any]] = {
    "password": {"username": USER.username, "password": USER.password},
    "identity token": {"identity_token": IDENTITY},
}


@pytest.mark.parametrize("login", LOGINS)
def test_tokens(bearer: Bearer, tmp_path: pathlib.Path, login: str) -> None:
    layout = write_directory(tmp_path / "layout", layout_files({"": IMAGE}))
    options = {"url": bearer.url, "name": "team/x:1", **LOGINS[login]}
    results = [run("image", source=f"oci:{layout}", **options) for _time in range(2)]
    assert [result["changed"] for result in results] == [True, False]
    promoted = run("image", **{**options, "name": "live/x:1"}, source=f"docker://{bearer.registry.authority}/team/x:1")
    assert promoted["copied"]["mounted"] == len(IMAGE.blobs)
    catalog = ask(bearer.url, **LOGINS[login])
    assert [repository["name"] for repository in catalog["repositories"]] == ["live/x", "team/x"]
    assert set(bearer.tokens.asked) == {"POST" if login == "identity token" else "GET"}
    shown = json.dumps([*results, promoted, catalog])
    assert bearer.tokens.tokens and not any(token in shown for token in bearer.tokens.tokens)


@pytest.mark.parametrize("entry", ["identitytoken", "registrytoken"])
def test_tokens_of_a_file(bearer: Bearer, home: pathlib.Path, entry: str) -> None:
    token = IDENTITY if entry == "identitytoken" else bearer.tokens.token(["registry:catalog:*"])
    config = home / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"auths": {bearer.registry.authority: {entry: token}}}))
    result = ask(bearer.url)
    assert is_fine(result) and token not in json.dumps(result)
    assert bearer.tokens.asked == ([] if entry == "registrytoken" else ["POST", "POST"])


def test_tokens_that_nobody_gets(bearer: Bearer, tmp_path: pathlib.Path) -> None:
    layout = write_directory(tmp_path / "layout", layout_files({"": IMAGE}))
    options: dict[str, t.Any] = {"url": bearer.url, "name": "team/x:1", "source": f"oci:{layout}"}
    logins: list[dict[str, t.Any]] = [
        {},
        {"username": USER.username, "password": WRONG},
        {"identity_token": f"{IDENTITY}-but-another"},
    ]
    for login in logins:
        result = modules.run("image", **options, **login)
        assert result["error"]["kind"] == "Unauthorized", result
        shown = json.dumps(result)
        assert WRONG not in shown and IDENTITY not in shown


@pytest.mark.parametrize("login", [USER, IdentityToken(IDENTITY)])
def test_a_token_that_ends_in_mid_job(bearer: Bearer, login: Login) -> None:
    """Once by the clock, and once as the registry sees it, while the clock says that it lives."""
    image = platform_image()
    manifest = parse_manifest(*image.contents[image.root], where="x")
    first, *others = image.blobs.items()
    # The registry takes it for two seconds, give or take one; the token server speaks of five minutes.
    bearer.tokens.ends_in = 2 - LEEWAY
    with RegistryClient(parse_registry_url(bearer.url), credentials=login) as client:
        upload(client, *first)
        before = len(bearer.tokens.tokens)
        wait_until_refused(bearer)
        bearer.tokens.ends_in = 300
        bearer.tokens.expires_in = 1
        for blob in others:
            upload(client, *blob)
        assert len(bearer.tokens.tokens) > before
        before = len(bearer.tokens.tokens)
        time.sleep(1)
        client.put_manifest("x", "1", manifest)
        assert len(bearer.tokens.tokens) == before + 1
        assert client.get_manifest("x", "1").digest == image.root


def upload(client: RegistryClient, digest: str, content: bytes) -> None:
    client.upload_blob("x", Descriptor("x", digest, len(content)), bytes_body(content).open)


def wait_until_refused(bearer: Bearer) -> None:
    ready = bearer.tokens.tokens[-1]
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with RegistryClient(parse_registry_url(bearer.url), credentials=RegistryToken(ready)) as client:
            try:
                client.head_manifest("x", "1")
            except Unauthorized:
                return
        time.sleep(0.1)
    raise AssertionError("the registry takes the token still")


def test_a_stranger_is_not_logged_in_at(binary: str, tmp_path: pathlib.Path, authority: Authority) -> None:
    tokens = TokenServer(USER, IDENTITY, authority.sign("tokens"))
    tokens.realm = "https://evil.example.net/token"
    with started(binary, tmp_path, tokens.config(authority.path)) as registry:
        for login in LOGINS.values():
            result = ask(registry.url, **login)
            assert "https://evil.example.net" in result["msg"] and "token_hosts" in result["msg"]
    assert not tokens.asked
    tokens.close()
