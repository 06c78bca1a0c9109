# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real helper programs: the protocol, and all the ways in which they let one down."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.hosts import credential_helper
from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import Credentials
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.credential_helper import CredentialHelper
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidSettings, RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.os_user import OsUser
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.helpers import (
    FILE_HELPER,
    install_helper,
)

KEY = "registry.example.com:5000"
ADA = Credentials("ada", "hunter2")


@pytest.fixture
def user(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> OsUser:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return OsUser("ada", os.getuid(), os.getgid(), str(tmp_path))


def test_the_protocol(user: OsUser, tmp_path: pathlib.Path) -> None:
    install_helper(tmp_path / "bin", "file", FILE_HELPER)
    helper = CredentialHelper("file", user)
    assert helper.get(KEY) is None
    helper.store(KEY, ADA)
    assert helper.get(KEY) == ADA
    assert json.loads((tmp_path / "store.json").read_text()) == {KEY: ["ada", "hunter2"]}
    helper.erase(KEY)
    assert helper.get(KEY) is None
    calls = (tmp_path / "calls").read_text()
    assert "hunter2" not in calls, "a secret never is an argument"
    assert "get" in calls and "store" in calls and "erase" in calls


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo hunter2; exit 3", "failed with exit code 3"),
        ("echo hunter2", "does not answer as a credential helper"),
        ("echo '{\"Username\": \"hunter2\"}'", "does not answer"),
        ("exec sleep 30", "did not end in"),
    ],
)
def test_helpers_that_fail(
    user: OsUser, tmp_path: pathlib.Path, script: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credential_helper, "TIMEOUT", 0.3)
    install_helper(tmp_path / "bin", "bad", f"#!/bin/sh\n{script}\n")
    with pytest.raises(RegistryError, match=says) as caught:
        CredentialHelper("bad", user).get(KEY)
    assert "docker-credential-bad" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_helper_that_is_not_installed(user: OsUser) -> None:
    with pytest.raises(InvalidSettings, match="docker-credential-none get .* no such program"):
        CredentialHelper("none", user).get(KEY)


def test_a_helper_that_cannot_be_run(user: OsUser, tmp_path: pathlib.Path) -> None:
    install_helper(tmp_path / "bin", "odd", "\x7fELF neither script nor program")
    with pytest.raises(RegistryError, match="cannot be run"):
        CredentialHelper("odd", user).get(KEY)


@pytest.mark.parametrize("name", ["../x", "/bin/sh", "a b", "-x", ""])
def test_names_that_lead_elsewhere(user: OsUser, name: str) -> None:
    with pytest.raises(InvalidSettings, match="not the name of a credential helper"):
        CredentialHelper(name, user)
