# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Joins Ansible's modules with the registry client, which knows nothing of Ansible.

Private to this collection: it may change with any release.
"""

from __future__ import annotations

import os
import threading
import typing as t
import weakref

from ansible.module_utils.basic import AnsibleModule, env_fallback

from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import Credentials, IdentityToken, Login
from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth_files import RememberedHelpers, login_of_user
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.sources import Sources
from ansible_collections.dockyard.registry.plugins.module_utils.oci.certs_d import (
    DEFAULT_DIRECTORY,
    read_certs_directory,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.connections import Timeouts, TlsSettings
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidSettings, RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.location import (
    DEFAULT_DOCKER_HOST,
    RegistryLocation,
    parse_location,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import (
    HostPort,
    Origin,
    parse_host_port,
    parse_registry_url,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.platforms import Platform, parse_platform
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import (
    DOCKER_HUB,
    DOCKER_HUB_API,
    Reference,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.source import ImageSource

if t.TYPE_CHECKING:
    from ansible_collections.dockyard.registry.plugins.module_utils.oci.engine import Engine

# What only some modules need is imported where it is: Ansible compiles a module's code at each start.

_CONNECT_TIMEOUT = 10.0

_HELPERS: weakref.WeakKeyDictionary[AnsibleModule, RememberedHelpers] = weakref.WeakKeyDictionary()
_HELPERS_LOCK = threading.Lock()


def connection_spec() -> dict[str, dict[str, t.Any]]:
    """Return the argument spec of the options that the fragment ``dockyard.registry.registry`` documents."""
    return {
        "url": {"type": "str", "required": True, "fallback": (env_fallback, ["DOCKYARD_REGISTRY_URL"])},
        "username": {"type": "str", "fallback": (env_fallback, ["DOCKYARD_REGISTRY_USERNAME"])},
        "password": {"type": "str", "no_log": True, "fallback": (env_fallback, ["DOCKYARD_REGISTRY_PASSWORD"])},
        "identity_token": {"type": "str", "no_log": True},
        "token_hosts": {"type": "list", "elements": "str", "default": [], "no_log": False},
        "ca_path": {"type": "path"},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path", "no_log": False},
        "validate_certs": {"type": "bool", "default": True},
        **every_registry_spec(),
    }


def every_registry_spec() -> dict[str, dict[str, t.Any]]:
    """Return the argument spec of the options that are for all registries alike."""
    return {
        "auth_file": {"type": "path"},
        "use_auth_files": {"type": "bool", "default": True},
        "certs_dir": {"type": "path", "default": DEFAULT_DIRECTORY},
        "timeout": {"type": "int", "default": 60},
    }


def source_spec() -> dict[str, dict[str, t.Any]]:
    """Return the argument spec of the options that say where an image comes from."""
    return {
        "source": {"type": "str", "required": True},
        "source_username": {"type": "str"},
        "source_password": {"type": "str", "no_log": True},
        "source_identity_token": {"type": "str", "no_log": True},
        "source_token_hosts": {"type": "list", "elements": "str", "default": [], "no_log": False},
        "source_ca_path": {"type": "path"},
        "source_validate_certs": {"type": "bool", "default": True},
        "source_plain_http": {"type": "bool", "default": False},
        "platforms": {"type": "list", "elements": "str"},
        **engine_spec(),
    }


def engine_spec() -> dict[str, dict[str, t.Any]]:
    """Return the argument spec of the option that says where the engine is."""
    host = {"type": "str", "default": DEFAULT_DOCKER_HOST, "fallback": (env_fallback, ["DOCKER_HOST"])}
    return {"docker_host": host}


def registries_spec() -> dict[str, dict[str, t.Any]]:
    """Return the argument spec of the option that says how other registries are reached."""
    options = {
        "registry": {"type": "str", "required": True},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "identity_token": {"type": "str", "no_log": True},
        "token_hosts": {"type": "list", "elements": "str", "default": [], "no_log": False},
        "ca_path": {"type": "path"},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path", "no_log": False},
        "validate_certs": {"type": "bool", "default": True},
        "plain_http": {"type": "bool", "default": False},
    }
    registries = {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": options,
        "required_together": [("username", "password")],
        "required_by": {"client_key": "client_cert"},
    }
    return {"registries": registries}


def make_module(options: t.Mapping[str, t.Any], **settings: t.Any) -> AnsibleModule:
    """Return a module with its own options and the connection's."""
    together = [("username", "password"), *settings.pop("required_together", ())]
    needed = {"client_key": "client_cert", **settings.pop("required_by", {})}
    return AnsibleModule(
        argument_spec={**connection_spec(), **options},
        required_together=together,
        required_by=needed,
        supports_check_mode=True,
        **settings,
    )


def connect(module: AnsibleModule, repository: str = "") -> RegistryClient:
    """Return the client of the registry that the module's options name; it has answered as one.

    :param repository: the one the client is for, if it is for one: files may have a login of its own for it.
    :raises RegistryError: if they cannot be used, or no registry answers.
    """
    client = _client(module, parse_registry_url(module.params["url"]), repository)
    try:
        client.ping()
    except RegistryError:
        client.close()
        raise
    return client


def connect_source(module: AnsibleModule, home: Origin) -> ImageSource:
    """Return the image that the module's ``source`` names, or what of it is for the module's ``platforms``.

    :param home: the registry of ``url``. A source on the same one has its TLS settings and, unless others are given,
        its login. No other registry is given anything that is for this one.
    """
    from ansible_collections.dockyard.registry.plugins.module_utils.oci.open_source import open_source

    location, platforms = parse_location(module.params["source"]), wanted_platforms(module)
    repository = location.reference.repository if isinstance(location, RegistryLocation) else ""

    def make_client(origin: Origin) -> RegistryClient:
        if origin == home:
            return _client(module, origin, repository, _given_login(module.params, "source_"))
        tls = TlsSettings(
            ca_path=module.params["source_ca_path"], validate_certs=module.params["source_validate_certs"]
        )
        login = _given_login(module.params, "source_") or _login_of_files(module, origin, repository)
        hosts = _hosts(module, "source_token_hosts")
        return _make_client(module, origin, login=login, token_hosts=hosts, tls=tls)

    source = open_source(
        location,
        connect=make_client,
        home=home,
        engine=lambda: make_engine(module),
        temp_dir=module.tmpdir,
        plain_http=module.params["source_plain_http"],
    )
    return choose_platforms(source, platforms, where=str(location))


def open_sources(module: AnsibleModule, home: RegistryClient | None = None) -> Sources:
    """Return where the images of a list come from.

    Each registry has what ``registries`` says of it. One on the registry of ``url`` is reached as ``url`` is. No other
    registry is given anything that is for this one.

    :param home: the client of the registry of ``url``, None if the module has no such option.
    """
    at_home = home.origin if home else None
    settings = [(_host(entry["registry"]), entry) for entry in module.params["registries"]]
    clients: dict[tuple[Origin, Login | None], RegistryClient] = {}
    if home:
        clients[home.origin, _given_login(module.params) or _login_of_files(module, home.origin, "")] = home

    def settings_of(matches: t.Callable[[HostPort], bool]) -> dict[str, t.Any] | None:
        return next((entry for host, entry in settings if matches(host)), None)

    def make_client(origin: Origin, repository: str) -> RegistryClient:
        entry, is_home = settings_of(lambda host: host.matches(origin)), origin == at_home
        login = _given_login(entry or {}) or (_given_login(module.params) if is_home else None)
        login = login or _login_of_files(module, origin, repository)
        # One client for all repositories with the same login, so that its connections stay warm.
        key = (origin, login)
        if key not in clients:
            clients[key] = _source_client(module, origin, entry, login, is_home=is_home)
        return clients[key]

    def plain_http(reference: Reference) -> bool:
        server = parse_host_port(reference.api_host)
        entry = settings_of(lambda host: host == server)
        return bool(entry and entry["plain_http"])

    return Sources(
        make_client, home, engine=lambda: make_engine(module), temp_dir=module.tmpdir, plain_http=plain_http
    )


def wanted_platforms(module: AnsibleModule) -> list[Platform]:
    """Return the module's ``platforms``; none if all are wanted."""
    return [parse_platform(text) for text in module.params["platforms"] or ()]


def choose_platforms(source: ImageSource, platforms: t.Sequence[Platform], *, where: str) -> ImageSource:
    """Return what of an image is for some platforms: all of it if none are given."""
    if not platforms:
        return source
    from ansible_collections.dockyard.registry.plugins.module_utils.oci.platform_source import PlatformSource

    return PlatformSource(source, platforms, where=where)


def fail(module: AnsibleModule, error: RegistryError) -> None:
    """End the module with what went wrong, as a sentence and as values."""
    module.fail_json(msg=str(error), error=error.as_dict())


def _client(module: AnsibleModule, origin: Origin, repository: str, login: Login | None = None) -> RegistryClient:
    """Return a client of the registry of ``url``, with ``login`` in place of the one that the options name."""
    login = login or _given_login(module.params) or _login_of_files(module, origin, repository)
    names = ("ca_path", "client_cert", "client_key", "validate_certs")
    tls = TlsSettings(**{name: module.params[name] for name in names})
    return _make_client(module, origin, login=login, token_hosts=_hosts(module, "token_hosts"), tls=tls)


def _make_client(
    module: AnsibleModule,
    origin: Origin,
    *,
    login: Login | None,
    token_hosts: list[HostPort],
    tls: TlsSettings,
) -> RegistryClient:
    if login and not origin.is_private:
        module.warn(
            f"The login for {origin} travels in plain text: anyone on the way can read it. "
            "Use https://, or reach the registry on loopback."
        )
    tls = tls.with_host_certificates(read_certs_directory(module.params["certs_dir"], origin))
    return RegistryClient(origin, credentials=login, token_hosts=token_hosts, tls=tls, timeouts=_timeouts(module))


def make_engine(module: AnsibleModule) -> Engine:
    """Return the engine that the module's ``docker_host`` names; nothing is asked of it yet."""
    from ansible_collections.dockyard.registry.plugins.module_utils.oci.engine import Engine, parse_docker_host

    tls = bool(os.environ.get("DOCKER_TLS_VERIFY"))
    return Engine(parse_docker_host(module.params["docker_host"], tls=tls), timeout=_timeouts(module).read)


def _source_client(
    module: AnsibleModule, origin: Origin, entry: t.Mapping[str, t.Any] | None, login: Login | None, *, is_home: bool
) -> RegistryClient:
    names = ("ca_path", "client_cert", "client_key", "validate_certs")
    given: t.Mapping[str, t.Any] = entry if entry and not is_home else module.params if is_home else {}
    tls = TlsSettings(**{name: given[name] for name in names if name in given})
    hosts = [_host(text) for text in (entry or {}).get("token_hosts", ())]
    if is_home:
        hosts += _hosts(module, "token_hosts")
    return _make_client(module, origin, login=login, token_hosts=hosts, tls=tls)


def _host(text: str) -> HostPort:
    """Return a registry as people name it: Docker Hub's API has another name."""
    return parse_host_port(DOCKER_HUB_API if text in (DOCKER_HUB, "index.docker.io") else text)


def _given_login(options: t.Mapping[str, t.Any], prefix: str = "") -> Login | None:
    """Return the login that the options ``PREFIXusername`` and so on hold."""
    username, password, token = (options.get(prefix + name) for name in ("username", "password", "identity_token"))
    if username:
        return Credentials(username, password or "")
    return IdentityToken(token) if token else None


def _login_of_files(module: AnsibleModule, origin: Origin, repository: str) -> Login | None:
    """Return the login that the user's files have for a registry; Ansible then hides it like an option's."""
    file, standard = module.params["auth_file"] or "", module.params["use_auth_files"]
    with _HELPERS_LOCK:
        helpers = _HELPERS.setdefault(module, RememberedHelpers())
    login = login_of_user(origin, repository, auth_file=file, standard=standard, helpers=helpers)
    if login and login.secret:
        module.no_log_values.add(login.secret)
    return login


def _hosts(module: AnsibleModule, option: str) -> list[HostPort]:
    try:
        return [parse_host_port(text) for text in module.params[option]]
    except RegistryError as error:
        raise InvalidSettings(f"{option}: {error}") from error


def _timeouts(module: AnsibleModule) -> Timeouts:
    seconds = module.params["timeout"]
    if seconds < 1:
        raise InvalidSettings(f"timeout is {seconds}.", hint="Give at least one second.")
    return Timeouts(connect=min(_CONNECT_TIMEOUT, seconds), read=seconds)
