# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a Swarm that is asked for, or stands in its way: found before anything has changed.

Pure functions: what the inventory says of each host and what the module ``swarm_info`` found there go in, messages come out.
Each names the host and the variable, its value and the way out. A host is a mapping with

- ``host`` its name in the inventory, ``role`` manager or worker, ``in_play`` whether this run changes it,
- ``problem`` why it could not be looked at, empty if it could, ``look`` the answers of ``swarm_info``,
- ``address`` what it is to advertise, ``availability``, ``labels``.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

Host = t.Mapping[str, t.Any]

STORAGE_PREFIX = "dockyard.registry."

# swarmkit, manager/constraint: what a constraint can name, in a key of node.labels. and in a value.
LABEL_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9\-_.]+")
_LABEL_VALUE = re.compile(r"[A-Za-z0-9:\-_\s.*()?+\[\]\\^$|/]+")


def manager_of(hosts: t.Sequence[Host], leaving: t.Collection[str] = ()) -> Host | None:
    """Return the first host of the inventory that is an active manager and stays one; None if there is no Swarm yet.

    :param leaving: the names of those that are about to leave.
    """
    for host in hosts:
        if host["role"] == "manager" and host["host"] not in leaving and not host["problem"]:
            swarm = host["look"]["swarm"]
            if swarm["state"] == "active" and swarm["manager"]:
                return host
    return None


def node_of(host: Host, manager: Host | None) -> dict[str, t.Any]:
    """Return the node that a host is to the Swarm, as its manager knows it; empty if it is none.

    A host that could not be asked is known by its name or its address.
    """
    nodes = manager["look"]["swarm"]["nodes"] if manager else []
    if not host["problem"]:
        node_id = host["look"]["swarm"]["node_id"]
        return next((dict(node) for node in nodes if node_id and node["node_id"] == node_id), {})
    short = str(host["host"]).partition(".")[0]
    named = [node for node in nodes if node["hostname"] in (host["host"], short) or node["address"] == host["address"]]
    return dict(named[0]) if len(named) == 1 else {}


def members(hosts: t.Sequence[Host], state: str) -> dict[str, t.Any]:
    """Return the ``manager`` to ask, by its name in the inventory, empty if there is none, and the ``nodes`` that hosts are."""
    leaving = [host["host"] for host in hosts if host["in_play"]] if state == "absent" else []
    manager = manager_of(hosts, leaving)
    return {"manager": manager["host"] if manager else "", "nodes": {host["host"]: node_of(host, manager) for host in hosts}}


def cluster_problems(hosts: t.Sequence[Host], state: str, settings: t.Mapping[str, t.Any]) -> list[str]:
    """Return everything that stands in the way of a Swarm of these hosts, or of the removal of those in the play.

    :param state: present, or absent for the hosts of this play.
    :param settings: the role's variables that hold for all hosts, by their names.
    """
    if state not in ("present", "absent"):
        return [f"swarm_cluster_state is {state!r}: it is one of present, absent."]
    out = _settings(settings) + _groups(hosts, settings)
    if out:
        return out
    if state == "absent":
        return _removal(hosts)
    out = _managers(hosts) + _addresses(hosts)
    # Without the word of a manager nothing can be said of who is a node of its Swarm.
    blind = not manager_of(hosts) and any(host["role"] == "manager" and host["problem"] for host in hosts)
    return out if blind else out + _nodes(hosts, settings)


def _settings(settings: t.Mapping[str, t.Any]) -> list[str]:
    out = []
    for variable in ("swarm_cluster_port", "swarm_cluster_data_path_port"):
        value = settings[variable]
        least = 1024 if variable.endswith("data_path_port") else 1
        if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,5}", str(value)) or not least <= int(value) <= 65535:
            out.append(f"{variable} is {value!r}: a port is a whole number from {least} to 65535.")
    for pool in settings["swarm_cluster_address_pools"]:
        try:
            size = ipaddress.ip_network(str(pool)).prefixlen
        except ValueError as error:
            out.append(f"swarm_cluster_address_pools has {pool!r}, which is no network: {error}. Write it as 10.20.0.0/16.")
            continue
        if size > int(settings["swarm_cluster_address_pool_size"]):
            out.append(f"swarm_cluster_address_pools has {pool!r}, which is smaller than one network of "
                       f"/{settings['swarm_cluster_address_pool_size']} (swarm_cluster_address_pool_size).")
    return out


def _groups(hosts: t.Sequence[Host], settings: t.Mapping[str, t.Any]) -> list[str]:
    managers = settings["swarm_cluster_managers"]
    both = sorted(set(managers) & set(settings["swarm_cluster_workers"]))
    if both:
        return [f"{', '.join(both)} is in swarm_managers and in swarm_workers (swarm_cluster_managers, "
                "swarm_cluster_workers). Leave it in one: a manager runs tasks, too."]
    if not managers:
        return ["swarm_cluster_managers is empty: a Swarm needs a manager. Put a host into the group swarm_managers; one or "
                "three are the usual numbers."]
    lost = sorted({host["host"] for host in hosts} - set(managers) - set(settings["swarm_cluster_workers"]))
    return [f"{name} is in neither swarm_managers nor swarm_workers (swarm_cluster_managers, swarm_cluster_workers). Put it "
            "into one of these groups." for name in lost]


def _managers(hosts: t.Sequence[Host]) -> list[str]:
    out = [f"The manager {host['host']} cannot be reached: {_why(host)}. Nothing was changed on any host. Bring it back, or "
           "take it out of swarm_managers if it is gone for good." for host in hosts
           if host["role"] == "manager" and host["problem"]]
    manager = manager_of(hosts)
    if not manager:
        return out
    for node in manager["look"]["swarm"]["nodes"]:
        if node["role"] == "manager" and node["reachability"] == "unreachable":
            out.append(f"The manager {node['hostname']} ({node['address']}) cannot be reached by the other managers of the "
                       "Swarm. Bring it back first. If it is gone for good, remove it on another manager: docker node demote "
                       f"{node['node_id']} && docker node rm --force {node['node_id']}")
    return out


def _why(host: Host) -> str:
    """Return in a few words why a host could not be asked: what Ansible says of that can fill a page."""
    words = " ".join(str(host["problem"]).replace("Task failed: ", "").split())
    return (words if len(words) <= 160 else words[:157] + "...").rstrip(".")


def _addresses(hosts: t.Sequence[Host]) -> list[str]:
    out, used = [], {}  # type: list[str], dict[str, list[str]]
    for host in hosts:
        if host["problem"]:
            continue
        address = str(host["address"])
        try:
            ipaddress.ip_address(address.strip("[]"))
        except ValueError:
            if not re.fullmatch(r"[A-Za-z][\w.\-]{0,14}", address):
                out.append(f"swarm_cluster_advertise_addr of {host['host']} is {address!r}, which is neither an IP address nor "
                           "a network interface. Set it to the address that the other nodes reach this host by.")
            continue
        used.setdefault(address, []).append(host["host"])
    loopback = {address: names for address, names in used.items() if ipaddress.ip_address(address.strip("[]")).is_loopback}
    if len(hosts) > 1:
        out += [f"swarm_cluster_advertise_addr is {address}, which is loopback, on {', '.join(names)}, and the Swarm has "
                f"{len(hosts)} hosts: no other node could reach it there. Set it for each host to an address that the others "
                "reach." for address, names in loopback.items()]
    out += [f"swarm_cluster_advertise_addr is {address} on {' and '.join(names)}: each node needs an address of its own. Set it "
            "for each of them." for address, names in used.items() if len(names) > 1 and address not in loopback]
    return out


def _nodes(hosts: t.Sequence[Host], settings: t.Mapping[str, t.Any]) -> list[str]:
    manager = manager_of(hosts)
    out = []
    for host in hosts:
        if not host["problem"]:
            out += _node_settings(host) + _membership(host, manager, settings)
    first = next(host for host in hosts if host["role"] == "manager")
    if not manager and not first["in_play"]:
        out.append(f"There is no Swarm yet, and {first['host']}, which would begin it, is left out of this run. Run the play "
                   "without --limit first.")
    return out


def _node_settings(host: Host) -> list[str]:
    out = []
    if host["availability"] not in ("active", "pause", "drain"):
        out.append(f"swarm_cluster_availability of {host['host']} is {host['availability']!r}: it is one of active, pause, drain.")
    if not isinstance(host["labels"], t.Mapping):
        return out + [f"swarm_cluster_labels of {host['host']} is {host['labels']!r}: it is a mapping, for example {{disk: ssd}}."]
    for key, value in host["labels"].items():
        if not LABEL_KEY.fullmatch(str(key)):
            out.append(f"swarm_cluster_labels of {host['host']} has {key!r}, which no constraint can name: a label is letters, "
                       "digits, '-', '_' and '.', beginning with a letter.")
        elif isinstance(value, (t.Mapping, list)) or not _LABEL_VALUE.fullmatch(_text(value)):
            out.append(f"swarm_cluster_labels of {host['host']} has {key} {value!r}, which no constraint can ask for: write a "
                       "short text, a number, true or false.")
    return out


def _text(value: t.Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def node_labels(labels: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return labels as the engine takes them: text, and true and false as YAML writes them."""
    return {str(key): _text(value) for key, value in labels.items()}


def _membership(host: Host, manager: Host | None, settings: t.Mapping[str, t.Any]) -> list[str]:
    name, swarm = host["host"], host["look"]["swarm"]
    state = swarm["state"]
    if state == "locked":
        return [f"The Swarm of {name} is locked. Unlock it there: docker swarm unlock"]
    if state in ("pending", "error"):
        return [f"The engine of {name} says that its place in the Swarm is in state {state}: {swarm['error'] or 'no reason given'}. "
                "Mend that first: journalctl -u docker says more."]
    if state == "active":
        return [] if node_of(host, manager) else [
            f"{name} is a node of another Swarm already"
            + (f" (its managers: {', '.join(swarm['managers'])})" if swarm["managers"] else "")
            + ". It is left as it is. Take it out of the groups, or, if nothing there is needed any more, have it leave: docker "
            "swarm leave" + (" --force" if swarm["manager"] else "")]
    out = []
    if swarm["live_restore"]:
        out.append(f"The engine of {name} has live-restore on, with which it enters no Swarm. Take live-restore out of "
                   "/etc/docker/daemon.json there, and systemctl reload docker.")
    port = int(settings["swarm_cluster_port"])
    out += [f"swarm_cluster_port is {port}, and on {name} {found['holder']} has that port. End it, or choose another port."
            for found in host["look"]["ports"] if found["port"] == port and not found["free"]]
    return out


def _removal(hosts: t.Sequence[Host]) -> list[str]:
    leaving = [host for host in hosts if host["in_play"]]
    names = [host["host"] for host in leaving]
    manager = manager_of(hosts, names)
    if not manager:
        inside = [host["host"] for host in leaving if host["problem"] or host["look"]["swarm"]["state"] == "active"]
        return [f"swarm_cluster_state is absent for {', '.join(inside)}, and then no manager of the inventory would be left: the "
                "Swarm would end, and with it its services and secrets. Name the nodes with --limit. If that is meant: docker "
                "swarm leave --force, on each of them."] if inside else []
    out = []
    for host in leaving:
        node = node_of(host, manager)
        if host["problem"] and not node:
            out.append(f"{host['host']} cannot be reached ({_why(host)}), and {manager['host']} knows no single node of that "
                       "name or address. Look for it with docker node ls, and remove it with docker node rm --force.")
        elif host["problem"] and node["state"] != "down":
            out.append(f"{host['host']} cannot be reached by Ansible ({_why(host)}), and the Swarm says that it is "
                       f"{node['state']}. It would go on running tasks: mend the way there first.")
        elif not node and host["look"]["swarm"]["state"] == "active":
            out.append(f"{host['host']} is a node of another Swarm than {manager['host']}. It is left as it is.")
        out += [f"{host['host']} has the label {key}: a registry keeps its images there, and would end with it. Move the data and "
                "the label to another node first, or remove the registry." for key, value in node.get("labels", {}).items()
                if key.startswith(STORAGE_PREFIX) and value == "true"]
    return out + _quorum(leaving, manager)


def _quorum(leaving: t.Sequence[Host], manager: Host) -> list[str]:
    gone = {node_of(host, manager).get("node_id") for host in leaving}
    left = [node for node in manager["look"]["swarm"]["nodes"] if node["role"] == "manager" and node["node_id"] not in gone]
    alive = [node for node in left if node["reachability"] == "reachable"]
    if len(alive) > len(left) // 2:
        return []
    return [f"Without {', '.join(host['host'] for host in leaving)} the Swarm would have {len(alive)} of {len(left)} managers, "
            "which is no majority: nothing could be changed in it any more. Bring a manager back, or make another one, first."]
