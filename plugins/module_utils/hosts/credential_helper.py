# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credential helpers: programs that keep logins in place of a file, by the protocol of docker-credential-helpers.

``docker-credential-NAME get|store|erase`` reads one thing on its standard input and answers in JSON. A secret is only
ever written to that input: never to an argument, which every user of the machine can read.
"""

from __future__ import annotations

import json
import os
import re
import typing as t

from ..oci.auth import Credentials
from ..oci.credential_helpers import TIMEOUT, run_helper
from ..oci.errors import InvalidSettings, RegistryError
from .os_user import OsUser

_NOT_FOUND = "credentials not found"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class CredentialHelper:
    """A helper of one user. Call it while acting as that user."""

    def __init__(self, name: str, user: OsUser) -> None:
        """:raises InvalidSettings: if the name could lead to another program than a helper."""
        if not _NAME.fullmatch(name):
            raise InvalidSettings(
                f"{name[:40]!r} is not the name of a credential helper.",
                hint="It is the part after docker-credential-, such as pass.",
            )
        self.program = f"docker-credential-{name}"
        self._user = user

    def get(self, key: str) -> Credentials | None:
        """Return the login kept for a registry, None if there is none.

        :raises RegistryError: if the helper fails, or does not answer as one.
        """
        answer = self._run("get", key, absent=True)
        if answer is None:
            return None
        try:
            document = json.loads(answer)
            name, secret = document["Username"], document["Secret"]
        except (ValueError, KeyError, TypeError):
            # From None: that exception holds the answer, and so the secret.
            raise RegistryError(
                f"{self.program} of the user {self._user.name!r} does not answer as a credential helper."
            ) from None
        return Credentials(str(name), str(secret))

    def store(self, key: str, credentials: Credentials) -> None:
        """Keep a login. Raises as :meth:`get`."""
        login = {"ServerURL": key, "Username": credentials.username, "Secret": credentials.password}
        self._run("store", json.dumps(login))

    def erase(self, key: str) -> None:
        """Forget a login. Raises as :meth:`get`."""
        self._run("erase", key)

    def _run(self, verb: str, given: str, *, absent: bool = False) -> str | None:
        what = f"{self.program} {verb} of the user {self._user.name!r}"
        try:
            status, written = run_helper(
                [self.program, verb],
                given,
                timeout=TIMEOUT,
                env=_environment(self._user),
                cwd=self._user.home,
                **_identity(self._user),
            )
        except FileNotFoundError as error:
            raise InvalidSettings(
                f"{what}: there is no such program.",
                hint="Install it, or take it out of credsStore and credHelpers.",
            ) from error
        except TimeoutError:
            raise RegistryError(
                f"{what} did not end in {TIMEOUT:.0f} seconds.", hint="Does it ask for something, such as a passphrase?"
            ) from None
        except OSError as error:
            raise RegistryError(f"{what} cannot be run: {error.strerror}.") from error
        output = written.decode("utf-8", "replace")
        if status == 0:
            return output
        if absent and _NOT_FOUND in output.lower():
            return None
        # What it printed is left out: it may hold what was to be kept secret.
        raise RegistryError(f"{what} failed with exit code {status}.", hint="Run it by hand to see why.")


def _environment(user: OsUser) -> dict[str, str]:
    """What a login shell of the user would give to the helper; nothing of root's."""
    path = os.environ.get("PATH", os.defpath)
    found = {"HOME": user.home, "USER": user.name, "LOGNAME": user.name, "PATH": path}
    runtime = f"/run/user/{user.uid}"
    return {**found, "XDG_RUNTIME_DIR": runtime} if os.path.isdir(runtime) else found


def _identity(user: OsUser) -> dict[str, t.Any]:
    """Give up root for good in the helper: until here it is only laid aside."""
    return {"user": user.uid, "group": user.gid} if os.getuid() != user.uid else {}
