# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may be sent what: the one place of these rules.

A registry's answers name other servers, and whoever writes an answer could name any. Of each server it is asked here:
may it be spoken to, and what may it be told?

===================== ================================================================================================
what names a server   what becomes of it
===================== ================================================================================================
the user's URL        This *origin* (scheme, host and port) is told everything: password, token, client certificate.
                      In plain http beyond loopback, the user is warned.
``Link`` (next page)  Only its query is used, on the registry's own origin. It can lead nowhere else.
``Location`` of an    Only path and query are used, on the registry's own origin, and only beneath ``/v2/``.
upload
``Location`` of a     Followed for GET and HEAD, five times at most, never from https to http (:func:`may_follow`).
redirect              Another origin is told neither password nor token, and is not shown the client certificate.
``realm`` of a Bearer - A password or an identity token: only where :func:`may_login_at` allows.
challenge             - Nothing but the wish for an anonymous token: wherever :func:`may_ask_anonymously` allows.
                      - Another origin is not shown the client certificate. A realm's own redirects are not followed.
a login's key in a    The login is for that ``host[:port]`` and no other; see :mod:`.auth_files`.
file
===================== ================================================================================================

The token that a realm gives is for the registry: it is sent to the registry's own origin and nowhere else.

A name that resolves to loopback, or a certificate that a CA should not have signed, cannot be seen from here: the rules
compare what is written.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import typing as t

from .origin import HostPort, Origin

_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+")

# Under these, anyone may have a name: what shares one shares no owner. The list of all such suffixes is long, changes
# every week (https://publicsuffix.org) and is never complete, so it is not copied here. These are the ones under which
# registries are found; everybody else's remedy is the explicit list of token servers.
_GENERIC_LABELS = frozenset({"co", "com", "net", "org", "gov", "edu", "ac", "or", "ne", "go"})
_SHARED_HOSTING = (
    "amazonaws.com",
    "appspot.com",
    "azure.com",
    "azurecr.io",
    "azurewebsites.net",
    "duckdns.org",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "nip.io",
    "ngrok.io",
    "pages.dev",
    "run.app",
    "sslip.io",
    "ts.net",
)


def may_login_at(registry: Origin, realm: Origin, token_hosts: t.Collection[HostPort] = ()) -> bool:
    """Tell whether the registry's password or identity token may be sent to the realm that the registry names.

    - The registry's own origin: yes, it is who they are for.
    - A realm on loopback only for a registry on loopback: a distant registry has no business on this machine.
    - Both must be private, that is reached over https or on loopback: a realm in clear shows the password to everyone
      on the way, and a registry in clear may have had its answer changed by anyone on the way.
    - If so: the same host on another port, a relative (:func:`are_relatives`), or a host the user named.
    """
    if realm == registry:
        return True
    if _reaches_this_machine(realm.host) and not registry.is_loopback:
        return False
    if not (registry.is_private and realm.is_private):
        return False
    if realm.host == registry.host or (realm.is_loopback and registry.is_loopback):
        return True
    return are_relatives(registry.host, realm.host) or any(host.matches(realm) for host in token_hosts)


def may_ask_anonymously(registry: Origin, realm: Origin) -> bool:
    """Tell whether a token may be asked for without a login: over https anywhere but on this machine.

    Where a login might be sent, this may be done, too.
    """
    if realm.scheme == "https" and not _reaches_this_machine(realm.host):
        return True
    return may_login_at(registry, realm)


def may_follow(registry: Origin, target: Origin) -> bool:
    """Tell whether a redirect may be followed: never from https to plain http."""
    return registry.scheme != "https" or target.scheme == "https"


def are_relatives(registry: str, realm: str) -> bool:
    """Tell whether the names of two hosts say that they belong together.

    Either both are children of the same domain (registry-1.docker.io and auth.docker.io), or one is a domain above the
    other (gitlab.com and registry.gitlab.com). That domain must be somebody's own: not a top level, nor a suffix under
    which anyone may have a name. Only children count, not grandchildren: what is below a sibling
    (x.apps.example.com) is often in other hands. Addresses have no relatives.
    """
    if not (_is_name(registry) and _is_name(realm)):
        return False
    parent = registry.partition(".")[2]
    if realm.partition(".")[2] == parent and _has_one_owner(parent):
        return True
    upper, lower = sorted((registry, realm), key=len)
    return lower.endswith(f".{upper}") and _has_one_owner(upper)


def _is_name(host: str) -> bool:
    # A last label of digits is an address in one of the forms that inet_aton() reads.
    return bool(_NAME.fullmatch(host)) and not re.fullmatch(r"[0-9]+|0x[0-9a-f]*", host.rpartition(".")[2])


def _has_one_owner(domain: str) -> bool:
    labels = domain.split(".")
    if len(labels) < 2:
        return False
    if len(labels) == 2 and len(labels[1]) == 2 and labels[0] in _GENERIC_LABELS:
        return False
    return not any(domain == suffix or domain.endswith(f".{suffix}") for suffix in _SHARED_HOSTING)


def _reaches_this_machine(host: str) -> bool:
    """Tell whether a host is loopback in any spelling, also in those too odd to be trusted as loopback."""
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(socket.inet_aton(name))
    except (OSError, UnicodeEncodeError):
        try:
            address = ipaddress.ip_address(name.partition("%")[0])
        except ValueError:
            return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)
