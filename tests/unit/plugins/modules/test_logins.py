# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a module is at a registry: options, then files, and never what is for another registry."""

from __future__ import annotations

import base64
import json
import pathlib
import typing as t

import pytest

from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.helpers import helper_with, write_helper
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import index_image
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Reply,
    ScriptedServer,
    as_json,
    registry_error,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

IMAGE = index_image()
RIGHT, WRONG = ("ada", "hunter2"), ("ada", "wrong-password")


def write(path: pathlib.Path, key: str, login: tuple[str, str]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    auth = base64.b64encode(":".join(login).encode()).decode()
    path.write_text(json.dumps({"auths": {key: {"auth": auth}}}))
    return str(path)


def ask(url: str, **options: t.Any) -> dict[str, t.Any]:
    result = modules.run("catalog_info", url=url, **options)
    assert "hunter2" not in json.dumps(result) and "wrong-password" not in json.dumps(result)
    return result


def is_refused(result: dict[str, t.Any]) -> bool:
    return bool(result.get("failed")) and result["error"]["status"] == 401


@pytest.fixture
def server() -> t.Iterator[ScriptedServer]:
    scripted = ScriptedServer()
    yield scripted
    scripted.close()
    scripted.check()


PLACES = {
    ".docker/config.json": {},
    ".config/containers/auth.json": {},
    "d/config.json": {"DOCKER_CONFIG": "d"},
    "r.json": {"REGISTRY_AUTH_FILE": "r.json"},
    "run/containers/auth.json": {"XDG_RUNTIME_DIR": "run"},
    "c/containers/auth.json": {"XDG_CONFIG_HOME": "c"},
}


@pytest.mark.parametrize("place", PLACES)
def test_standard_places(
    guarded: MemoryRegistry, home: pathlib.Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    for name, value in PLACES[place].items():
        monkeypatch.setenv(name, str(home / value))
    assert is_refused(ask(guarded.url))
    write(home / place, guarded.authority, RIGHT)
    assert "failed" not in ask(guarded.url)
    assert is_refused(ask(guarded.url, use_auth_files=False))


def test_options_come_before_files(guarded: MemoryRegistry, home: pathlib.Path, tmp_path: pathlib.Path) -> None:
    standard = home / ".docker" / "config.json"
    write(standard, guarded.authority, WRONG)
    file = write(tmp_path / "right.json", guarded.authority, RIGHT)
    assert is_refused(ask(guarded.url))
    assert "failed" not in ask(guarded.url, auth_file=file)
    assert "failed" not in ask(guarded.url, auth_file=file, use_auth_files=False)
    assert "failed" not in ask(guarded.url, username="ada", password="hunter2")
    assert is_refused(ask(guarded.url, auth_file=file, username="ada", password="wrong-password"))
    assert is_refused(ask(guarded.url, auth_file=file, identity_token="hunter2"))


def test_an_auth_file_is_the_only_file(guarded: MemoryRegistry, home: pathlib.Path, tmp_path: pathlib.Path) -> None:
    write(home / ".docker" / "config.json", guarded.authority, RIGHT)
    file = write(tmp_path / "other.json", "other.example.com", RIGHT)
    assert is_refused(ask(guarded.url, auth_file=file))
    missing = ask(guarded.url, auth_file=str(tmp_path / "missing"))
    assert f"auth_file {tmp_path}/missing is not there" in missing["msg"]


@pytest.mark.parametrize("key", ["127.0.0.1", "localhost:{port}", "127.0.0.2:{port}", "127.0.0.1:{port}/team"])
def test_a_login_for_something_else_is_not_used(guarded: MemoryRegistry, home: pathlib.Path, key: str) -> None:
    port = guarded.authority.partition(":")[2]
    write(home / ".docker" / "config.json", key.format(port=port), RIGHT)
    assert is_refused(ask(guarded.url))


def test_a_credential_helper(
    guarded: MemoryRegistry, home: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    helper_with(tmp_path / "bin", "test", {guarded.authority: RIGHT})
    config = home / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text('{"credsStore": "test"}')
    assert "failed" not in ask(guarded.url)
    write_helper(tmp_path / "bin", "test", "echo hunter2; exit 3")
    result = ask(guarded.url)
    assert f"docker-credential-test of {config} failed" in result["msg"]
    assert result["error"]["kind"] == "InvalidSettings"


def test_a_helper_runs_once_for_each_registry(
    registry: MemoryRegistry, guarded: MemoryRegistry, home: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many of its repositories are copied."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    answer = json.dumps({"Username": RIGHT[0], "Secret": RIGHT[1]})
    write_helper(tmp_path / "bin", "test", f"read -r server; echo \"$server\" >> {tmp_path}/calls; echo '{answer}'")
    config = home / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text('{"credsStore": "test"}')
    entries = []
    for number in range(10):
        guarded.put(f"team/x{number}", "1", IMAGE.contents, IMAGE.root)
        entries.append({"source": f"docker://{guarded.authority}/team/x{number}:1"})
    result = modules.run("images", url=registry.url, images=entries)
    assert result["totals"]["copied"] == 10
    assert sorted((tmp_path / "calls").read_text().split()) == sorted([registry.authority, guarded.authority])


def test_a_damaged_file_is_named(registry: MemoryRegistry, home: pathlib.Path) -> None:
    path = home / ".docker" / "config.json"
    path.parent.mkdir()
    path.write_text("hunter2")
    assert f"{path} is not JSON" in ask(registry.url)["msg"]
    assert "failed" not in ask(registry.url, use_auth_files=False)


def copy(url: str, **options: t.Any) -> dict[str, t.Any]:
    result = modules.run("image", url=url, name="team/x:1", **options)
    assert "hunter2" not in json.dumps(result)
    return result


def test_the_source_has_a_login_of_its_own(
    registry: MemoryRegistry, guarded: MemoryRegistry, home: pathlib.Path
) -> None:
    guarded.put("from/x", "1", IMAGE.contents, IMAGE.root)
    source = f"docker://{guarded.authority}/from/x:1"
    config = home / ".docker" / "config.json"
    write(config, registry.authority, RIGHT)
    assert is_refused(copy(registry.url, source=source, username="ada", password="hunter2"))
    write(config, f"{guarded.authority}/team", RIGHT)
    assert is_refused(copy(registry.url, source=source))
    write(config, f"{guarded.authority}/from", RIGHT)
    assert copy(registry.url, source=source)["changed"]
    assert is_refused(copy(registry.url, source=source, source_username="ada", source_password="wrong-password"))
    assert is_refused(copy(registry.url, source=source, use_auth_files=False))


def test_a_login_for_one_repository(guarded: MemoryRegistry, home: pathlib.Path) -> None:
    guarded.put("team/y", "1", IMAGE.contents, IMAGE.root)
    write(home / ".config" / "containers" / "auth.json", f"{guarded.authority}/team", RIGHT)
    assert copy(guarded.url, source=f"docker://{guarded.authority}/team/y:1")["changed"]


def identity_server(server: ScriptedServer, *paths: str) -> None:
    """Make the server a registry without content, and its own token server."""
    refusal = registry_error(401, "UNAUTHORIZED", WWW_Authenticate=f'Bearer realm="{server.url}/token",service="s"')
    server.on("GET", "/v2/", refusal, Reply(body=b"{}"))
    for path in paths:
        server.on("GET", path, as_json({"repositories": []}))
        server.on("POST", "/token", as_json({"access_token": "hunter2-access", "expires_in": 300}))
    server.on("POST", "/token", as_json({"access_token": "hunter2-access", "expires_in": 300}))


def test_an_identity_token(server: ScriptedServer, registry: MemoryRegistry) -> None:
    identity_server(server, "/v2/_catalog?n=1000")
    assert ask(server.url, identity_token="hunter2-identity")["repositories"] == []
    posted = [request for request in server.seen if request.method == "POST"]
    assert all(b"refresh_token=hunter2-identity" in request.body for request in posted)
    assert all("hunter2-identity" not in str(request.headers) for request in server.seen)


def test_a_token_server_that_repeats_the_secret(server: ScriptedServer, home: pathlib.Path) -> None:
    """What a file holds is hidden by Ansible as what an option holds is."""
    config = home / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"auths": {server.url.partition("//")[2]: {"identitytoken": "hunter2-identity"}}}))
    realm = f'Bearer realm="{server.url}/token"'
    server.on("GET", "/v2/", registry_error(401, "UNAUTHORIZED", WWW_Authenticate=realm))
    server.on("POST", "/token", Reply(400, b"bad token hunter2-identity"))
    assert "answered 400" in ask(server.url)["msg"]


def test_a_stranger_is_not_logged_in_at(server: ScriptedServer) -> None:
    realm = 'Bearer realm="https://evil.example.net/token"'
    server.on("GET", "/v2/", registry_error(401, "UNAUTHORIZED", WWW_Authenticate=realm))
    result = ask(server.url, username="ada", password="hunter2")
    assert "https://evil.example.net" in result["msg"] and "nothing was sent" in result["msg"]
    assert "token_hosts" in result["error"]["hint"]


@pytest.mark.parametrize("option", ["token_hosts", "source_token_hosts"])
def test_token_hosts_that_are_none(registry: MemoryRegistry, option: str) -> None:
    source = "docker://127.0.0.1:1/x"
    result = copy(registry.url, source=source, **{option: ["https://auth.example.com/token"]})
    assert f"{option}: 'https://auth.example.com/token' is not a registry" in result["msg"]


@pytest.mark.parametrize("password", [None, "hunter2"])
def test_a_source_in_plain_http(
    registry: MemoryRegistry, other: MemoryRegistry, monkeypatch: pytest.MonkeyPatch, password: str | None
) -> None:
    """A host that is not loopback, which the proxy stands in for."""
    other.put("x", "1", IMAGE.contents, IMAGE.root)
    monkeypatch.setenv("http_proxy", other.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    login = {"source_username": "ada", "source_password": password} if password else {}
    # Ansible keeps warnings for the process: each case has its own name.
    host = f"registry.invalid:{5001 if password else 5002}"
    result = copy(registry.url, source=f"docker://{host}/x:1", source_plain_http=True, **login)
    assert result["changed"]
    warnings = json.dumps(result.get("warnings", []))
    assert (f"The login for http://{host} travels in plain text" in warnings) is bool(password)


@pytest.fixture
def other() -> t.Iterator[MemoryRegistry]:
    memory = MemoryRegistry()
    yield memory
    memory.close()


def test_certificates_of_the_folder_are_read(registry: MemoryRegistry, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "certs.d" / "registry.invalid:5000"
    folder.mkdir(parents=True)
    (folder / "client.cert").touch()
    options = {"certs_dir": str(tmp_path / "certs.d"), "use_auth_files": False}
    result = ask("https://registry.invalid:5000", **options)
    assert "missing key client.key for client certificate client.cert" in result["msg"]
    source = "docker://registry.invalid:5000/x:1"
    assert "missing key client.key" in copy(registry.url, source=source, **options)["msg"]
    assert "failed" not in ask(registry.url, **options)
