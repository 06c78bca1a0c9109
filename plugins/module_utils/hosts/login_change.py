# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A login that is to be there, or not: planned over all files of a user first, so that a refusal changes nothing."""

from __future__ import annotations

import dataclasses
import typing as t

from ..oci.auth import Credentials
from .login_file import LoginFile, find_login, with_login, without_login
from .os_user import OsUser

_MODE = 0o600


@dataclasses.dataclass(frozen=True)
class LoginChange:
    """What has to be done with one file. ``before`` is who was logged in, ``helper`` the program that keeps it."""

    file: LoginFile
    key: str
    wanted: Credentials | None
    before: Credentials | None
    helper: str
    in_helper: bool
    in_file: bool

    @property
    def changed(self) -> bool:
        """Whether anything has to be done."""
        return self.in_helper or self.in_file

    def summary(self) -> dict[str, t.Any]:
        """Return what a user is told; no secret."""
        return {"path": self.file.path, "helper": self.helper or None, "changed": self.changed}

    def diff(self) -> dict[str, t.Any]:
        """Return both sides of the change; of passwords only whether they differ."""
        differs = bool(self.before and self.wanted and self.before.password != self.wanted.password)
        return {
            "before_header": self.file.path,
            "after_header": self.file.path,
            "before": _shown(self.before, self.key, self.helper, self.file.mode, differs),
            "after": _shown(self.wanted, self.key, self.helper, _MODE if self.in_file else self.file.mode, differs),
        }

    def apply(self) -> None:
        """Do it. The helper first: an entry that says "ask the helper" is true by the time it is written."""
        helper = self.file.helper(self.key)
        if helper and self.in_helper:
            if self.wanted:
                helper.store(self.key, self.wanted)
            else:
                helper.erase(self.key)
        if self.in_file:
            self.file.write(_document(self.file, self.key, self.wanted, kept_elsewhere=bool(helper)))


def plan_login(tool: str, user: OsUser, key: str, wanted: Credentials | None) -> LoginChange:
    """Find out what makes the file of a tool have this login, or none. Call it while acting as the user.

    :raises RegistryError: if the file or the helper cannot be used.
    """
    file = LoginFile.read(tool, user)
    helper = file.helper(key)
    kept = helper.get(key) if helper else None
    document = _document(file, key, wanted, kept_elsewhere=bool(helper))
    loose = file.exists and file.mode != _MODE
    return LoginChange(
        file,
        key,
        wanted,
        before=kept or find_login(file.document, key),
        helper=helper.program if helper else "",
        in_helper=bool(helper) and kept != wanted,
        in_file=document != file.document or (loose and wanted is not None),
    )


def _document(file: LoginFile, key: str, wanted: Credentials | None, *, kept_elsewhere: bool) -> dict[str, t.Any]:
    if wanted is None:
        return without_login(file.document, key)
    return with_login(file.document, key, None if kept_elsewhere else wanted)


def _shown(login: Credentials | None, key: str, helper: str, mode: int | None, differs: bool) -> dict[str, t.Any]:
    if login is None:
        return {"registry": key, "username": None}
    return {
        "registry": key,
        "username": login.username,
        "password": "(hidden, differs)" if differs else "(hidden)",
        "kept_by": helper or "the file",
        "mode": None if mode is None else f"{mode:04o}",
    }
