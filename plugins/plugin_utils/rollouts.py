# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the list of workloads of the role swarm_rollout to what the module `service` is told, and what is wrong with the list.

Pure functions: settings and facts in; messages, or parameters, out. Every message names the variable, its value and the way
out; a password is never part of one.
"""

from __future__ import annotations

import typing as t

from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import parse_reference, parse_registry
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.constraints import may_run, parse_constraint
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.values import check_service_name

Settings = t.Mapping[str, t.Any]
Workload = t.Dict[str, t.Any]

OWN_KEYS = ("name", "image", "tag", "replicas", "publish", "networks", "update", "rollback", "endpoint_mode", "mode")
PASSED_ON = (
    "args", "cap_add", "cap_drop", "command", "configs", "constraints", "container_labels", "dns", "drain", "env",
    "healthcheck", "hostname", "hosts", "init", "labels", "limits", "log_driver", "max_replicas_per_node", "mounts", "pin_digest", "read_only",
    "reservations", "restart_policy", "secrets", "stop_grace_period", "stop_signal", "sysctls", "user",
)
POLICY_KEYS = {"parallelism", "delay", "order", "failure_action", "monitor", "max_failure_ratio"}
PUBLISH_MODES = ("auto", "ingress", "host", "none")
STATES = ("present", "absent", "rolled_back")

GRACE = "30s"
"""For requests that are under way; docs/decisions/0005-a-rolling-update-loses-no-request.md."""


def rollout_problems(settings: Settings, ipvs: t.Sequence[tuple[str, bool]] = ()) -> list[str]:
    """What is wrong with the variables `swarm_rollout_*`.

    :param ipvs: the name of each host that was looked at, and whether its kernel can do IPVS.
    """
    for name, allowed in (("publish_mode", PUBLISH_MODES), ("state", STATES)):
        if settings[f"swarm_rollout_{name}"] not in allowed:
            return [f"swarm_rollout_{name} is {settings[f'swarm_rollout_{name}']!r}: it is one of {', '.join(allowed)}."]
    out = [*_registry(str(settings["swarm_rollout_registry"])), *_login(settings), *_list(settings["swarm_rollout_workloads"])]
    if out:
        return out
    out = _choice(settings)
    if out or settings["swarm_rollout_state"] != "present":
        return out
    without = [host for host, available in ipvs if not available]
    for workload in chosen_workloads(settings):
        out += _workload(workload, settings)
    if settings["swarm_rollout_publish_mode"] == "ingress" and without:
        out.append(f"swarm_rollout_publish_mode is 'ingress', and the kernel of {', '.join(without)} has no IPVS, which the "
                   "routing mesh needs. Load ip_vs there, or use auto, which publishes on the nodes' own ports then.")
    return out


def chosen_workloads(settings: Settings) -> list[Workload]:
    """The workloads that are meant, with what is said for one of them alone; all if none is named.

    Only for settings without problems.
    """
    workloads = [dict(workload) for workload in settings["swarm_rollout_workloads"]]
    for workload in workloads:
        workload["name"] = _name(workload)
    given = _given(settings)
    if not given:
        return workloads
    wanted = _wanted_name(settings)
    found = next((workload for workload in workloads if workload["name"] == wanted), {"name": wanted})
    if _is_tagged(str(given.get("image", ""))):
        # The one in the list is for an image without.
        found = {key: value for key, value in found.items() if key != "tag"}
    return [{**found, **{key: value for key, value in given.items() if key != "workload"}}]


def rollout_services(
    settings: Settings, nodes: t.Sequence[t.Mapping[str, t.Any]] = (), ipvs: bool = True
) -> list[dict[str, t.Any]]:
    """What the module `service` is told for each workload, as `params`, and what people should know of it, as `notes`.

    :param nodes: the Swarm's nodes, as the module `swarm_info` tells them.
    :param ipvs: whether the kernels of all nodes can do IPVS.
    """
    return [_service(workload, settings, nodes, ipvs) for workload in chosen_workloads(settings)]


def _service(workload: Workload, settings: Settings, nodes: t.Sequence[t.Mapping[str, t.Any]], ipvs: bool) -> dict[str, t.Any]:
    params: dict[str, t.Any] = {key: workload[key] for key in PASSED_ON if key in workload}
    params.setdefault("stop_grace_period", GRACE)
    mode = workload.get("mode", "replicated")
    network = settings["swarm_rollout_network"]
    params.update(
        name=workload["name"],
        image=_image(workload, str(settings["swarm_rollout_registry"])),
        mode=mode,
        networks=[*([network] if network else []), *workload.get("networks", ())],
        endpoint_mode=workload.get("endpoint_mode", "vip" if ipvs else "dnsrr"),
    )
    if mode == "replicated":
        params["replicas"] = int(workload.get("replicas", 1))
    ports, notes = _ports(workload, params, str(settings["swarm_rollout_publish_mode"]), nodes, ipvs)
    order = "stop-first" if any(port["mode"] == "host" for port in ports) else "start-first"
    params.update(
        publish=ports,
        update_config={"order": order, "failure_action": "rollback", **workload.get("update", {})},
        rollback_config={"order": order, **workload.get("rollback", {})},
    )
    if ports and order == "stop-first" and "order" not in workload.get("update", {}):
        notes.append(f"{workload['name']}: its old tasks are stopped before the new ones start, for they share the nodes' port: "
                     "during an update a node does not answer for a moment.")
    return {"name": workload["name"], "params": params, "notes": notes}


def _ports(
    workload: Workload, params: Settings, wanted: str, nodes: t.Sequence[t.Mapping[str, t.Any]], ipvs: bool
) -> tuple[list[dict[str, t.Any]], list[str]]:
    """What is published, and what is not though it was asked for."""
    name, published = workload["name"], workload.get("publish") or []
    if not published or wanted == "none":
        return [], []
    default = {"auto": "ingress" if ipvs else "host"}.get(wanted, wanted)
    ports = [
        {
            "published_port": int(port["published_port"]),
            "target_port": int(port["target_port"]),
            "protocol": port.get("protocol", "tcp"),
            "mode": port.get("mode", default),
        }
        for port in published
    ]
    if not any(port["mode"] == "host" for port in ports):
        return ports, []
    count = len(ports)
    shown = ", ".join(str(port["published_port"]) for port in ports)
    why = "" if ipvs else "The kernel has no IPVS, so there is no routing mesh. "
    fitting = fitting_nodes(nodes, params.get("constraints") or ())
    replicas = params.get("replicas")
    if replicas is None or replicas <= fitting:
        there = "on each node" if replicas is None else f"on the {replicas} of {fitting} nodes that run a task"
        return ports, [f"{name}: {why}Port {shown} is published {there}."]
    ports = [port for port in ports if port["mode"] != "host"]
    networks = ", ".join(name if isinstance(name, str) else name["name"] for name in params["networks"])
    reached = f"It is reached as {name} on the network {networks}." if networks else "It is on no network either."
    return ports, [
        f"{name}: {why}{replicas} tasks cannot share {'port' if count == 1 else 'ports'} {shown} of {fitting} "
        f"node{'' if fitting == 1 else 's'}, one task a node can: NOT published. {reached} To publish it, run {fitting} "
        "replicas at most, or use kernels with IPVS."
    ]


def fitting_nodes(nodes: t.Sequence[t.Mapping[str, t.Any]], constraints: t.Sequence[str]) -> int:
    """How many nodes may run a task; constraints on what is not known of nodes here are taken as met."""
    parsed = [constraint for constraint in map(parse_constraint, constraints)
              if not constraint.key.lower().startswith(("node.platform.", "engine.labels."))]
    described = [
        {
            "ID": node["node_id"],
            "Spec": {"Role": node["role"], "Availability": node["availability"], "Labels": node.get("labels") or {}},
            "Status": {"State": node["state"], "Addr": node.get("address", "")},
            "Description": {"Hostname": node["hostname"]},
        }
        for node in nodes
    ]
    return sum(may_run(node, parsed) for node in described)


def _image(workload: Workload, registry: str) -> str:
    image, tag = str(workload["image"]), workload.get("tag")
    first, slash, _rest = image.partition("/")
    named = bool(slash) and (first == "localhost" or "." in first or ":" in first or "[" in first)
    out = image if named or not registry else f"{registry}/{image}"
    return f"{out}:{tag}" if tag not in (None, "") else out


def _name(workload: Settings) -> str:
    return str(workload.get("name") or last_part(str(workload.get("image", ""))))


def last_part(image: str) -> str:
    """What an image is called without its registry, path, tag and digest."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _is_tagged(image: str) -> bool:
    return "@" in image or ":" in image.rpartition("/")[2]


def _given(settings: Settings) -> dict[str, t.Any]:
    """What is said for one workload alone."""
    given = {key: settings[f"swarm_rollout_{key}"] for key in ("workload", "image", "tag", "replicas")}
    return {key: value for key, value in given.items() if value not in ("", 0, "0", None)}


def _wanted_name(settings: Settings) -> str:
    given = _given(settings)
    if "workload" in given:
        return str(given["workload"])
    if "image" in given:
        return last_part(str(given["image"]))
    workloads = settings["swarm_rollout_workloads"]
    return _name(workloads[0]) if len(workloads) == 1 else ""


def _choice(settings: Settings) -> list[str]:
    """Whether it is plain which workload is meant."""
    names = [_name(workload) for workload in settings["swarm_rollout_workloads"]]
    given = _given(settings)
    wanted = _wanted_name(settings)
    if not given and settings["swarm_rollout_state"] == "rolled_back" and len(names) != 1:
        return [f"swarm_rollout_state is 'rolled_back', and there are {len(names)} workloads: {', '.join(names)}. Say which, "
                "with swarm_rollout_workload."]
    if not given:
        return []
    if not wanted:
        return [f"swarm_rollout_{next(iter(given))} is {next(iter(given.values()))!r}, and there are {len(names)} workloads: "
                f"{', '.join(names) or 'none'}. Say which is meant, with swarm_rollout_workload."]
    if wanted not in names and "image" not in given:
        return [f"swarm_rollout_workload is {wanted!r}, and swarm_rollout_workloads has {', '.join(names) or 'none'}. Name one "
                "of them, or give swarm_rollout_image, too."]
    return []


def _registry(registry: str) -> list[str]:
    if not registry:
        return []
    try:
        parse_registry(registry)
    except RegistryError:
        return [f"swarm_rollout_registry is {registry!r}: write it as in front of an image's name, host or host:port, without "
                "https:// and without a path, for example registry.example.com:5000."]
    return []


def _login(settings: Settings) -> list[str]:
    if bool(settings["swarm_rollout_username"]) == bool(settings["swarm_rollout_password"]):
        return []
    return ["Of swarm_rollout_username and swarm_rollout_password only one is given. Give both, or none."]


def _list(workloads: t.Any) -> list[str]:
    if not isinstance(workloads, (list, tuple)):
        return ["swarm_rollout_workloads is not a list: write one mapping a workload, for example [{image: nginx, replicas: 2}]."]
    out, seen = [], set()
    for index, workload in enumerate(workloads):
        where = f"swarm_rollout_workloads[{index}]"
        if not isinstance(workload, t.Mapping) or not isinstance(workload.get("image"), str) or not workload["image"]:
            out.append(f"{where} has no image: write it as {{image: nginx, replicas: 2}}.")
            continue
        name = _name(workload)
        unknown = sorted(set(map(str, workload)) - {*OWN_KEYS, *PASSED_ON})
        if unknown:
            out.append(f"{where} ({name}) has {', '.join(unknown)}, which a workload does not have. It has "
                       f"{', '.join(sorted((*OWN_KEYS, *PASSED_ON)))}.")
        try:
            check_service_name(name, f"{where}: the service's name")
        except RegistryError as error:
            out.append(f"{error} Set its name.")
        if name in seen:
            out.append(f"{where}: the name {name} is there twice, and a service has one. Give one of them another name.")
        seen.add(name)
    return out


def _workload(workload: Workload, settings: Settings) -> list[str]:
    name, out = workload["name"], []
    image = _image(workload, str(settings["swarm_rollout_registry"]))
    if workload.get("tag") not in (None, "") and _is_tagged(str(workload["image"])):
        out.append(f"{name}: image is {workload['image']!r}, which has a tag or digest, and tag is {workload['tag']!r}, too. Keep "
                   "one of them.")
    else:
        try:
            parse_reference(image)
        except RegistryError as error:
            out.append(f"{name}: image is {image!r}. {error}")
    replicas = str(workload.get("replicas", 1))
    if not (replicas.isascii() and replicas.isdigit()):
        out.append(f"{name}: replicas is {workload['replicas']!r}. Give a whole number.")
    for key in ("update", "rollback"):
        policy = workload.get(key, {})
        if not isinstance(policy, t.Mapping) or set(policy) - POLICY_KEYS:
            out.append(f"{name}: {key} is {policy!r}. It is a mapping of {', '.join(sorted(POLICY_KEYS))}.")
    return [*out, *_publish(workload, settings)]


def _publish(workload: Workload, settings: Settings) -> list[str]:
    name, published = workload["name"], workload.get("publish") or []
    if not isinstance(published, (list, tuple)):
        return [f"{name}: publish is {published!r}. It is a list, for example [{{published_port: 80, target_port: 80}}]."]
    out = []
    for index, port in enumerate(published):
        if not isinstance(port, t.Mapping) or not all(_is_port(port.get(key)) for key in ("published_port", "target_port")):
            out.append(f"{name}: publish[{index}] is {port!r}. It is a mapping of published_port and target_port, both 1 to 65535.")
    modes = [port.get("mode", settings["swarm_rollout_publish_mode"]) for port in published if isinstance(port, t.Mapping)]
    for key in ("update", "rollback"):
        policy = workload.get(key)
        if "host" in modes and isinstance(policy, t.Mapping) and policy.get("order") == "start-first":
            out.append(f"{name}: {key}.order is 'start-first', and it is published in mode host (swarm_rollout_publish_mode): a new "
                       "task cannot have a node's port while the old one has it. Use stop-first, or publish by ingress.")
    return out


def _is_port(value: t.Any) -> bool:
    text = str(value)
    return text.isascii() and text.isdigit() and 0 < int(text) < 65536
