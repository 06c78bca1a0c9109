# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Acting as another user of the operating system, so that files in his home are his, and his links lead where he may go.

Root that writes into a folder of somebody else can be led anywhere by a link there. So nothing is written as root: the
process takes on the user's identity for the time being, and the kernel does the checking.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pwd
import typing as t

from ..oci.errors import InvalidSettings


@dataclasses.dataclass(frozen=True)
class OsUser:
    """A user of this machine."""

    name: str
    uid: int
    gid: int
    home: str


def find_user(name: str) -> OsUser:
    """Return a user; the one of this process for an empty name.

    :raises InvalidSettings: if there is none, or his home is no folder.
    """
    try:
        entry = pwd.getpwnam(name) if name else pwd.getpwuid(os.geteuid())
    except (KeyError, ValueError) as error:
        raise InvalidSettings(
            f"there is no user {name or os.geteuid()!r} on this host.", hint="Make the user first, or name another."
        ) from error
    if not os.path.isdir(entry.pw_dir):
        raise InvalidSettings(
            f"the home of the user {entry.pw_name!r}, {entry.pw_dir}, is no folder.",
            hint="Make it first: a login is a file in it.",
        )
    return OsUser(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)


@contextlib.contextmanager
def acting_as(user: OsUser) -> t.Iterator[None]:
    """Have the user's rights, and no more, until the block ends. For the whole process: not for threads.

    :raises InvalidSettings: if this process may not.
    """
    if os.geteuid() == user.uid:
        yield
        return
    if os.geteuid() != 0:
        raise InvalidSettings(f"only root may act as the user {user.name!r}.", hint="Set become: true.")
    groups, gid = os.getgroups(), os.getegid()
    os.setgroups(os.getgrouplist(user.name, user.gid))
    os.setegid(user.gid)
    os.seteuid(user.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)
        os.setgroups(groups)
