# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the settings of a client, and with what its registry shows, found before anything has changed.

Pure functions: settings and facts in, a list of messages out. Every message names the variable, its value and the way
out; a password is never part of a message.
"""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.dockyard.registry.plugins.module_utils.hosts.engines import ENGINES
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.reach import split_authority
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.x509 import read_pem
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import is_loopback
from ansible_collections.dockyard.registry.plugins.plugin_utils.preflight import is_address

Settings = t.Mapping[str, t.Any]

HOSTS_MARK = "# dockyard.registry"

_LOGIN_KEYS = {"os_user", "username", "password"}


def client_problems(settings: Settings, hosts_file: str = "") -> list[str]:
    """What is wrong with the variables `registry_client_*`.

    :param hosts_file: the content of the host's /etc/hosts.
    """
    registry = settings["registry_client_registry"]
    try:
        host, _port = split_authority(str(registry))
    except RegistryError:
        return [f"registry_client_registry is {registry!r}: write it as in front of an image's name, host or host:port, "
                "without https:// and without a path, for example registry.example.com:5000."]
    if settings["registry_client_state"] == "absent":
        return _logins(settings["registry_client_logins"], passwords=False)
    return [
        *_ca(settings),
        *_logins(settings["registry_client_logins"], passwords=True),
        *_engines(settings["registry_client_engines"]),
        *_address(host, str(settings["registry_client_address"]), hosts_file),
    ]


def _ca(settings: Settings) -> list[str]:
    pem, name = settings["registry_client_ca"], "registry_client_ca"
    if pem and settings["registry_client_ca_path"]:
        return ["registry_client_ca and registry_client_ca_path are both given. Keep one of them."]
    if settings["registry_client_ca_path"]:
        pem, name = settings["registry_client_ca_content"], f"registry_client_ca_path ({settings['registry_client_ca_path']})"
    elif not pem:
        return ["registry_client_system_trust is true, and there is no CA to trust. Give registry_client_ca or "
                "registry_client_ca_path."] if settings["registry_client_system_trust"] else []
    try:
        certificates = read_pem(str(pem), where=name)
    except RegistryError as error:
        return [str(error)]
    now = datetime.datetime.now(datetime.timezone.utc)
    return [
        f"{name}: the certificate of {certificate.subject} ended on {certificate.not_after:%Y-%m-%d}. Give the one that "
        "took its place."
        for certificate in certificates
        if certificate.days_left(now) < 0
    ]


def _logins(logins: t.Any, *, passwords: bool) -> list[str]:
    if not isinstance(logins, (list, tuple)):
        return ["registry_client_logins is not a list: write one mapping a login, with os_user, username and password."]
    out: list[str] = []
    seen: set[str] = set()
    for index, login in enumerate(logins):
        where = f"registry_client_logins[{index}]"
        if not isinstance(login, t.Mapping) or not _is_text(login.get("os_user")):
            out.append(f"{where} has no os_user: write it as {{os_user: ci, username: ci, password: ...}}.")
            continue
        where = f"{where} (os_user {login['os_user']!r})"
        unknown = sorted(set(map(str, login)) - _LOGIN_KEYS)
        if unknown:
            out.append(f"{where} has {', '.join(unknown)}, which a login does not have: it has os_user, username and "
                       "password.")
        if login["os_user"] in seen:
            out.append(f"{where} is there twice, and a user has one login at a registry. Take one out.")
        seen.add(login["os_user"])
        if passwords:
            out += [f"{where} has no {key}, or one that is not a text. Give it, in quotes."
                    for key in ("username", "password") if not _is_text(login.get(key))]
            if ":" in str(login.get("username")):
                out.append(f"{where}: username has a colon, which no client can send.")
    return out


def _is_text(value: t.Any) -> bool:
    return isinstance(value, str) and bool(value)


def _engines(engines: t.Any) -> list[str]:
    if not isinstance(engines, (list, tuple)) or set(map(str, engines)) - set(ENGINES):
        return [f"registry_client_engines is {engines!r}: it is a list of {', '.join(ENGINES)}. Leave it empty to have "
                "those that are installed."]
    return []


def _address(host: str, address: str, hosts_file: str) -> list[str]:
    if not address:
        return []
    if not is_address(address):
        return [f"registry_client_address is {address!r}: it is the IP address that the registry's name is to lead to."]
    if is_address(host):
        return [f"registry_client_address is {address!r}, and registry_client_registry is an address itself, which needs "
                "no name. Leave registry_client_address empty."]
    for line in hosts_file.splitlines():
        entry, mark, _rest = line.partition("#")
        found = entry.split()
        if host in map(str.lower, found[1:]) and found[0] != address and mark + _rest != HOSTS_MARK:
            return [f"registry_client_address is {address!r}, and /etc/hosts of the host has {host} at {found[0]} already. "
                    "Take that line out, or leave registry_client_address empty."]
    return []


def trust_problems(reach: t.Mapping[str, t.Any], by: t.Sequence[str]) -> list[str]:
    """Whether a host may trust what a registry shows, and be logged in there.

    :param reach: what the module `reach_info` found.
    :param by: who has to trust it: `ca` for `registry_client_ca`, `system`, or engines.
    """
    registry, server = reach["registry"], reach["server"]
    if server["status"] is None and server["certificate"] is None:
        return [f"registry_client_registry is {registry!r}, and nothing answers there: {server['problem']} Start the "
                "registry, or mend the name, the port or the way to it. registry_client_verify: false does without."]
    if server["scheme"] == "http":
        host, _port = split_authority(registry)
        if is_loopback(host) and "ca" not in by:
            return []
        return [f"registry_client_registry is {registry!r}, which answers in plain HTTP where TLS is expected: whoever is "
                "on the way could read passwords and change images. Name the port that speaks TLS, or set "
                "registry_tls on the server."]
    return [_refusal(registry, server["certificate"], found)
            for found in reach["trust"] if found["by"] in by and found["problem"]]


def _refusal(registry: str, certificate: t.Mapping[str, t.Any], found: t.Mapping[str, t.Any]) -> str:
    who = {"ca": "registry_client_ca", "system": "the system's list of CAs"}.get(found["by"], found["by"])
    why, remedy = {
        "expired": ("it has ended", "Renew the certificate on the server."),
        "not_yet_valid": ("it is not valid yet", "Compare the clocks of both hosts."),
        "wrong_name": (f"it is not valid for {split_authority(registry)[0]}",
                       "Use one of its names, or add this one to registry_host_names on the server."),
        "unknown_ca": (f"{who} did not sign it", "Give the CA that did as registry_client_ca: on the server, it stands "
                       "in ca.crt in registry_config_dir. If it should be this one, somebody else may be answering."),
        "unreachable": (f"it went away meanwhile ({found['detail']})", "Try again."),
    }.get(found["problem"], (str(found["detail"]), "Look at the certificate."))
    return f"{registry} shows {describe(certificate)}; for {who} {why}. {remedy}"


def describe(certificate: t.Mapping[str, t.Any]) -> str:
    """A certificate in words."""
    names = ", ".join(certificate["names"]) or "no name"
    return (f"a certificate of {certificate['subject'] or 'nobody'}, issued by {certificate['issuer'] or 'nobody'}, valid "
            f"for {names}, from {certificate['not_before'][:10]} to {certificate['not_after'][:10]}")
