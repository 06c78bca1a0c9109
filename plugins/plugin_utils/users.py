# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users of a registry: checked, and written as an htpasswd file of bcrypt hashes.

Runs on the controller, so that hosts need no Python library for it. The registry takes bcrypt and nothing else
(distribution: registry/auth/htpasswd/htpasswd.go) and reads the file again when it changes.
"""

from __future__ import annotations

import re
import typing as t
from importlib import metadata

# bcrypt reads no more than this; what comes after would be ignored.
MOST_PASSWORD_BYTES = 72
# $2y$ is what Apache and nginx take too; Go's bcrypt reads 2, 2a, 2b and 2y.
HASH = re.compile(r"\$2[aby]?\$(\d\d)\$[./A-Za-z0-9]{53}")
# A generated password has 190 bits: stretching it adds nothing and costs time on every request.
GENERATED_COST = 5


class UsersError(ValueError):
    """The users cannot be written; the message says why and what to do."""


def user_problems(users: t.Any) -> list[str]:
    """What is wrong with `registry_users`: a message a problem, none with a password in it."""
    if not isinstance(users, (list, tuple)):
        return ["registry_users is not a list: write one mapping a user, with name and password or hash."]
    out: list[str] = []
    seen: set[str] = set()
    for index, user in enumerate(users):
        where = f"registry_users[{index}]"
        if not isinstance(user, t.Mapping) or not isinstance(user.get("name"), str):
            out.append(f"{where} has no name: write it as {{name: alice, password: ...}}.")
            continue
        name = user["name"]
        where = f"{where} (name {name!r})"
        unknown = sorted(set(map(str, user)) - {"name", "password", "hash"})
        if unknown:
            out.append(f"{where} has {', '.join(unknown)}, which a user does not have: a user has name, and password or "
                       "hash.")
        if not name or ":" in name or re.search(r"[\s/\x00-\x1f]", name):
            out.append(f"{where}: a name is not empty and has no colon, space or slash, for these end it in the file "
                       "of users. Choose another name.")
        if name in seen:
            out.append(f"{where} is there twice: the registry would know only one of them. Take one out.")
        seen.add(name)
        out += [f"{where}: {problem}" for problem in _password_problems(user)]
    return out


def _password_problems(user: t.Mapping[str, t.Any]) -> list[str]:
    if user.get("password") is not None and user.get("hash") is not None:
        return ["has a password and a hash. Keep one of them."]
    if user.get("hash") is not None:
        if HASH.fullmatch(str(user["hash"])):
            return []
        return ["its hash is not bcrypt ($2y$...), and the registry would refuse every login. Make one with "
                "`htpasswd -nB -C 8 NAME`, or give the password instead."]
    password = user.get("password")
    if password is None:
        return []
    if not isinstance(password, str):
        return ["its password is not a text. Put it in quotes."]
    out = []
    if not password:
        out.append("its password is empty. Give one, or leave `password` out to have a long random one made.")
    if re.search(r"[\r\n\x00]", password):
        out.append("its password has a newline or a NUL in it, which no client can send. Take it out (in YAML, `|` adds a "
                   "newline and `|-` does not).")
    size = len(password.encode())
    if size > MOST_PASSWORD_BYTES:
        out.append(f"its password has {size} bytes and bcrypt reads {MOST_PASSWORD_BYTES}. Choose a shorter one.")
    return out


def hasher() -> t.Any:
    """passlib's bcrypt, if the two libraries installed here get on.

    passlib 1.7.4 is the last release of a project that has ended: with bcrypt 4.1 it complains on each use, and with
    bcrypt 5 it fails on every password. libpass is the maintained one and is imported by the same name.
    """
    try:
        bcrypt_version = metadata.version("bcrypt")
        from passlib.hash import bcrypt  # noqa: PLC0415: its absence is answered below
    except (ImportError, metadata.PackageNotFoundError) as error:
        raise UsersError(
            f"registry_users need the Python packages libpass and bcrypt on the controller ({error}). Run: "
            "pip install libpass bcrypt"
        ) from error
    try:
        old = metadata.version("passlib")
    except metadata.PackageNotFoundError:
        return bcrypt
    if tuple(int(part) for part in bcrypt_version.split(".")[:2]) >= (4, 1):
        raise UsersError(
            f"passlib {old} does not work with bcrypt {bcrypt_version} on the controller. Its maintained successor has "
            "the same import name. Run: pip uninstall --yes passlib && pip install --force-reinstall libpass"
        )
    return bcrypt


def read_htpasswd(text: str) -> dict[str, str]:
    """The users of an htpasswd file and their hashes."""
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line and not line.startswith("#"))
    return {name: found for name, _colon, found in pairs}


def htpasswd(
    users: t.Sequence[t.Mapping[str, t.Any]],
    *,
    existing: str = "",
    generated: t.Mapping[str, str] | None = None,
    cost: int = 8,
) -> str:
    """The htpasswd file of these users, in their order; empty for none.

    A hash that is there already, fits the password and has the cost asked for stays as it is, so that writing the same
    users twice writes the same bytes.

    :param existing: the file as it is on the host.
    :param generated: the passwords made for users that were given none.
    :param cost: of bcrypt, as the power of two of its rounds; generated passwords have one of their own.
    :raises UsersError: if a user is not well formed, or the hashing library is missing.
    """
    problems = user_problems(users)
    if problems:
        raise UsersError("\n".join(problems))
    known = read_htpasswd(existing)
    lines = []
    for user in users:
        name = user["name"]
        if user.get("hash"):
            lines.append(f"{name}:{user['hash']}")
            continue
        password = user.get("password")
        wanted = cost
        if password is None:
            password, wanted = (generated or {}).get(name), GENERATED_COST
        if password is None:
            raise UsersError(f"registry_users (name {name!r}) has no password and none was made for it.")
        lines.append(f"{name}:{_hash(password, known.get(name, ''), wanted)}")
    return "".join(f"{line}\n" for line in lines)


def _hash(password: str, known: str, cost: int) -> str:
    bcrypt = hasher()
    found = HASH.fullmatch(known)
    if found and int(found[1]) == cost and bcrypt.verify(password, known):
        return known
    return str(bcrypt.using(rounds=cost, ident="2y").hash(password))
