# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credential helpers: real programs that answer, fail, hang and chatter."""

from __future__ import annotations

import json
import pathlib
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import Credentials, IdentityToken
from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth_files import RememberedHelpers
from ansible_collections.dockyard.registry.plugins.module_utils.oci.credential_helpers import ask_helper
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidSettings
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.helpers import helper_with, write_helper

SERVER = "registry.example.com:5000"


@pytest.fixture(autouse=True)
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_logins(folder: pathlib.Path) -> None:
    logins = {SERVER: ("ada", "hunter2"), "token.example.com": ("<token>", "hunter3"), "empty.example.com": ("", "")}
    helper_with(folder, "x", logins)
    asked = [*logins, "unknown.example.com"]
    expected = [Credentials("ada", "hunter2"), IdentityToken("hunter3"), None, None]
    assert [ask_helper("x", server, where="config.json") for server in asked] == expected


@pytest.mark.parametrize("name", ["", "/bin/x", "../x", "a/b", "x\0y"])
def test_names_that_are_paths(folder: pathlib.Path, name: str) -> None:
    with pytest.raises(InvalidSettings, match="config.json names the credential helper"):
        ask_helper(name, SERVER, where="config.json")


def test_a_helper_that_is_not_there() -> None:
    with pytest.raises(InvalidSettings, match="docker-credential-gone, which is not on the PATH"):
        ask_helper("gone", SERVER, where="config.json")


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo hunter2; exit 1", "failed for registry.example.com:5000 .exit status 1."),
        ("echo hunter2 >&2; kill -9 $$", "failed for registry.example.com:5000 .exit status -9."),
        ("echo hunter2", "no JSON"),
        ("exit 0", "no JSON"),
        ("""echo '["hunter2"]'""", "without a Username and a Secret"),
        ("""echo '{"Secret": "hunter2"}'""", "without a Username and a Secret"),
        ("""echo '{"Username": "hunter2", "Secret": 2}'""", "without a Username and a Secret"),
        ("echo hunter2; sleep 60", "no answer within 0.2 seconds"),
        ("echo hunter2; sleep 60 & exit 0", "no answer within 0.2 seconds"),
    ],
)
def test_helpers_that_fail_are_named_and_never_quoted(folder: pathlib.Path, script: str, problem: str) -> None:
    write_helper(folder, "bad", script)
    before = time.monotonic()
    with pytest.raises(InvalidSettings, match=f"docker-credential-bad of config.json.*{problem}") as caught:
        ask_helper("bad", SERVER, where="config.json", timeout=0.2)
    assert time.monotonic() - before < 10
    assert "use_auth_files" in str(caught.value)
    shown = "".join(traceback.format_exception(type(caught.value), caught.value, caught.value.__traceback__))
    assert "hunter2" not in shown + json.dumps(caught.value.as_dict())


def test_a_helper_that_cannot_be_started(folder: pathlib.Path) -> None:
    write_helper(folder, "odd", "").write_text("#!/nonexistent/shell\n")
    with pytest.raises(InvalidSettings, match="docker-credential-odd of config.json cannot be started"):
        ask_helper("odd", SERVER, where="config.json")


def test_a_helper_may_ignore_its_input(folder: pathlib.Path) -> None:
    write_helper(folder, "deaf", """exec <&-; echo '{"Username": "ada", "Secret": "hunter2"}'""")
    assert ask_helper("deaf", "x" * 1_000_000, where="config.json") == Credentials("ada", "hunter2")


def test_each_helper_is_asked_once_for_each_server(folder: pathlib.Path) -> None:
    """However many threads ask; one that has no login, or fails, too."""
    calls = folder / "calls"
    count = f"read -r server; echo \"$server\" >> {calls}; sleep 0.05; "
    write_helper(folder, "good", count + """echo '{"Username": "ada", "Secret": "hunter2"}'""")
    write_helper(folder, "empty", count + "echo credentials not found; exit 1")
    write_helper(folder, "bad", count + "exit 1")
    helpers = RememberedHelpers()
    with ThreadPoolExecutor(8) as executor:
        logins = list(executor.map(lambda _number: helpers.ask("good", SERVER, where="config.json"), range(20)))
    assert logins == [Credentials("ada", "hunter2")] * 20
    helpers.ask("good", "other.example.com", where="config.json")
    for _time in range(3):
        assert helpers.ask("empty", SERVER, where="config.json") is None
        with pytest.raises(InvalidSettings, match="docker-credential-bad of config.json failed"):
            helpers.ask("bad", SERVER, where="config.json")
    assert calls.read_text().split() == [SERVER, "other.example.com", SERVER, SERVER]
