# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Joins Ansible's modules with the registry client, which knows nothing of Ansible.

Private to this collection: it may change with any release.
"""

from __future__ import annotations

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule, env_fallback

from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import Credentials
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.connections import Timeouts, TlsSettings
from ansible_collections.dockyard.registry.plugins.module_utils.oci.engine import (
    DEFAULT_DOCKER_HOST,
    Engine,
    parse_docker_host,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidSettings, RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.location import parse_location
from ansible_collections.dockyard.registry.plugins.module_utils.oci.open_source import open_source
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import Origin, parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.platform_source import PlatformSource
from ansible_collections.dockyard.registry.plugins.module_utils.oci.platforms import parse_platform
from ansible_collections.dockyard.registry.plugins.module_utils.oci.source import ImageSource

_CONNECT_TIMEOUT = 10.0


def connection_spec() -> dict[str, dict[str, t.Any]]:
    """Return the argument spec of the options that the fragment ``dockyard.registry.registry`` documents."""
    return {
        "url": {"type": "str", "required": True, "fallback": (env_fallback, ["DOCKYARD_REGISTRY_URL"])},
        "username": {"type": "str", "fallback": (env_fallback, ["DOCKYARD_REGISTRY_USERNAME"])},
        "password": {"type": "str", "no_log": True, "fallback": (env_fallback, ["DOCKYARD_REGISTRY_PASSWORD"])},
        "ca_path": {"type": "path"},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path", "no_log": False},
        "validate_certs": {"type": "bool", "default": True},
        "timeout": {"type": "int", "default": 60},
    }


def source_spec() -> dict[str, dict[str, t.Any]]:
    """Return the argument spec of the options that say where an image comes from."""
    return {
        "source": {"type": "str", "required": True},
        "source_username": {"type": "str"},
        "source_password": {"type": "str", "no_log": True},
        "source_ca_path": {"type": "path"},
        "source_validate_certs": {"type": "bool", "default": True},
        "docker_host": {"type": "str", "default": DEFAULT_DOCKER_HOST, "fallback": (env_fallback, ["DOCKER_HOST"])},
        "platforms": {"type": "list", "elements": "str"},
    }


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


def connect(module: AnsibleModule) -> RegistryClient:
    """Return the client of the registry that the module's options name; it has answered as one.

    :raises RegistryError: if they cannot be used, or no registry answers.
    """
    origin = parse_registry_url(module.params["url"])
    credentials = _credentials(module.params["username"], module.params["password"])
    if credentials and not origin.is_private:
        module.warn(
            f"The user name and password for {origin} travel in plain text: anyone on the way can read them. "
            "Use https://, or reach the registry on loopback."
        )
    client = RegistryClient(origin, credentials=credentials, tls=_tls(module), timeouts=_timeouts(module))
    try:
        client.ping()
    except RegistryError:
        client.close()
        raise
    return client


def connect_source(module: AnsibleModule, home: Origin) -> ImageSource:
    """Return the image that the module's ``source`` names, or what of it is for the module's ``platforms``.

    :param home: the registry of ``url``. A source on the same one has its TLS settings and, unless others are given,
        its credentials.
    """

    def make_client(origin: Origin) -> RegistryClient:
        given = _credentials(module.params["source_username"], module.params["source_password"])
        tls = TlsSettings(
            ca_path=module.params["source_ca_path"], validate_certs=module.params["source_validate_certs"]
        )
        if origin == home:
            given = given or _credentials(module.params["username"], module.params["password"])
            tls = _tls(module)
        return RegistryClient(origin, credentials=given, tls=tls, timeouts=_timeouts(module))

    def make_engine() -> Engine:
        tls = bool(os.environ.get("DOCKER_TLS_VERIFY"))
        return Engine(parse_docker_host(module.params["docker_host"], tls=tls), timeout=_timeouts(module).read)

    location = parse_location(module.params["source"])
    wanted = [parse_platform(text) for text in module.params["platforms"] or ()]
    source = open_source(location, connect=make_client, home=home, engine=make_engine, temp_dir=module.tmpdir)
    return PlatformSource(source, wanted, where=str(location)) if wanted else source


def fail(module: AnsibleModule, error: RegistryError) -> None:
    """End the module with what went wrong, as a sentence and as values."""
    module.fail_json(msg=str(error), error=error.as_dict())


def _credentials(username: str | None, password: str | None) -> Credentials | None:
    return Credentials(username, password or "") if username else None


def _tls(module: AnsibleModule) -> TlsSettings:
    names = ("ca_path", "client_cert", "client_key", "validate_certs")
    return TlsSettings(**{name: module.params[name] for name in names})


def _timeouts(module: AnsibleModule) -> Timeouts:
    seconds = module.params["timeout"]
    if seconds < 1:
        raise InvalidSettings(f"timeout is {seconds}.", hint="Give at least one second.")
    return Timeouts(connect=min(_CONNECT_TIMEOUT, seconds), read=seconds)
