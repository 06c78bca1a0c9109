# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Login files, edited as Docker and podman would, with all that is not ours left as it was."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import Credentials
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidSettings
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.login_file import (
    LoginFile,
    find_login,
    helper_name,
    parse_document,
    render,
    with_login,
    without_login,
)
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.os_user import OsUser, acting_as, find_user

KEY = "registry.example.com:5000"
ADA = Credentials("ada", "hunter:2")
ADA_AUTH = base64.b64encode(b"ada:hunter:2").decode()
OTHERS = {
    "auths": {"other.example.com": {"auth": "eDp5"}, "https://index.docker.io/v1/": {"identitytoken": "t"}},
    "HttpHeaders": {"X": "y"},
    "credHelpers": {"gcr.io": "gcloud"},
    "detachKeys": "ctrl-e,e",
}


@pytest.fixture
def user(tmp_path: pathlib.Path) -> OsUser:
    return OsUser("ada", os.geteuid(), os.getegid(), str(tmp_path))


def test_a_login_is_added_and_taken_out() -> None:
    document = with_login(OTHERS, KEY, ADA)
    assert document == {**OTHERS, "auths": {**OTHERS["auths"], KEY: {"auth": ADA_AUTH}}}
    assert find_login(document, KEY) == ADA
    assert with_login(document, KEY, ADA) == document
    assert without_login(document, KEY) == OTHERS
    assert without_login(OTHERS, KEY) is OTHERS
    assert list(document) == list(OTHERS), "the order of keys is the user's"


def test_of_an_old_entry_only_secrets_are_replaced() -> None:
    old = {"auths": {KEY: {"auth": "eDp5", "identitytoken": "t", "email": "a@b"}}}
    assert with_login(old, KEY, ADA)["auths"][KEY] == {"email": "a@b", "auth": ADA_AUTH}
    assert with_login(old, KEY, None)["auths"][KEY] == {"email": "a@b"}


@pytest.mark.parametrize(
    ("entry", "login"),
    [
        ({"auth": ADA_AUTH}, ADA),
        ({"auth": base64.b64encode(b"ada:x\0\0").decode()}, Credentials("ada", "x")),
        ({"username": "ada", "password": "hunter:2"}, ADA),
        ({"auth": "!!"}, None),
        ({"auth": base64.b64encode(b"ada").decode()}, None),
        ({"identitytoken": "t"}, None),
        ({}, None),
        ("text", None),
    ],
)
def test_entries(entry: object, login: Credentials | None) -> None:
    assert find_login({"auths": {KEY: entry}}, KEY) == login
    assert find_login({"auths": None}, KEY) is None


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({}, ""),
        ({"credsStore": "pass"}, "pass"),
        ({"credsStore": "pass", "credHelpers": {KEY: "ecr-login"}}, "ecr-login"),
        ({"credsStore": "pass", "credHelpers": {"gcr.io": "gcloud"}}, "pass"),
        ({"credHelpers": None}, ""),
    ],
)
def test_helpers(document: dict[str, object], name: str) -> None:
    assert helper_name(document, KEY) == name


@pytest.mark.parametrize("text", ["", "  \n", "{}"])
def test_nothing_is_no_mistake(text: str) -> None:
    assert parse_document(text, path="/x") == {}


@pytest.mark.parametrize("text", ['{"auths": hush', "[]", '"hush"', '{"auths": ["hush"]}', '{"credHelpers": "hush"}'])
def test_what_is_no_login_file(text: str) -> None:
    with pytest.raises(InvalidSettings, match=r"/x is .* it was left as it is") as caught:
        parse_document(text, path="/x")
    assert "hush" not in str(caught.value)


def test_files_are_made_private(user: OsUser, tmp_path: pathlib.Path) -> None:
    file = LoginFile.read("podman", user)
    assert (file.exists, file.mode, file.document) == (False, None, {})
    file.write({"auths": {}})
    path = tmp_path / ".config/containers/auth.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert json.loads(path.read_text()) == {"auths": {}}
    assert [entry.name for entry in path.parent.iterdir()] == ["auth.json"]


def test_a_link_stays_a_link(user: OsUser, tmp_path: pathlib.Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles/config.json").write_text("{}")
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").symlink_to("../dotfiles/config.json")
    LoginFile.read("docker", user).write({"a": 1})
    assert (tmp_path / ".docker/config.json").is_symlink()
    assert json.loads((tmp_path / "dotfiles/config.json").read_text()) == {"a": 1}


def test_what_cannot_be_read_or_written(user: OsUser, tmp_path: pathlib.Path) -> None:
    (tmp_path / ".docker/config.json").mkdir(parents=True)
    with pytest.raises(InvalidSettings, match=r"cannot read .*config.json: Is a directory"):
        LoginFile.read("docker", user)
    (tmp_path / ".config").write_text("")
    with pytest.raises(InvalidSettings, match=r"cannot write .*auth.json"):
        LoginFile(str(tmp_path / ".config/containers/auth.json"), user, {}, False, None).write({})


def test_users_that_do_not_exist() -> None:
    with pytest.raises(InvalidSettings, match="no user 'nobody-of-that-name'"):
        find_user("nobody-of-that-name")
    assert find_user("").uid == os.geteuid()


def test_only_root_acts_for_others(user: OsUser) -> None:
    other = OsUser("other", os.geteuid() + 1, os.getegid(), user.home)
    before = (os.geteuid(), os.getegid(), os.getgroups())
    if os.geteuid():
        with pytest.raises(InvalidSettings, match="become"):
            with acting_as(other):
                raise AssertionError("not reached")
    else:
        with acting_as(other):
            assert os.geteuid() == other.uid
            assert not os.access("/etc/shadow", os.R_OK, effective_ids=True)
    assert (os.geteuid(), os.getegid(), os.getgroups()) == before


LOGINS = st.builds(Credentials, st.text(st.characters(codec="utf-8", exclude_characters=":"), min_size=1), st.text("aé:😀"))
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "auths": st.dictionaries(st.text(max_size=5), st.dictionaries(st.text(max_size=4), st.text(max_size=4))),
        "credHelpers": st.dictionaries(st.text(max_size=3), st.text(max_size=3)),
        "other": st.lists(st.integers()),
    },
)


@given(document=DOCUMENTS, login=LOGINS)
def test_whatever_is_written_is_found_again_and_nothing_else_has_changed(
    document: dict[str, object], login: Credentials
) -> None:
    written = parse_document(render(with_login(document, KEY, login)), path="/x")
    assert find_login(written, KEY) == login
    rest = without_login(written, KEY)
    assert {**rest, "auths": rest["auths"] or None} == {**document, "auths": document.get("auths") or None}
