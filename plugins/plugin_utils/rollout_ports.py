# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which ports workloads are to be published at, and who has them already: found before anything has changed.

Pure functions over the variables of the role swarm_rollout. A node is a mapping with ``host``, its name in the inventory, and
``look``, the answers of the module ``swarm_info`` for these ports.
"""

from __future__ import annotations

import typing as t

from .rollouts import chosen_workloads, fitting_nodes, rollout_problems, rollout_services

Settings = t.Mapping[str, t.Any]
Node = t.Mapping[str, t.Any]


def published_ports(settings: Settings) -> list[int]:
    """The TCP ports that nodes have to be asked about; none if nothing is published, or the settings have problems."""
    if rollout_problems(settings) or settings["swarm_rollout_state"] != "present":
        return []
    published = [port for workload in chosen_workloads(settings) for port in workload.get("publish") or []]
    return sorted({int(port["published_port"]) for port in published if port.get("protocol", "tcp") == "tcp"})


def port_problems(settings: Settings, nodes: t.Sequence[Node]) -> list[str]:
    """Who else has a port that a workload is to be published at, and policies that cannot work with it.

    Through the mesh each node has to have it, on the nodes' own ports those that may run a task. There, another service is no
    problem here: the manager knows of it, and finds another node, or says that there is none.
    """
    if rollout_problems(settings) or settings["swarm_rollout_state"] != "present":
        return []
    managers = [node["look"] for node in nodes if node["look"]["swarm"]["manager"]]
    if not managers and any(node["look"]["swarm"]["state"] == "active" for node in nodes):
        return []  # nobody here can tell whose service has a port
    known = managers[0]["swarm"]["nodes"] if managers else [_newcomer(node["host"]) for node in nodes]
    services = {found["port"]: found["service"] for look in managers[:1] for found in look["ports"] if found["service"]}
    ipvs = all(node["look"]["ipvs"]["available"] for node in nodes)
    out = []
    for service in rollout_services(settings, known, ipvs):
        name, params = service["name"], service["params"]
        out += _policy(name, params)
        for port in params["publish"]:
            number, mesh = port["published_port"], port["mode"] == "ingress"
            if port["protocol"] != "tcp" or services.get(number) == name:
                continue
            if number in services:
                out += [_problem(name, number, f"the service {services[number]} publishes that port")] if mesh else []
                continue
            fitting = [node for node in nodes if mesh or _fits(node, known, params.get("constraints") or ())]
            out += [_problem(name, number, f"on {node['host']} {found['holder']} has that port") for node in fitting
                    for found in node["look"]["ports"] if found["port"] == number and not found["free"]]
    return out


def _problem(name: str, number: int, who: str) -> str:
    return f"{name}: published_port is {number}, and {who}. End it, or choose another published_port."


def _policy(name: str, params: Settings) -> list[str]:
    """That of a mode which is only known once the kernels are: `auto` without IPVS."""
    ports = [port["published_port"] for port in params["publish"] if port["mode"] == "host"]
    return [f"{name}: {key.partition('_')[0]}.order is 'start-first', and without IPVS in all kernels port {ports[0]} is published on the "
            "nodes' own: a new task cannot have it while the old one has it. Leave the order out, or take stop-first."
            for key in ("update_config", "rollback_config") if ports and params[key]["order"] == "start-first"]


def _newcomer(host: str) -> dict[str, t.Any]:
    """What a host will be to a Swarm that is yet to be made."""
    return {"node_id": host, "hostname": host, "role": "worker", "availability": "active", "state": "ready", "labels": {}}


def _fits(node: Node, known: t.Sequence[Node], constraints: t.Sequence[str]) -> bool:
    node_id = node["look"]["swarm"]["node_id"] or node["host"]
    return fitting_nodes([one for one in known if one["node_id"] == node_id], constraints) > 0
