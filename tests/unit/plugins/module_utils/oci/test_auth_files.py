# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of logins: whose login is used for what, and files that are damaged."""

from __future__ import annotations

import base64
import json
import pathlib
import traceback
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import (
    Credentials,
    IdentityToken,
    Login,
    RegistryToken,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth_files import (
    AuthFile,
    find_login,
    read_auth_file,
    standard_paths,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidSettings
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import Origin, parse_registry_url
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.helpers import helper_with, write_helper

USER = Credentials("ada", "hunter2")
HOST, HUB = "https://registry.example.com", "https://registry-1.docker.io"


def encoded(username: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def write(path: pathlib.Path, document: object) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return str(path)


def login(tmp_path: pathlib.Path, url: str, repository: str = "", **document: object) -> Login | None:
    path = write(tmp_path / "config.json", document)
    return read_auth_file(path).login(parse_registry_url(url), repository)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (encoded("ada", "hunter2"), USER),
        (encoded("ada", "hunter2\0\0"), USER),
        (encoded("ada", "hun:ter:2"), Credentials("ada", "hun:ter:2")),
        (encoded("ada", "ünter"), Credentials("ada", "ünter")),
        (encoded("ada", ""), Credentials("ada", "")),
        ({"username": "ada", "password": "hunter2"}, USER),
        ({**encoded("eve", "x"), "username": "ada", "password": "hunter2"}, Credentials("eve", "x")),
        ({**encoded("ada", "x"), "identitytoken": "hunter2"}, IdentityToken("hunter2")),
        ({"registrytoken": "hunter2", "identitytoken": "x"}, RegistryToken("hunter2")),
        ({"email": "ada@example.com"}, None),
        ({"auth": None, "username": ""}, None),
        ({}, None),
    ],
)
def test_entries(tmp_path: pathlib.Path, entry: dict[str, str], expected: Login | None) -> None:
    assert login(tmp_path, HOST, auths={"registry.example.com": entry}) == expected


@pytest.mark.parametrize(
    ("key", "url", "repository", "expected"),
    [
        ("registry.example.com", HOST, "", True),
        ("Registry.Example.com", HOST, "", True),
        ("registry.example.com:443", HOST, "", True),
        ("https://registry.example.com", HOST, "", True),
        ("https://registry.example.com/v1/", HOST, "", True),
        ("https://registry.example.com/anything/", HOST, "x", True),
        ("registry.example.com/v2/", HOST, "x", True),
        ("registry.example.com:5000", "https://registry.example.com:5000", "", True),
        ("127.0.0.1:5000", "http://127.0.0.1:5000", "", True),
        ("http://localhost:5000/v1/", "http://localhost:5000", "", True),
        ("[::1]:5000", "http://[::1]:5000", "", True),
        ("registry.lan", "http://registry.lan", "", True),
        # Docker Hub under all its names.
        *((key, HUB, "library/x", True) for key in ("https://index.docker.io/v1/", "docker.io", "index.docker.io")),
        *((key, "https://docker.io", "", True) for key in ("https://index.docker.io/v1/", "registry-1.docker.io")),
        ("docker.io/library", HUB, "library/x", True),
        # podman's namespaces.
        ("registry.example.com/team", HOST, "team", True),
        ("registry.example.com/team", HOST, "team/app", True),
        ("registry.example.com/team/app/", HOST, "team/app", True),
        ("registry.example.com/team", HOST, "teams/app", False),
        ("registry.example.com/team/app", HOST, "team", False),
        ("registry.example.com/team", HOST, "", False),
        # Another host, port or scheme.
        ("registry.example.com", "https://registry.example.com:5000", "", False),
        ("registry.example.com:5000", HOST, "", False),
        ("registry.example.com:443", "http://registry.example.com", "", False),
        ("https://registry.example.com", "http://registry.example.com", "", False),
        ("http://registry.example.com", HOST, "", False),
        ("example.com", HOST, "", False),
        ("registry.example.com.evil.net", HOST, "", False),
        ("https://registry.example.com@evil.net", HOST, "", False),
        ("auth.docker.io", HUB, "library/x", False),
        ("docker.io:5000", HUB, "", False),
        ("127.0.0.1:5000", "http://localhost:5000", "", False),
        # What is no key.
        *((key, HOST, "", False) for key in ("", "/", "https://", "ftp://registry.example.com", "a b", "https://[x")),
    ],
)
def test_keys(tmp_path: pathlib.Path, key: str, url: str, repository: str, expected: bool) -> None:
    found = login(tmp_path, url, repository, auths={key: encoded("ada", "hunter2")})
    assert found == (USER if expected else None)


@pytest.mark.parametrize(
    ("repository", "expected"),
    [("team/app", "app"), ("team/app/x", "app"), ("team/other", "team"), ("x", "host"), ("", "host")],
)
def test_the_longest_key_is_taken(tmp_path: pathlib.Path, repository: str, expected: str) -> None:
    auths = {
        "registry.example.com": encoded("host", "x"),
        "registry.example.com/team/app": encoded("app", "x"),
        "registry.example.com/team": encoded("team", "x"),
    }
    assert login(tmp_path, HOST, repository, auths=auths) == Credentials(expected, "x")


def test_todays_key_comes_before_an_old_one(tmp_path: pathlib.Path) -> None:
    auths = {"https://registry.example.com/v1/": encoded("old", "x"), "registry.example.com": encoded("new", "x")}
    assert login(tmp_path, HOST, auths=auths) == Credentials("new", "x")


def test_helpers_are_asked_for_their_registries(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    helper_with(tmp_path / "bin", "one", {"registry.example.com": ("one", "x")})
    everything = {"registry.example.com": ("all", "x"), "https://index.docker.io/v1/": ("hub", "x")}
    helper_with(tmp_path / "bin", "all", {**everything, "registry.example.com:5000": ("port", "x")})
    document: dict[str, t.Any] = {
        "credHelpers": {"registry.example.com": "one"},
        "credsStore": "all",
        "auths": {"file.example.com": encoded("file", "x"), "registry.example.com": {}},
    }
    urls = {HOST: "one", f"{HOST}:5000": "port", HUB: "hub", "https://file.example.com": "file"}
    for url, expected in urls.items():
        assert login(tmp_path, url, **document) == Credentials(expected, "x")
    assert login(tmp_path, "https://unknown.example.com", **document) is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is not JSON .line 1, column 1."),
        ('{"auths": {"hunter2"', "is not JSON .line 1"),
        ("[" * 100_000, "is not JSON"),
        ("\xff", "is not JSON"),
        ('["hunter2"]', "not an object"),
        ('{"auths": ["hunter2"]}', "another shape"),
        ('{"auths": {"registry.example.com": "hunter2"}}', "another shape"),
        ('{"credHelpers": {"registry.example.com": 2}}', "another shape"),
        ('{"credsStore": ["hunter2"]}', "another shape"),
        ('{"auths": {"registry.example.com": {"auth": "hunter2"}}}', "not the base64 of user:password"),
        ('{"auths": {"registry.example.com": {"auth": "aHVudGVyMg=="}}}', "not the base64 of user:password"),
        ('{"auths": {"registry.example.com": {"auth": "Omh1bnRlcjI="}}}', "not the base64 of user:password"),
        ('{"auths": {"registry.example.com": {"identitytoken": ["hunter2"]}}}', "identitytoken of registry"),
        ('{"auths": {"registry.example.com": {"registrytoken": "hunter2\\n"}}}', "characters that no token has"),
    ],
    ids=lambda _value: "case",  # the content would stand in the file's path, which messages do show
)
def test_damaged_files(tmp_path: pathlib.Path, content: str, problem: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InvalidSettings, match=problem) as caught:
        read_auth_file(str(path)).login(parse_registry_url(HOST))
    shown = "".join(traceback.format_exception(type(caught.value), caught.value, caught.value.__traceback__))
    assert "hunter2" not in shown and "aHVudGVyMg" not in shown and "Omh1bnRlcjI" not in shown


@pytest.mark.parametrize(
    "content", ['{"auths": "x"}', "nonsense", '{"auths": {"registry.example.com": {"auth": "x"}}}']
)
def test_damaged_files_are_named(tmp_path: pathlib.Path, content: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(InvalidSettings, match=str(path)):
        find_login([str(path)], parse_registry_url(HOST))


def test_a_file_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InvalidSettings, match="cannot be read: Is a directory"):
        read_auth_file(str(tmp_path))


def test_what_a_file_holds_is_not_shown(tmp_path: pathlib.Path) -> None:
    file = read_auth_file(write(tmp_path / "x", {"auths": {"x": {"password": "hunter2"}}}))
    assert "hunter2" not in repr(file)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ["/home/ada/.docker/config.json", "/home/ada/.config/containers/auth.json"]),
        (
            {
                "DOCKER_CONFIG": "/d",
                "REGISTRY_AUTH_FILE": "/r.json",
                "XDG_RUNTIME_DIR": "/run/user/1",
                "XDG_CONFIG_HOME": "/c",
            },
            ["/r.json", "/d/config.json", "/run/user/1/containers/auth.json", "/c/containers/auth.json"],
        ),
    ],
)
def test_standard_places(environ: dict[str, str], expected: list[str]) -> None:
    assert standard_paths(environ, "/home/ada") == expected


def test_the_first_file_with_a_login_is_taken(tmp_path: pathlib.Path) -> None:
    key = "registry.example.com"
    paths = [
        str(tmp_path / "missing"),
        write(tmp_path / "other", {"auths": {"other.example.com": encoded("eve", "x")}}),
        write(tmp_path / "empty", {"auths": {key: {}}}),
        write(tmp_path / "first", {"auths": {key: encoded("ada", "hunter2")}}),
        write(tmp_path / "second", {"auths": {key: encoded("bob", "x")}}),
    ]
    assert find_login(paths, parse_registry_url(HOST)) == USER
    assert find_login(paths, Origin("https", "nowhere.example.com", 443)) is None


def test_a_helper_that_fails_is_no_reason_to_look_further(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    write_helper(tmp_path, "bad", "exit 1")
    auths = {"registry.example.com": encoded("ada", "hunter2")}
    with pytest.raises(InvalidSettings, match="docker-credential-bad"):
        login(tmp_path, HOST, credsStore="bad", auths=auths)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
FIELDS = st.dictionaries(st.sampled_from(["auth", "username", "password", "identitytoken", "registrytoken"]), JSON)


@given(key=st.text() | st.just("registry.example.com"), entry=FIELDS, repository=st.text())
def test_no_entry_breaks_the_reader(key: str, entry: dict[str, t.Any], repository: str) -> None:
    file = AuthFile("x", {key: entry}, {}, "")
    try:
        file.login(parse_registry_url(HOST), repository)
    except InvalidSettings as error:
        assert error.hint
