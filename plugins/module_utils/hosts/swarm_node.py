# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node's engine knows of the Swarm that it is in, or is not in: read on its socket, with GET and nothing else."""

from __future__ import annotations

import dataclasses
import socket
import typing as t

from .engine_reader import EngineFailed, EngineReader
from .port_holder import find_holder

_TASK_LABEL = "com.docker.swarm.task.name"


@dataclasses.dataclass(frozen=True)
class NodeFound:
    """A node as a manager knows it: ``reachability`` is empty for a worker."""

    node_id: str
    hostname: str
    role: str
    availability: str
    state: str
    address: str
    reachability: str
    leader: bool
    labels: dict[str, str]


@dataclasses.dataclass(frozen=True)
class SwarmFound:
    """A node's own word on its Swarm; ``state`` is none if no engine answers, and ``inactive`` outside of any Swarm."""

    state: str = "none"
    error: str = ""
    node_id: str = ""
    address: str = ""
    manager: bool = False
    cluster_id: str = ""
    managers: tuple[str, ...] = ()
    nodes: tuple[NodeFound, ...] = ()
    tasks: tuple[str, ...] = ()
    live_restore: bool = False


@dataclasses.dataclass(frozen=True)
class PortFound:
    """A TCP port of this node and who has it, in words; ``service`` is the Swarm service that publishes it."""

    port: int
    free: bool
    holder: str = ""
    service: str = ""


def find_swarm(reader: EngineReader) -> SwarmFound:
    """Look at the Swarm as this node sees it.

    :raises EngineFailed: if a manager's engine does not tell what it must know.
    """
    try:
        info = reader.json("/info")
    except EngineFailed as error:
        return SwarmFound(error=str(error))
    found = info.get("Swarm") or {}
    manager = bool(found.get("ControlAvailable"))
    return SwarmFound(
        state=str(found.get("LocalNodeState") or "inactive"),
        error=str(found.get("Error") or ""),
        node_id=str(found.get("NodeID") or ""),
        address=str(found.get("NodeAddr") or ""),
        manager=manager,
        cluster_id=str((found.get("Cluster") or {}).get("ID") or ""),
        managers=tuple(sorted(str(one["Addr"]) for one in found.get("RemoteManagers") or [])),
        nodes=tuple(sorted(map(_node, reader.json("/nodes")), key=lambda node: node.hostname)) if manager else (),
        tasks=_tasks(reader),
        live_restore=bool(info.get("LiveRestoreEnabled")),
    )


def _node(node: t.Mapping[str, t.Any]) -> NodeFound:
    spec, status, manager = node["Spec"], node.get("Status") or {}, node.get("ManagerStatus") or {}
    # A worker's address is where it came from; a manager's own word counts more (moby issue 35437: 0.0.0.0).
    address = str(manager.get("Addr") or "").rpartition(":")[0] or str(status.get("Addr") or "")
    return NodeFound(
        node_id=str(node["ID"]),
        hostname=str((node.get("Description") or {}).get("Hostname") or ""),
        role=str(spec.get("Role") or ""),
        availability=str(spec.get("Availability") or ""),
        state=str(status.get("State") or ""),
        address=address.strip("[]"),
        reachability=str(manager.get("Reachability") or ""),
        leader=bool(manager.get("Leader")),
        labels={str(key): str(value) for key, value in (spec.get("Labels") or {}).items()},
    )


def _tasks(reader: EngineReader) -> tuple[str, ...]:
    """Name the Swarm's containers that run on this node."""
    containers = reader.json("/containers/json", filters={"label": [_TASK_LABEL]})
    return tuple(sorted(str(one["Labels"][_TASK_LABEL]) for one in containers))


def find_ports(reader: EngineReader, ports: t.Iterable[int], *, manager: bool) -> list[PortFound]:
    """Say for each TCP port of this node, on whichever address, whether it is free.

    :param manager: the node can be asked what services publish.
    """
    services = _published_by_services(reader) if manager else {}
    containers = _published_by_containers(reader)
    return [_port(port, services.get(port, ""), containers.get(port, "")) for port in ports]


def _port(port: int, service: str, container: str) -> PortFound:
    if service or container:
        holder = f"the service {service}" if service else f"the container {container}"
        return PortFound(port, False, holder, service)
    found = find_holder("0.0.0.0", port)
    if not found:
        return PortFound(port, True)
    return PortFound(port, False, f"{found.program} (process {found.pid})" if found.pid else "a program of another user")


def _published_by_services(reader: EngineReader) -> dict[int, str]:
    found = {}
    for service in reader.json("/services"):
        # What it has been given, and what it asks for: not every way of publishing is given anything.
        for port in [*_ports_of(service["Spec"].get("EndpointSpec")), *_ports_of(service.get("Endpoint"))]:
            if port.get("PublishedPort") and port.get("Protocol", "tcp") == "tcp":
                found[int(port["PublishedPort"])] = str(service["Spec"]["Name"])
    return found


def _ports_of(endpoint: t.Mapping[str, t.Any] | None) -> list[dict[str, t.Any]]:
    return (endpoint or {}).get("Ports") or []


def _published_by_containers(reader: EngineReader) -> dict[int, str]:
    try:
        containers = reader.json("/containers/json")
    except EngineFailed:
        return {}  # there is no engine yet, so no containers
    found = {}
    for container in containers:
        for port in container.get("Ports") or []:
            if port.get("PublicPort") and port.get("Type") == "tcp":
                found[int(port["PublicPort"])] = str(container["Names"][0]).strip("/")
    return found


def own_addresses(addresses: t.Iterable[str]) -> list[str]:
    """Return those of some IP addresses that are this machine's own: they can be bound to."""
    return [address for address in addresses if _is_own(address)]


def _is_own(address: str) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except (OSError, UnicodeError):
            return False
    return True


def default_address() -> str:
    """Return this machine's address on the way out, empty without one. A UDP socket that is connected sends nothing."""
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((far, 9))
                return str(probe.getsockname()[0])
        except OSError:
            continue  # no route of this family
    return ""
