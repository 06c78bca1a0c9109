# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ails a host that pulls from a registry or pushes to it, by what was found there."""

from __future__ import annotations

import re

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import is_loopback
from ansible_collections.dockyard.registry.plugins.module_utils.hosts.reach import split_authority
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import parse_reference
from ansible_collections.dockyard.registry.plugins.plugin_utils.client_settings import describe
from ansible_collections.dockyard.registry.plugins.plugin_utils.finding import (
    FAIL,
    OK,
    WARN,
    Facts,
    Finding,
    clock,
    lifetime,
)

CLIENT_PLAY = "run the playbook dockyard.registry.client"


def examine_client(facts: Facts) -> list[Finding]:
    """All findings, in the order in which one would look."""
    return [
        finding
        for examine in (_name, _answer, _certificate, _trust, _containerd, _logins, _images, clock)
        for finding in examine(facts)
    ]


def _name(facts: Facts) -> list[Finding]:
    name, wanted = facts["name"], facts["settings"]["address"]
    host, _port = split_authority(facts["registry"])
    if name["problem"]:
        return [Finding(FAIL, "name", f"The name {host} leads nowhere from here.",
                        "Add it to your DNS, or set registry_client_address and " + CLIENT_PLAY + ".")]
    addresses = ", ".join(name["addresses"])
    if wanted and wanted not in name["addresses"]:
        return [Finding(FAIL, "name", f"The name {host} leads to {addresses}, not to {wanted} (registry_client_address).",
                        f"Look at /etc/hosts and the DNS, or {CLIENT_PLAY}.")]
    return [Finding(OK, "name", f"The name {host} leads to {addresses}." if host not in name["addresses"]
                    else f"{host} is an address and needs no name.")]


def _answer(facts: Facts) -> list[Finding]:
    server, registry = facts["server"], facts["registry"]
    if facts["name"]["problem"]:
        return []
    host, port = split_authority(registry)
    if server["status"] is None:
        remedy = {
            "refused": "Is the registry running, on this port, and not on 127.0.0.1 only (registry_address)?",
            "timeout": "A firewall drops the packets, or the address is another host's.",
            "closed": "Something on the way ends the connection: a proxy, or a firewall.",
        }.get(server["reason"], "Look at the line on the registry's own host.")
        if server["certificate"]:
            return [Finding(FAIL, "answer", f"{registry} ends the connection: {server['problem']}", remedy)]
        return [Finding(FAIL, "answer", f"Nothing answers at {registry}: {server['problem']}", remedy)]
    if not server["is_registry"]:
        # Whatever it speaks: that it speaks plain HTTP is no second fault.
        text = f"What answers {server['status']} at {registry} is not a registry."
        remedy = "Is the port right?" if port else "No port is given, so it is 443: name the registry with its port."
        return [Finding(FAIL, "answer", text, remedy)]
    found = _plain(facts, registry, host) if server["scheme"] == "http" else []
    if server["status"] >= 500:
        found.append(Finding(FAIL, "answer", f"The registry answers {server['status']}.",
                             "Look at the lines on the registry's own host."))
    return found or [Finding(OK, "answer", f"The registry answers in {server['seconds'] * 1000:.0f} ms.")]


def _plain(facts: Facts, registry: str, host: str) -> list[Finding]:
    """Plain HTTP: right on loopback, a risk where an engine was told to take it, and a failure elsewhere."""
    if is_loopback(host):
        return []
    if facts["engine"] and facts["engine"]["insecure"]:
        return [Finding(WARN, "answer", f"{registry} speaks plain HTTP, and Docker takes it (insecure-registries): whoever is "
                        "on the way reads passwords and may change images.", "Set registry_tls on the server.")]
    return [Finding(FAIL, "answer", f"{registry} gives an HTTP answer to an HTTPS client: every engine refuses it.",
                    "Set registry_tls on the server, or name the port that speaks TLS.")]


def _certificate(facts: Facts) -> list[Finding]:
    certificate = facts["server"]["certificate"]
    if not certificate:
        return []
    return [lifetime(certificate, "Renew it on the server: run the playbook dockyard.registry.certificates.")]


def _trust(facts: Facts) -> list[Finding]:
    certificate, registry = facts["server"]["certificate"], facts["registry"]
    # A certificate that has ended is refused for that alone.
    if not certificate or certificate["days_left"] < 0:
        return []
    host, _port = split_authority(registry)
    found: list[Finding] = []
    for trust in (one for one in facts["trust"] if one["by"] in facts["engines"]):
        engine = trust["by"]
        if trust["problem"] == "wrong_name":
            names = ", ".join(certificate["names"]) or "no name"
            return [*found, Finding(FAIL, "trust", f"The certificate is valid for {names}, and not for {host}.",
                                    f"Use one of these names, or add {host} to registry_host_names on the server.")]
        if trust["problem"] == "unknown_ca":
            have = f"reads {', '.join(trust['files'])}, which did not sign" if trust["files"] else "has no CA for"
            found.append(Finding(FAIL, "trust", f"{engine} {have} {describe(certificate)}.",
                                 f"To bring the CA here, {CLIENT_PLAY}."))
        elif trust["problem"] == "not_yet_valid":
            found.append(Finding(FAIL, "trust", f"For {engine} the certificate is not valid yet: {describe(certificate)}.",
                                 "Compare the clocks of both hosts."))
        elif trust["problem"]:
            found.append(Finding(FAIL, "trust", f"{engine} does not trust the registry: {trust['detail']}",
                                 f"To bring the CA here, {CLIENT_PLAY}."))
        else:
            found.append(Finding(OK, "trust", f"{engine} trusts the registry."))
    return found


def _containerd(facts: Facts) -> list[Finding]:
    if "containerd" not in facts["engines"] or facts["containerd"]:
        return []
    return [Finding(WARN, "trust", "/etc/containerd/config.toml names no config_path, so a kubelet's containerd reads no CA "
                    "of a registry.", 'Set config_path = "/etc/containerd/certs.d" for its registry, and restart it.')]


def _logins(facts: Facts) -> list[Finding]:
    server = facts["server"]
    found = []
    for login in facts["logins"]:
        who = f"{login['os_user']} ({login['tool']})"
        as_whom = f"the user {login['username']!r}"
        if login["problem"] == "refused":
            found.append(Finding(FAIL, "login", f"{who} logs in as {as_whom}, and the registry refuses the password.",
                                 f"Give the right one in registry_client_logins and {CLIENT_PLAY}, or `docker login`."))
        elif login["problem"] == "unreadable":
            found.append(Finding(FAIL, "login", f"The login of {who} cannot be read: {login['detail']}"))
        elif login["problem"] == "none" and server["asks_login"]:
            found.append(Finding(WARN, "login", f"{who} has no login, and the registry asks for one.",
                                 f"Add it to registry_client_logins and {CLIENT_PLAY}, or `docker login`."))
        elif login["problem"] == "failed":
            found.append(Finding(FAIL, "login", f"The login of {who} as {as_whom} failed: {login['detail']}"))
        elif login["problem"] == "untried":
            found.append(Finding(WARN, "login", f"The login of {who} as {as_whom} was not tried: {login['detail']}."))
        elif not login["problem"]:
            found.append(Finding(OK, "login", f"{who} is logged in as {as_whom}."))
    return found


def _images(facts: Facts) -> list[Finding]:
    """Names of images that lead elsewhere: those that were given, and those in the engine that are nearly right."""
    registry = facts["registry"]
    found = [one for name in facts["settings"]["images"] for one in [named_elsewhere(name, registry)] if one]
    host, _port = split_authority(registry)
    there = facts["engine"]["images"] if facts["engine"] else []
    for name in there:
        first = name.partition("/")[0].lower() if "/" in name else ""
        if not first or first == registry.lower() or _host_of(first) != host or name in facts["settings"]["images"]:
            continue
        # This machine is where one tries registries: another port of it is another of them.
        if first == host or not is_loopback(host):
            text, remedy = f"The image {name} is named for {first}, not for {registry}.", _tag(name, registry)
            found.append(Finding(WARN, "image", text, remedy))
    if facts["settings"]["images"] and not found:
        found.append(Finding(OK, "image", f"The images are named for {registry}."))
    return found


def named_elsewhere(name: str, registry: str) -> Finding | None:
    """Whether an image that somebody means to push or pull is named for another registry."""
    try:
        reference = parse_reference(name)
    except RegistryError as error:
        return Finding(FAIL, "image", f"{name!r} is no name of an image: {error.message}", error.hint)
    if reference.registry == registry.lower():
        return None
    where = "Docker Hub" if reference.registry == "docker.io" else reference.registry
    missing = " without the port" if _host_of(reference.registry) == split_authority(registry)[0] else ""
    return Finding(FAIL, "image", f"The image {name} is named for {where}{missing}, and goes there, not to {registry}.",
                   _tag(name, registry))


def _host_of(first: str) -> str:
    return re.sub(r":[0-9]+$", "", first).strip("[]")


def _tag(name: str, registry: str) -> str:
    first, _slash, rest = name.partition("/")
    is_registry = rest and (first == "localhost" or re.search(r"[.:]", first))
    return f"`docker tag {name} {registry}/{rest if is_registry else name}`, and push that."
