# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins in the files of Docker (``config.json``) and of podman and skopeo (``auth.json``): reading and editing.

Both files have one form (docker/cli: cli/config/configfile; containers/image: containers-auth.json(5)). What belongs to
other registries, and keys that are not known here, stay as they are. The functions are pure but for the last class.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import os
import stat
import tempfile
import typing as t

from ..oci.auth import Credentials
from .credential_helper import CredentialHelper
from ..oci.errors import InvalidSettings
from .os_user import OsUser

Document = t.Dict[str, t.Any]

Tool = t.Literal["docker", "podman"]

PLACES: dict[str, str] = {"docker": ".docker/config.json", "podman": ".config/containers/auth.json"}
"""Below the home. Podman's first choice is below /run, which is gone after a restart; it reads this one, too."""

_SECRETS = ("auth", "username", "password", "identitytoken", "registrytoken")
_MAX_SIZE = 4 * 1024 * 1024


def parse_document(text: str, *, path: str) -> Document:
    """Read a login file; an empty one is as good as none.

    :raises InvalidSettings: if it is not what Docker and podman write; its content is never shown.
    """
    if not text.strip():
        return {}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        # From None: that exception holds the whole file.
        raise InvalidSettings(
            f"{path} is not JSON{place}: it was left as it is.", hint="Mend it, or move it away and run again."
        ) from None
    helpers = document.get("credHelpers") or {} if isinstance(document, dict) else None
    auths = document.get("auths") or {} if isinstance(document, dict) else None
    if not isinstance(auths, dict) or not isinstance(helpers, dict):
        raise InvalidSettings(
            f"{path} is JSON, but no file of logins: it was left as it is.", hint="Mend it, or move it away."
        )
    return t.cast(Document, document)


def helper_name(document: Document, key: str) -> str:
    """Return the credential helper that keeps this registry's login, empty for none (credHelpers before credsStore)."""
    return str((document.get("credHelpers") or {}).get(key) or document.get("credsStore") or "")


def find_login(document: Document, key: str) -> Credentials | None:
    """Return the login that stands in the file itself; None if there is none that can be read."""
    entry = (document.get("auths") or {}).get(key)
    if not isinstance(entry, dict):
        return None
    if entry.get("auth"):
        try:
            name, colon, password = base64.b64decode(str(entry["auth"]), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        # Docker pads the password with NULs in some files of old.
        return Credentials(name, password.strip("\0")) if colon else None
    if isinstance(entry.get("username"), str) and isinstance(entry.get("password"), str):
        return Credentials(entry["username"], entry["password"])
    return None


def with_login(document: Document, key: str, credentials: Credentials | None) -> Document:
    """Return the file with this login; None for one that a helper keeps, which leaves an empty entry as Docker does."""
    auths = dict(document.get("auths") or {})
    old = auths.get(key)
    entry = {name: value for name, value in old.items() if name not in _SECRETS} if isinstance(old, dict) else {}
    if credentials:
        entry["auth"] = credentials.header.partition(" ")[2]
    return {**document, "auths": {**auths, key: entry}}


def without_login(document: Document, key: str) -> Document:
    """Return the file without this entry; the same file if it has none."""
    if key not in (document.get("auths") or {}):
        return document
    return {**document, "auths": {name: value for name, value in document["auths"].items() if name != key}}


def render(document: Document) -> str:
    """Return the file's text, in the form that the docker command writes."""
    return json.dumps(document, indent="\t", ensure_ascii=False)


@dataclasses.dataclass(frozen=True)
class LoginFile:
    """A login file of a user, as it was read. Make it and use it while acting as that user."""

    path: str
    user: OsUser
    document: Document
    exists: bool
    mode: int | None

    @classmethod
    def read(cls, tool: str, user: OsUser) -> LoginFile:
        """Read the file of a tool in the user's home. Raises as :meth:`read_path`."""
        return cls.read_path(os.path.join(user.home, PLACES[tool]), user)

    @classmethod
    def read_path(cls, path: str, user: OsUser) -> LoginFile:
        """Read a file; one that does not exist is empty.

        :raises InvalidSettings: if it is there and cannot be read, or is not one.
        """
        try:
            with open(path, encoding="utf-8") as file:
                details = os.fstat(file.fileno())
                if not stat.S_ISREG(details.st_mode) or details.st_size > _MAX_SIZE:
                    raise InvalidSettings(f"{path} is no ordinary file of logins.", hint="Move it away.")
                text = file.read()
        except FileNotFoundError:
            return cls(path, user, {}, False, None)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise InvalidSettings(
                f"the user {user.name!r} cannot read {path}: {reason}.",
                hint=f"It is to belong to that user: chown {user.name} {path}",
            ) from error
        return cls(path, user, parse_document(text, path=path), True, stat.S_IMODE(details.st_mode))

    def helper(self, key: str) -> CredentialHelper | None:
        """Return the helper that keeps this registry's login.

        :raises InvalidSettings: if its name is none.
        """
        name = helper_name(self.document, key)
        return CredentialHelper(name, self.user) if name else None

    def login(self, key: str) -> Credentials | None:
        """Return the login for a registry, from the file or from its helper, as the docker command would find it."""
        helper = self.helper(key)
        return helper.get(key) if helper else find_login(self.document, key)

    def write(self, document: Document) -> None:
        """Replace the file in one step, readable by its user only; a link stays a link.

        :raises InvalidSettings: if the user may not.
        """
        target = os.path.realpath(self.path)
        folder = os.path.dirname(target)
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=folder, prefix=".dockyard-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(render(document))
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(name, target)
            except BaseException:
                os.unlink(name)
                raise
        except OSError as error:
            raise InvalidSettings(
                f"the user {self.user.name!r} cannot write {self.path}: {error.strerror}.",
                hint="The folder is to belong to that user, on a file system that is writable and not full.",
            ) from error
