# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a service's parameters that can be seen without asking anybody."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .constraints import parse_constraint
from .drain import check_drain
from .errors import InvalidService
from .policy import policy_of
from .spec import network_names
from .values import SECOND, check_object_name, check_service_name, format_duration

Params = t.Mapping[str, t.Any]

_SIGNAL = re.compile(r"(?:SIG)?[A-Z0-9+-]+|[0-9]+")


def check_params(params: Params) -> None:
    """Look for mistakes, the first of which is raised.

    :raises InvalidService: if there is one.
    """
    check_service_name(params["name"], "name")
    if params["state"] != "present":
        return
    for number, (name, aliases) in enumerate(network_names(params)):
        check_service_name(name, f"networks[{number}]")
        for alias in aliases:
            check_service_name(alias, f"networks[{number}].aliases")
    for what in ("configs", "secrets"):
        for number, entry in enumerate(params[what] or ()):
            check_object_name(entry["source"], f"{what}[{number}].source")
    for text in params["constraints"] or ():
        parse_constraint(text)
    _check_numbers(params)
    _check_ports(params)
    _check_order(params)
    _check_timeout(params)
    _check_names_and_addresses(params)
    if params["stop_signal"] and not _SIGNAL.fullmatch(params["stop_signal"]):
        raise InvalidService(f"stop_signal is {params['stop_signal']!r}.", hint="It looks like SIGQUIT.")
    check_drain(params)


def _check_numbers(params: Params) -> None:
    if params["timeout"] < 1:
        raise InvalidService(f"timeout is {params['timeout']}.", hint="Give at least one second.")
    if params["replicas"] < 0:
        raise InvalidService(f"replicas is {params['replicas']}.", hint="It is 0 or more.")
    if params["mode"] == "global" and params["max_replicas_per_node"]:
        raise InvalidService(
            "mode is 'global' and max_replicas_per_node is set.", hint="A global service has one task on each node."
        )
    if (params["max_replicas_per_node"] or 0) < 0:
        raise InvalidService(f"max_replicas_per_node is {params['max_replicas_per_node']}.", hint="It is 1 or more.")


def _check_ports(params: Params) -> None:
    seen: dict[tuple[int, str], int] = {}
    for number, port in enumerate(params["publish"] or ()):
        for name in ("published_port", "target_port"):
            if port[name] is not None and not 1 <= port[name] <= 65535:
                raise InvalidService(f"publish[{number}].{name} is {port[name]}.", hint="A port is 1 to 65535.")
        if port["mode"] == "ingress" and params["endpoint_mode"] == "dnsrr":
            raise InvalidService(
                f"publish[{number}].mode is 'ingress' and endpoint_mode is 'dnsrr'.",
                hint="The routing mesh needs endpoint_mode: vip; with dnsrr publish in mode: host.",
            )
        if port["published_port"] is None:
            continue
        key = (port["published_port"], port["protocol"])
        if key in seen:
            raise InvalidService(f"publish[{seen[key]}] and publish[{number}] have the same port {key[0]}/{key[1]}.")
        seen[key] = number


def _check_order(params: Params) -> None:
    """Two tasks at a time on one node cannot share what there is once."""
    host = next((port for port in params["publish"] or () if port["mode"] == "host" and port["published_port"]), None)
    for what in ("update_config", "rollback_config"):
        if policy_of(params, what).order == "start-first" and host:
            raise InvalidService(
                f"{what}.order is 'start-first', and publish has port {host['published_port']} with mode: host: the new "
                "task cannot have the node's port while the old one has it.",
                hint=f"Take {what}.order: stop-first, or publish in mode: ingress.",
            )


def _check_timeout(params: Params) -> None:
    monitor = policy_of(params, "update_config").monitor
    if params["wait"] and params["timeout"] * SECOND <= monitor:
        raise InvalidService(
            f"timeout is {params['timeout']} seconds, and update_config.monitor {format_duration(monitor)}, for which tasks are "
            "watched in any case.",
            hint="Give a longer timeout, or have healthcheck find faults sooner.",
        )


def _check_names_and_addresses(params: Params) -> None:
    values = [(f"hosts.{name}", address) for name, address in (params["hosts"] or {}).items()]
    for what, value in [*values, *(("dns", address) for address in params["dns"] or ())]:
        try:
            ipaddress.ip_address(str(value))
        except ValueError:
            raise InvalidService(f"{what} is {value!r}.", hint="It is an IP address.") from None
