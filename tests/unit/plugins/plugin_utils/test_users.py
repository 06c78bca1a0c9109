# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users: what is refused, what is written, and what stays as it is."""

from __future__ import annotations

from importlib import metadata

import pytest
from passlib.hash import bcrypt

from ansible_collections.dockyard.registry.plugins.plugin_utils import users

HASH = "$2y$05$toLMF0PVtPTY0LqYXcsCleCLM90Pf/CaptRLdWfxRQaEzWK74xN5K"


@pytest.mark.parametrize(
    ("user", "says"),
    [
        ({"name": "al:ice", "password": "x"}, "colon"),
        ({"name": "al ice", "password": "x"}, "space"),
        ({"name": "../alice"}, "slash"),
        ({"name": "", "password": "x"}, "not empty"),
        ({"name": 7}, "has no name"),
        ({"password": "x"}, "has no name"),
        ("alice", "has no name"),
        ({"name": "alice", "password": "hush" * 19}, "76 bytes"),
        ({"name": "alice", "password": "é" * 37}, "74 bytes"),
        ({"name": "alice", "password": ""}, "password is empty"),
        ({"name": "alice", "password": "hush\n"}, "newline"),
        ({"name": "alice", "password": 12345}, "not a text"),
        ({"name": "alice", "hash": "{SHA}hush"}, "not bcrypt"),
        ({"name": "alice", "hash": "$apr1$hush$hush"}, "not bcrypt"),
        ({"name": "alice", "hash": HASH + "x"}, "not bcrypt"),
        ({"name": "alice", "hash": HASH, "password": "hush"}, "a password and a hash"),
        ({"name": "alice", "pasword": "hush"}, "pasword"),
    ],
)
def test_refused(user, says):
    problems = users.user_problems([user])
    assert len(problems) == 1, problems
    assert problems[0].startswith("registry_users[0]")
    assert says in problems[0]
    assert "hush" not in problems[0]


def test_twice():
    (problem,) = users.user_problems([{"name": "alice"}, {"name": "bob"}, {"name": "alice"}])
    assert problem.startswith("registry_users[2] (name 'alice') is there twice")


def test_no_list():
    assert "not a list" in users.user_problems("alice")[0]


def test_written_and_kept():
    given = [{"name": "alice", "password": "one"}, {"name": "bob"}, {"name": "carol", "hash": HASH}]
    first = users.htpasswd(given, generated={"bob": "two"}, cost=4)
    found = users.read_htpasswd(first)
    assert list(found) == ["alice", "bob", "carol"]
    assert found["alice"].startswith("$2y$04$")
    assert found["bob"].startswith("$2y$05$")
    assert found["carol"] == HASH
    assert bcrypt.verify("one", found["alice"])
    assert bcrypt.verify("two", found["bob"])
    assert users.htpasswd(given, existing=first, generated={"bob": "two"}, cost=4) == first


def test_changed_password_and_cost():
    first = users.htpasswd([{"name": "alice", "password": "one"}], cost=4)
    assert users.htpasswd([{"name": "alice", "password": "two"}], existing=first, cost=4) != first
    assert users.htpasswd([{"name": "alice", "password": "one"}], existing=first, cost=5) != first


def test_other_makers_hashes_are_kept():
    existing = "alice:" + bcrypt.using(rounds=4, ident="2b").hash("one") + "\n"
    assert users.htpasswd([{"name": "alice", "password": "one"}], existing=existing, cost=4) == existing


def test_removed_user_goes():
    first = users.htpasswd([{"name": "alice", "hash": HASH}, {"name": "bob", "hash": HASH}])
    assert users.htpasswd([{"name": "bob", "hash": HASH}], existing=first) == f"bob:{HASH}\n"


def test_bad_users_are_not_written():
    with pytest.raises(users.UsersError, match="colon"):
        users.htpasswd([{"name": "a:b", "password": "x"}])
    with pytest.raises(users.UsersError, match="none was made"):
        users.htpasswd([{"name": "alice"}])


@pytest.mark.parametrize("bcrypt_version", ["4.1.0", "5.0.0"])
def test_old_passlib_with_new_bcrypt(monkeypatch, bcrypt_version):
    versions = {"passlib": "1.7.4", "bcrypt": bcrypt_version}
    monkeypatch.setattr(metadata, "version", versions.__getitem__)
    with pytest.raises(users.UsersError, match=f"passlib 1.7.4 .* bcrypt {bcrypt_version}.*pip uninstall --yes passlib"):
        users.hasher()


def test_old_passlib_with_old_bcrypt(monkeypatch):
    versions = {"passlib": "1.7.4", "bcrypt": "4.0.1"}
    monkeypatch.setattr(metadata, "version", versions.__getitem__)
    assert users.hasher() is bcrypt


def test_no_bcrypt(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(users.UsersError, match="pip install libpass bcrypt"):
        users.hasher()
