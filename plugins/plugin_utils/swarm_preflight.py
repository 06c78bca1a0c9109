# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a registry runs on a Swarm, and what stands in its way: found before anything has changed.

Pure functions: the variables of the roles registry and registry_swarm, and what the modules ``swarm_info`` and ``host_info`` found
on each node go in; a plan and messages come out. Each names the variable, its value and the way out.
A node is a mapping with ``host`` its name in the inventory, ``look`` the answers of ``swarm_info``, ``names`` those of
``host_info`` for the registry's main name, ``labels`` those that the role swarm_cluster gives it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import typing as t

from .swarm_cluster import node_labels

Settings = t.Mapping[str, t.Any]
Node = t.Mapping[str, t.Any]

LONGEST_SERVICE = 63
LONGEST_SECRET = 64
LOCAL_DRIVERS = ("filesystem", "inmemory")
PARTS = ("config", "htpasswd", "tls")
SWARM_PORTS = {2377: "managers", 7946: "nodes' talk with each other"}
_DIGITS = 12
_SERVICE_NAME = re.compile(r"[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*")


def secret_name(content: str, registry: str, part: str) -> str:
    """Return what a secret is called: by what it holds, for what it holds cannot be changed.

    :raises ValueError: if the engine would not take the name.
    """
    name = f"{registry}-{part}-{hashlib.sha256(content.encode()).hexdigest()[:_DIGITS]}"
    if len(name) > LONGEST_SECRET:
        raise ValueError(_too_long(registry, part))
    return name


def _too_long(registry: str, part: str) -> str:
    length = len(registry) + len(part) + _DIGITS + 2
    return (f"registry_name is {registry!r}, and its secret {registry}-{part}-... would have a name of {length} characters: the "
            f"engine takes {LONGEST_SECRET}. Choose a registry_name of {LONGEST_SECRET - len(part) - _DIGITS - 2} at most.")


def unused_secrets(found: t.Iterable[t.Mapping[str, t.Any]], service: t.Mapping[str, t.Any], wanted: t.Iterable[str]) -> list[str]:
    """Return the names of a registry's secrets that neither its service nor the way back from its last update needs.

    :param found: the secrets that bear the registry's label.
    :param wanted: those that the service is about to have.
    """
    kept = {*service["bound"], *service["bound_before"], *wanted}
    return sorted(one["name"] for one in found if one["name"] not in kept)


def storage_label(settings: Settings) -> str:
    """Return the label of the node that keeps the images. A constraint can name no '/' in it."""
    return str(settings["registry_swarm_storage_label"] or f"dockyard.registry.{settings['registry_name']}")


def is_local(settings: Settings) -> bool:
    """Whether the images are kept by the node that the registry runs on."""
    return settings["registry_storage_driver"] in LOCAL_DRIVERS


def publish_mode(settings: Settings, nodes: t.Sequence[Node]) -> str:
    """Return ingress or host: with auto, the mesh wherever all kernels have what it needs."""
    wanted = str(settings["registry_swarm_publish_mode"])
    if wanted != "auto":
        return wanted
    return "host" if any(not node["look"]["ipvs"]["available"] for node in nodes) else "ingress"


def storage_host(settings: Settings, nodes: t.Sequence[Node]) -> str:
    """Return the host that keeps the images: the one with the label, else the one that is to have it."""
    labelled = _labelled(settings, nodes)
    hosts = [node["host"] for node in nodes if _node_id(node) in labelled and _node_id(node)]
    return str(hosts[0] if hosts else settings["registry_swarm_node"] or settings["registry_swarm_manager"])


def foreseen(settings: Settings, nodes: t.Sequence[Node]) -> list[Node]:
    """Return the nodes as the role swarm_cluster will have made them: all of them in the Swarm, with their labels."""
    known = {key: dict(node) for key, node in _known(settings, nodes).items()}
    out: list[Node] = []
    for node in nodes:
        node_id = _node_id(node) or f"new {node['host']}"
        entry = known.setdefault(node_id, {
            "node_id": node_id, "hostname": node["host"], "state": "ready", "availability": "active", "address": "", "labels": {}})
        entry["labels"] = {**entry["labels"], **node_labels(node.get("labels") or {})}
        out.append({**node, "look": {**node["look"], "swarm": {**node["look"]["swarm"], "node_id": node_id}}})
    manager = _manager(settings, out)
    if manager:
        manager["look"]["swarm"]["nodes"] = list(known.values())
    return out


def plan(settings: Settings, nodes: t.Sequence[Node], early: bool = False) -> dict[str, t.Any]:
    """Return how the registry is to run on these nodes.

    ``without_ipvs`` are the hosts whose kernels lack it, each with the reason; ``pinned`` says whether the registry stays on
    ``storage_host``, by the constraint on ``label``.

    :param early: the role swarm_cluster is still to make the Swarm and its labels.
    """
    nodes = foreseen(settings, nodes) if early else nodes
    mode = publish_mode(settings, nodes)
    return {
        "publish_mode": mode,
        "without_ipvs": [f"{node['host']} ({node['look']['ipvs']['reason']})" for node in nodes
                         if not node["look"]["ipvs"]["available"]],
        "manager": str(settings["registry_swarm_manager"]),
        "storage_host": storage_host(settings, nodes),
        "label": storage_label(settings),
        "pinned": is_local(settings) or mode == "host",
    }


def swarm_problems(settings: Settings, nodes: t.Sequence[Node], early: bool = False) -> list[str]:
    """Return everything that stands in the way.

    :param early: that there is no Swarm yet is no problem, for the role swarm_cluster will make it and give nodes their labels.
    """
    nodes = foreseen(settings, nodes) if early else nodes
    out = _names(settings) + _choices(settings) + _policy(settings, nodes)
    manager = _manager(settings, nodes)
    if manager is None:
        return out + [f"registry_swarm_manager is {settings['registry_swarm_manager']!r}, which is not in this run. Run the play "
                      "without --limit, or name it there as well."]
    swarm = manager["look"]["swarm"]
    out += _hosts(settings, nodes)
    out += _access(settings, nodes) + _ports(settings, nodes)
    if not swarm["manager"]:
        return out + _storage(settings, nodes) if early else out + [
            f"{manager['host']} is no manager of a Swarm (its engine says: {swarm['state']}). Have the role swarm_cluster make it "
            "one first: the playbook swarm does."]
    return out + _storage(settings, nodes) + _reached(settings, nodes)


def _manager(settings: Settings, nodes: t.Sequence[Node]) -> Node | None:
    return next((node for node in nodes if node["host"] == settings["registry_swarm_manager"]), None)


def _node_id(node: Node) -> str:
    return str(node["look"]["swarm"]["node_id"])


def _known(settings: Settings, nodes: t.Sequence[Node]) -> dict[str, t.Mapping[str, t.Any]]:
    manager = _manager(settings, nodes)
    return {node["node_id"]: node for node in manager["look"]["swarm"]["nodes"]} if manager else {}


def _labelled(settings: Settings, nodes: t.Sequence[Node]) -> dict[str, t.Mapping[str, t.Any]]:
    label = storage_label(settings)
    return {key: node for key, node in _known(settings, nodes).items() if node["labels"].get(label) == "true"}


def _service(settings: Settings, nodes: t.Sequence[Node]) -> t.Mapping[str, t.Any]:
    manager = _manager(settings, nodes)
    return manager["look"]["service"] if manager else {"exists": False, "ports": [], "labels": {}}


def _names(settings: Settings) -> list[str]:
    name = str(settings["registry_name"])
    out = []
    if not _SERVICE_NAME.fullmatch(name) or len(name) > LONGEST_SERVICE:
        out.append(f"registry_name is {name!r}, which no service can be called: at most {LONGEST_SERVICE} letters and digits, with "
                   "'-' and '_' between them.")
    elif len(name) + max(map(len, PARTS)) + _DIGITS + 2 > LONGEST_SECRET:
        out.append(_too_long(name, max(PARTS, key=len)))
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9\-_.]+", storage_label(settings)):
        out.append(f"registry_swarm_storage_label is {storage_label(settings)!r}, which no constraint can name: a label is letters, "
                   "digits, '-', '_' and '.', beginning with a letter.")
    return out


def _choices(settings: Settings) -> list[str]:
    choices = {"registry_swarm_publish_mode": ("auto", "ingress", "host"),
               "registry_swarm_update_order": ("stop-first", "start-first")}
    out = [f"{variable} is {settings[variable]!r}: it is one of {', '.join(allowed)}."
           for variable, allowed in choices.items() if settings[variable] not in allowed]
    replicas = settings["registry_swarm_replicas"]
    if isinstance(replicas, bool) or not re.fullmatch(r"[0-9]+", str(replicas)) or int(replicas) < 1:
        out.append(f"registry_swarm_replicas is {replicas!r}: it is a whole number from 1. registry_state: stopped runs none.")
    elif int(replicas) > 1 and is_local(settings):
        out.append(f"registry_swarm_replicas is {replicas!r} and registry_storage_driver is "
                   f"{settings['registry_storage_driver']!r}: two registries on one folder damage each other's uploads. Set "
                   "registry_swarm_replicas: 1, or keep the images in object storage (registry_storage_driver: s3, azure or gcs).")
    if settings["registry_network"]:
        out.append(f"registry_network is {settings['registry_network']!r}: that is a network of one host, for the role "
                   "registry_standalone. Leave it empty.")
    return out


def _policy(settings: Settings, nodes: t.Sequence[Node]) -> list[str]:
    if settings["registry_swarm_update_order"] != "start-first":
        return []
    begins = "registry_swarm_update_order is 'start-first', which runs the old and the new registry at a time, and "
    out = []
    if is_local(settings):
        out.append(f"{begins}registry_storage_driver is {settings['registry_storage_driver']!r}: two registries on one folder damage "
                   "each other's uploads. Set registry_swarm_update_order: stop-first.")
    if publish_mode(settings, nodes) == "host":
        out.append(f"{begins}registry_swarm_publish_mode comes to host: the new one cannot have the node's port while the old one "
                   "has it. Set registry_swarm_update_order: stop-first.")
    return out


def _access(settings: Settings, nodes: t.Sequence[Node]) -> list[str]:
    out = []
    mode = publish_mode(settings, nodes)
    lacking = [node for node in nodes if not node["look"]["ipvs"]["available"]]
    if settings["registry_swarm_publish_mode"] == "ingress" and lacking:
        reasons = "; ".join(f"{node['host']}: {node['look']['ipvs']['reason']}" for node in lacking)
        out.append(f"registry_swarm_publish_mode is 'ingress', and the routing mesh needs IPVS in each kernel, which is not there "
                   f"({reasons}). Set registry_swarm_publish_mode: auto or host, or load the module ip_vs on these hosts.")
    if settings["registry_tls"] != "off":
        return out
    if not settings["registry_users"] and not settings["registry_allow_insecure"]:
        out.append("registry_users is empty, and a port that a Swarm publishes listens on every address of its node: whoever reaches "
                   "it could push, overwrite and delete. Set registry_users, for example [{name: ci}], which makes a password.")
    if mode == "host" and len(nodes) > 1:
        others = ", ".join(node["host"] for node in nodes if node["host"] != storage_host(settings, nodes))
        out.append(f"registry_tls is 'off', which engines take at 127.0.0.1 only, and the registry is published on the port of "
                   f"{storage_host(settings, nodes)} alone: {others} could not pull. Set registry_tls: own_ca and "
                   "registry_host_names, or use kernels with IPVS, whose routing mesh answers on every node.")
    return out


def _hosts(settings: Settings, nodes: t.Sequence[Node]) -> list[str]:
    wanted, hosts = settings["registry_swarm_node"], sorted(node["host"] for node in nodes)
    if not wanted or wanted in hosts:
        return []
    return [f"registry_swarm_node is {wanted!r}, which is no host of this run ({', '.join(hosts)})."]


def _storage(settings: Settings, nodes: t.Sequence[Node]) -> list[str]:
    label, wanted, labelled = storage_label(settings), settings["registry_swarm_node"], _labelled(settings, nodes)
    hosts = {_node_id(node): node["host"] for node in nodes}
    if _hosts(settings, nodes):
        return []  # told already
    if len(labelled) > 1:
        return [f"The label {label}=true is on {' and '.join(sorted(node['hostname'] for node in labelled.values()))}, and the images "
                "can be on one node only: the registry would start empty on another one. Take it off those that do not have the "
                f"data: docker node update --label-rm {label} NODE"]
    for key, node in labelled.items():
        if key not in hosts:
            return [f"The label {label}=true is on {node['hostname']}, which is no host of this run. Put it into the inventory, or "
                    "run the play without --limit."]
        if wanted and hosts[key] != wanted:
            return [f"registry_swarm_node is {wanted!r}, and the label {label}=true, where the images are, is on {hosts[key]}. Set "
                    f"registry_swarm_node: {hosts[key]}. To move them: stop the registry, copy {settings['registry_data_dir']} over, "
                    "then move the label."]
    if not labelled:
        out = _no_label(settings, nodes)
        if out:
            return out
    return _ready(settings, nodes)


def _no_label(settings: Settings, nodes: t.Sequence[Node]) -> list[str]:
    label = storage_label(settings)
    if settings["registry_swarm_storage_label"]:
        return [f"registry_swarm_storage_label is {label!r}, and no node has it. Put it on the node that keeps the images: "
                f"swarm_cluster_labels: {{{label}: true}} for that host, or docker node update --label-add {label}=true NODE"]
    if _service(settings, nodes)["exists"] and is_local(settings) and not settings["registry_swarm_node"]:
        return [f"The service {settings['registry_name']} is there, and no node has the label {label}=true: where its images are "
                "cannot be told. Set registry_swarm_node to the host that has them."]
    return []


def _ready(settings: Settings, nodes: t.Sequence[Node]) -> list[str]:
    host = storage_host(settings, nodes)
    node_id = next(_node_id(node) for node in nodes if node["host"] == host)
    node = _known(settings, nodes).get(node_id)
    if node is None:
        return [f"{host} is to keep the images (registry_swarm_node) and is no node of the Swarm. Have the role swarm_cluster take it "
                "in first."]
    if node["state"] != "ready" or node["availability"] != "active":
        return [f"{host} keeps the images (registry_swarm_node), and takes no tasks: it is {node['state']} and its availability is "
                f"{node['availability']}. Bring it back: docker node update --availability active {node['hostname']}"]
    return []


def _ports(settings: Settings, nodes: t.Sequence[Node]) -> list[str]:
    port, name = int(settings["registry_port"]), str(settings["registry_name"])
    if port in SWARM_PORTS:
        return [f"registry_port is {port}, which the Swarm itself uses for {SWARM_PORTS[port]}. Choose another one, such as 5000."]
    service = _service(settings, nodes)
    out = []
    if service["exists"] and "dockyard.registry.name" not in service["labels"]:
        out.append(f"registry_name is {name!r}, and the Swarm has a service of that name that this role has not made. Choose another "
                   "registry_name, or remove that service.")
    if any(one["published_port"] == port for one in service["ports"]):
        return out  # its own
    host = storage_host(settings, nodes)
    mesh = publish_mode(settings, nodes) == "ingress"
    for node in nodes:
        for found in node["look"]["ports"]:
            # What another service publishes through the mesh is taken on every node, and the manager knows of it.
            if found["port"] == port and not found["free"] and (mesh or node["host"] == host):
                out.append(f"registry_port is {port}, and on {node['host']} {found['holder']} has that port. End it, or choose "
                           f"another registry_port.{_standalone(found, name)}")
    return out


def _standalone(found: t.Mapping[str, t.Any], name: str) -> str:
    if found["holder"] != f"the container {name}":
        return ""
    return (" It is the registry of the playbook standalone: the playbook remove takes it away and keeps its images, which the "
            "Swarm's registry serves on if registry_data_dir stays the same.")


def _reached(settings: Settings, nodes: t.Sequence[Node]) -> list[str]:
    """Whether the main name leads every node to the registry."""
    address, mesh = str(settings["registry_swarm_address"]), publish_mode(settings, nodes) == "ingress"
    known = _known(settings, nodes)
    host = storage_host(settings, nodes)
    good = {known[_node_id(node)]["address"] for node in nodes if _node_id(node) in known and (mesh or node["host"] == host)}
    where = "a node of the Swarm" if mesh else f"{host}, on whose port the registry is published"
    if address:
        try:
            loopback = ipaddress.ip_address(address).is_loopback
        except ValueError:
            return [f"registry_swarm_address is {address!r}, which is no IP address."]
        if loopback and not mesh and len(nodes) > 1:
            return [f"registry_swarm_address is {address!r}, and only {host} has the registry there. Set it to an address of {host}."]
        return []
    if settings["registry_tls"] == "off" or not settings["registry_check_names"]:
        return []
    out = []
    for node in nodes:
        for name in node["names"]:
            at_home = bool(name["local"]) and (mesh or node["host"] == host)
            if at_home or good & set(name["addresses"]):
                continue
            leads = f"leads to {', '.join(name['addresses'])}" if name["addresses"] else f"leads nowhere ({name['error']})"
            out.append(f"registry_host_names has {name['name']!r}, which on {node['host']} {leads} and not to {where}. Mend the name "
                       "service; or set registry_swarm_address, which is written to /etc/hosts on each node; or, where a load "
                       "balancer stands in between, registry_check_names: false.")
    return out
