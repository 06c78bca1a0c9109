# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins that Docker, podman and skopeo keep in files: ``config.json`` and ``auth.json``, which have one format.

A login is for the ``host[:port]`` that its key names and for no other. Keys take three shapes:

- ``host[:port]``, as ``docker login`` writes them today.
- ``https://host[:port]/v1/``, as it wrote them once; the path means nothing. Docker Hub's still is one of these.
- ``host[:port]/team/app``, of podman: for this repository and those below; the longest key that fits is taken.

A file is never changed, and no message shows any of its values.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import threading
import typing as t

from .auth import Credentials, IdentityToken, Login, RegistryToken
from .errors import InvalidReference, InvalidSettings
from .origin import HostPort, Origin, parse_host_port, split_url
from .reference import DOCKER_HUB, DOCKER_HUB_API

_HUB_KEY = "https://index.docker.io/v1/"
_HUB_NAMES = (DOCKER_HUB, "index.docker.io", DOCKER_HUB_API)
_API_VERSIONS = ("v1", "v2")
_FIELDS = ("auth", "username", "password", "identitytoken", "registrytoken")
_HINT = "Repair it, log in again, or set use_auth_files to false to do without."


class _Key(t.NamedTuple):
    """What a key names: a server, and with podman a repository, with those below it."""

    server: HostPort
    namespace: str

    def fits(self, origin: Origin, repository: str) -> bool:
        if not self.server.matches(origin):
            return False
        return not self.namespace or f"{repository}/".startswith(f"{self.namespace}/")


class RememberedHelpers:
    """Asks each helper once for each server, and from then on gives the same answer, or fails the same way.

    A list of images has hundreds of repositories of one registry, and each of them may have had a login of its own; a helper takes
    some ten milliseconds, and one that hangs half a minute. Threads may share it.
    """

    def __init__(self) -> None:
        """Have asked nothing yet."""
        self._lock = threading.Lock()
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._answers: dict[tuple[str, str], Login | InvalidSettings | None] = {}

    def ask(self, name: str, server: str, *, where: str) -> Login | None:
        """Return the login that a helper has for a server, see :func:`.credential_helpers.ask_helper`."""
        from .credential_helpers import ask_helper

        key = (name, server)
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._answers:
                try:
                    self._answers[key] = ask_helper(name, server, where=where)
                except InvalidSettings as error:
                    self._answers[key] = error
            answer = self._answers[key]
        if isinstance(answer, InvalidSettings):
            raise answer
        return answer


@dataclasses.dataclass(frozen=True)
class AuthFile:
    """What one file holds, by its keys as they are written; not shown."""

    path: str
    entries: t.Mapping[str, t.Mapping[str, object]] = dataclasses.field(repr=False)
    helpers: t.Mapping[str, str]
    store: str

    def login(self, origin: Origin, repository: str = "", helpers: RememberedHelpers | None = None) -> Login | None:
        """Return the login for a repository of a registry; as in Docker, a helper is asked before the file itself.

        :param helpers: those that were asked before.
        :raises InvalidSettings: if the entry is damaged, or the helper fails.
        """
        helper_key = _best(self.helpers, origin, repository)
        helper = self.store if helper_key is None else self.helpers[helper_key]
        if helper:
            found = (helpers or RememberedHelpers()).ask(helper, _server_name(origin), where=self.path)
            if found is not None:
                return found
        key = _best(self.entries, origin, repository)
        return None if key is None else self._entry(self.entries[key], origin)

    def _entry(self, entry: t.Mapping[str, object], origin: Origin) -> Login | None:
        values = {name: entry.get(name) or "" for name in _FIELDS}
        wrong = next((name for name, value in values.items() if not isinstance(value, str)), None)
        if wrong:
            raise InvalidSettings(f"{self.path}: {wrong} of {origin.authority} is no text.", hint=_HINT)
        text = {name: str(value) for name, value in values.items()}
        if text["registrytoken"]:
            try:
                return RegistryToken(text["registrytoken"])
            except InvalidSettings as error:
                raise InvalidSettings(f"{self.path}: {error.message}", hint=_HINT) from None
        if text["identitytoken"]:
            return IdentityToken(text["identitytoken"])
        if text["auth"]:
            return self._decoded(text["auth"], origin)
        return Credentials(text["username"], text["password"]) if text["username"] else None

    def _decoded(self, auth: str, origin: Origin) -> Credentials:
        try:
            username, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
        except ValueError:
            username, colon, password = "", "", ""
        if not username or not colon:
            raise InvalidSettings(
                f"{self.path}: auth of {origin.authority} is not the base64 of user:password.", hint=_HINT
            )
        return Credentials(username, password.strip("\0"))  # as Docker does: old versions wrote zeros behind it


def read_auth_file(path: str) -> AuthFile:
    """Read a ``config.json`` or ``auth.json``.

    :raises InvalidSettings: if it cannot be read or is not such a file.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise InvalidSettings(f"the file of logins {path} cannot be read: {error.strerror}.", hint=_HINT) from error
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        # From None: that exception holds the whole file.
        place = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise InvalidSettings(f"the file of logins {path} is not JSON{place}.", hint=_HINT) from None
    if not isinstance(document, dict):
        raise InvalidSettings(f"the file of logins {path} is JSON, but not an object.", hint=_HINT)
    entries, helpers, store = (document.get(name) for name in ("auths", "credHelpers", "credsStore"))
    if not _is_mapping(entries, dict) or not _is_mapping(helpers, str) or not isinstance(store or "", str):
        raise InvalidSettings(
            f"the file of logins {path} has auths, credHelpers or credsStore of another shape than Docker's.",
            hint=_HINT,
        )
    return AuthFile(path, entries or {}, helpers or {}, store or "")


def standard_paths(environ: t.Mapping[str, str], home: str) -> list[str]:
    """Return where Docker, podman and skopeo keep logins, what the environment names first; not all exist.

    :param home: the user's home directory.
    """
    docker = environ.get("DOCKER_CONFIG") or os.path.join(home, ".docker")
    runtime = environ.get("XDG_RUNTIME_DIR")
    config = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    paths = [environ.get("REGISTRY_AUTH_FILE") or "", os.path.join(docker, "config.json")]
    paths += [os.path.join(folder, "containers", "auth.json") for folder in (runtime, config) if folder]
    return [path for path in paths if path]


def login_of_user(
    origin: Origin,
    repository: str = "",
    *,
    auth_file: str = "",
    standard: bool = True,
    helpers: RememberedHelpers | None = None,
) -> Login | None:
    """Return the login that this process's user has for a repository of a registry.

    :param auth_file: a file that must exist, in place of the standard ones.
    :param standard: whether to look into the standard ones, see :func:`standard_paths`.
    :param helpers: those that were asked before.
    :raises InvalidSettings: if a file or the login in it cannot be used.
    """
    if auth_file and not os.path.exists(auth_file):
        raise InvalidSettings(f"auth_file {auth_file} is not there.", hint="It is a file on the host that reads it.")
    paths = [auth_file] if auth_file else []
    if not auth_file and standard:
        paths = standard_paths(os.environ, os.path.expanduser("~"))
    return find_login(paths, origin, repository, helpers)


def find_login(
    paths: t.Iterable[str], origin: Origin, repository: str = "", helpers: RememberedHelpers | None = None
) -> Login | None:
    """Return the first login that the files have for a repository of a registry; files that do not exist have none.

    :raises InvalidSettings: if a file or the login in it cannot be used.
    """
    for path in paths:
        if os.path.exists(path):
            found = read_auth_file(path).login(origin, repository, helpers)
            if found is not None:
                return found
    return None


def _best(keys: t.Iterable[str], origin: Origin, repository: str) -> str | None:
    """Return the key that fits best: the longest namespace, and of equal ones the shape that is written today."""
    fitting = [(parsed, key) for key in keys for parsed in _parse_key(key) if parsed.fits(origin, repository)]
    return max(fitting, key=lambda pair: (len(pair[0].namespace), "://" not in pair[1]))[1] if fitting else None


def _parse_key(key: str) -> list[_Key]:
    """Return what a key names: nothing if it is none, several servers only for Docker Hub."""
    try:
        if "://" in key:
            origin, _parts = split_url(key)
            return _with_hub(_Key(HostPort(origin.host, origin.port), ""))
        server, _slash, namespace = key.rstrip("/").partition("/")
        return _with_hub(_Key(parse_host_port(server), "" if namespace in _API_VERSIONS else namespace))
    except InvalidReference:
        return []


def _with_hub(key: _Key) -> list[_Key]:
    if key.server.host in _HUB_NAMES and key.server.port in (None, 443):
        return [_Key(HostPort(name), key.namespace) for name in _HUB_NAMES]
    return [key]


def _server_name(origin: Origin) -> str:
    return _HUB_KEY if origin.scheme == "https" and origin.authority in _HUB_NAMES else origin.authority


def _is_mapping(value: object, kind: type) -> bool:
    return value is None or (isinstance(value, dict) and all(isinstance(entry, kind) for entry in value.values()))
