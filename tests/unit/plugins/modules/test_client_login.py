# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module client_login: four beats in the files of a user, what it refuses, and that no password gets out."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import pwd
import stat
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.hosts import os_user
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.helpers import (
    FILE_HELPER,
    install_helper,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

AUTH = base64.b64encode(b"ada:hunter2").decode()
LOGIN = {"username": "ada", "password": "hunter2"}


@pytest.fixture
def home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Return the home of the user of this process, who has no other for the time of a test."""
    real = pwd.getpwuid(os.geteuid())
    entry = pwd.struct_passwd((real.pw_name, "x", real.pw_uid, real.pw_gid, "", str(tmp_path), "/bin/sh"))
    monkeypatch.setattr(os_user.pwd, "getpwuid", lambda _uid: entry)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path


def read(path: pathlib.Path) -> dict[str, t.Any]:
    document: dict[str, t.Any] = json.loads(path.read_text())
    return document


def write(path: pathlib.Path, text: str, mode: int = 0o600) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_documentation_and_code_agree() -> None:
    assert modules.spec_of_documentation("client_login") == modules.spec_of_code("client_login")


def test_four_beats_in_and_four_out(guarded: MemoryRegistry, home: pathlib.Path) -> None:
    options: dict[str, t.Any] = {"url": guarded.url, "tools": ["docker", "podman"]}
    docker, podman = home / ".docker/config.json", home / ".config/containers/auth.json"
    predicted = modules.run("client_login", check=True, diff=True, **options, **LOGIN)
    assert not docker.exists() and not podman.exists()
    done = modules.run("client_login", diff=True, **options, **LOGIN)
    assert predicted == done
    assert (done["changed"], done["verified"], done["registry"]) == (True, True, guarded.authority)
    assert done["files"] == [{"path": str(path), "helper": None, "changed": True} for path in (docker, podman)]
    for path in (docker, podman):
        assert read(path) == {"auths": {guarded.authority: {"auth": AUTH}}}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = [modules.run("client_login", check=check, diff=True, **options, **LOGIN) for check in (True, False)]
    assert again[0] == again[1]
    assert (again[0]["changed"], again[0]["diff"]) == (False, [])
    guarded.close()
    predicted = modules.run("client_login", check=True, diff=True, **options, state="absent")
    assert read(docker)["auths"]
    done = modules.run("client_login", diff=True, **options, state="absent")
    assert predicted == done
    assert (done["changed"], done["verified"]) == (True, False)
    assert read(docker) == read(podman) == {"auths": {}}
    assert not modules.run("client_login", **options, state="absent")["changed"]


def test_the_rest_of_the_file_stays(guarded: MemoryRegistry, home: pathlib.Path) -> None:
    others = {"auths": {"other.example.com": {"auth": "eDp5"}}, "psFormat": "table"}
    path = write(home / ".docker/config.json", json.dumps(others))
    assert modules.run("client_login", url=guarded.url, **LOGIN)["changed"]
    assert read(path) == {**others, "auths": {**others["auths"], guarded.authority: {"auth": AUTH}}}  # type: ignore[dict-item]
    modules.run("client_login", url=guarded.url, state="absent")
    assert read(path) == others


def test_a_file_that_others_may_read_is_closed(guarded: MemoryRegistry, home: pathlib.Path) -> None:
    auths = {"auths": {guarded.authority: {"auth": AUTH}}}
    path = write(home / ".docker/config.json", json.dumps(auths), 0o644)
    result = modules.run("client_login", diff=True, url=guarded.url, **LOGIN)
    (diff,) = result["diff"]
    assert (diff["before"]["mode"], diff["after"]["mode"]) == ("0644", "0600")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not modules.run("client_login", url=guarded.url, **LOGIN)["changed"]


def test_another_password(guarded: MemoryRegistry, home: pathlib.Path) -> None:
    path = write(
        home / ".docker/config.json",
        json.dumps({"auths": {guarded.authority: {"auth": base64.b64encode(b"ada:old-secret").decode()}}}),
    )
    result = modules.run("client_login", diff=True, url=guarded.url, **LOGIN)
    assert result["diff"][0]["after"]["password"] == "(hidden, differs)"
    shown = json.dumps({**result, "invocation": None})
    for secret in ("old-secret", "hunter2", AUTH):
        assert secret not in shown
    assert read(path)["auths"][guarded.authority]["auth"] == AUTH


@pytest.mark.parametrize("configured", ["credsStore", "credHelpers"])
def test_a_helper_keeps_it(guarded: MemoryRegistry, home: pathlib.Path, configured: str) -> None:
    install_helper(home / "bin", "file", FILE_HELPER)
    settings = {configured: "file" if configured == "credsStore" else {guarded.authority: "file"}}
    path = write(home / ".docker/config.json", json.dumps(settings))
    predicted = modules.run("client_login", check=True, diff=True, url=guarded.url, **LOGIN)
    assert read(path) == settings and not (home / "store.json").exists()
    done = modules.run("client_login", diff=True, url=guarded.url, **LOGIN)
    assert predicted == done and done["changed"]
    assert done["files"][0]["helper"] == "docker-credential-file"
    assert read(home / "store.json") == {guarded.authority: ["ada", "hunter2"]}
    assert read(path) == {**settings, "auths": {guarded.authority: {}}}
    assert not modules.run("client_login", url=guarded.url, **LOGIN)["changed"]
    assert modules.run("client_login", url=guarded.url, state="absent")["changed"]
    assert read(home / "store.json") == {}
    assert read(path) == {**settings, "auths": {}}
    assert not modules.run("client_login", url=guarded.url, state="absent")["changed"]
    assert "hunter2" not in (home / "calls").read_text()


def test_what_stood_in_clear_moves_into_the_helper(guarded: MemoryRegistry, home: pathlib.Path) -> None:
    install_helper(home / "bin", "file", FILE_HELPER)
    path = write(
        home / ".docker/config.json",
        json.dumps({"credsStore": "file", "auths": {guarded.authority: {"auth": AUTH}}}),
    )
    modules.run("client_login", url=guarded.url, **LOGIN)
    assert AUTH not in path.read_text()
    assert read(home / "store.json") == {guarded.authority: ["ada", "hunter2"]}


def test_the_registry_refuses(guarded: MemoryRegistry, home: pathlib.Path) -> None:
    result = modules.run("client_login", url=guarded.url, username="ada", password="hunter3")
    assert result["failed"]
    assert f"the registry {guarded.url} refuses the user 'ada'" in result["msg"]
    assert result["error"]["kind"] == "LoginRefused"
    assert not (home / ".docker").exists()
    assert "hunter3" not in json.dumps({**result, "invocation": None})


def test_a_registry_without_users(registry: MemoryRegistry, home: pathlib.Path) -> None:
    result = modules.run("client_login", url=registry.url, **LOGIN)
    assert (result["changed"], result["verified"]) == (True, False)
    assert "asks nobody for a password" in json.dumps(result["warnings"])


def test_unproved_if_asked(home: pathlib.Path) -> None:
    result = modules.run("client_login", url="https://registry.invalid:5000", verify=False, **LOGIN)
    assert (result["changed"], result["verified"], result["registry"]) == (True, False, "registry.invalid:5000")


@pytest.mark.parametrize("text", ["{ not json", "[]"])
def test_a_file_that_is_none_is_left(guarded: MemoryRegistry, home: pathlib.Path, text: str) -> None:
    path = write(home / ".docker/config.json", text)
    for state in ({"state": "absent"}, LOGIN):
        result = modules.run("client_login", url=guarded.url, **state)
        assert result["failed"] and "it was left as it is" in result["msg"]
    assert path.read_text() == text


def test_nothing_is_written_if_one_file_cannot_be(guarded: MemoryRegistry, home: pathlib.Path) -> None:
    write(home / ".config/containers/auth.json", "no")
    assert modules.run("client_login", url=guarded.url, tools=["docker", "podman"], **LOGIN)["failed"]
    assert not (home / ".docker").exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"username": "ada"}, "required together"),
        ({}, "state is present but all of the following are missing"),
        ({"username": "a:b", "password": "x"}, "has a colon"),
        ({"username": "ada", "password": ""}, "is empty"),
        ({**LOGIN, "os_user": "nobody-of-that-name"}, "there is no user 'nobody-of-that-name'"),
        ({**LOGIN, "url": "registry.example.com"}, "not an http or https URL"),
        ({**LOGIN, "registry": "a b"}, "not a registry"),
        ({**LOGIN, "tools": ["cargo"]}, "must be one or more of"),
    ],
)
def test_bad_input(guarded: MemoryRegistry, home: pathlib.Path, options: dict[str, t.Any], problem: str) -> None:
    result = modules.run("client_login", **{"url": guarded.url, **options})
    assert result["failed"] and problem in result["msg"], result["msg"]
    assert not (home / ".docker").exists()
