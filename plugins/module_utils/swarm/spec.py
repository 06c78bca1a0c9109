# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the module's parameters to the ServiceSpec of the engine's API, a pure function.

Everything that the engine would fill in by itself is written out, so that a parameter that is taken away goes back to the
engine's default. What has no parameter here is not in the specification: a service belongs to who describes it.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .errors import InvalidService
from .policy import policy_of
from .values import parse_cpus, parse_duration, parse_memory, parse_mode

Params = t.Mapping[str, t.Any]

DEFAULT_GRACE = "10s"
DEFAULT_RESTART = {"condition": "any", "delay": "5s", "max_attempts": 0, "window": "0s"}


@dataclasses.dataclass(frozen=True)
class Known:
    """The IDs of what a service refers to by name; complete, for who makes one has asked the engine."""

    networks: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    configs: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    secrets: t.Mapping[str, str] = dataclasses.field(default_factory=dict)


def build_spec(params: Params, image: str, known: Known, *, force_update: int = 0) -> dict[str, t.Any]:
    """Return the specification.

    :param image: what the nodes are to pull; ``params["image"]`` may be less exact.
    :param force_update: the engine's counter, which has all tasks replaced when it changes.
    :raises InvalidService: if a value is none.
    """
    mode: dict[str, t.Any] = {"Global": {}}
    if params["mode"] == "replicated":
        mode = {"Replicated": {"Replicas": params["replicas"]}}
    return {
        "Name": params["name"],
        "Labels": texts(params["labels"], "labels"),
        "Mode": mode,
        "TaskTemplate": _task(params, image, known, force_update),
        "UpdateConfig": policy_of(params, "update_config").as_api(),
        "RollbackConfig": policy_of(params, "rollback_config").as_api(),
        "EndpointSpec": {"Mode": params["endpoint_mode"], "Ports": [_port(port) for port in params["publish"] or ()]},
    }


def network_names(params: Params) -> list[tuple[str, list[str]]]:
    """Return the names of the networks, each with its aliases, whether they are written as names or as mappings.

    :raises InvalidService: for what is neither.
    """
    out = []
    for number, network in enumerate(params["networks"] or ()):
        if isinstance(network, str):
            network = {"name": network}
        if not isinstance(network, dict) or not isinstance(network.get("name"), str) or set(network) - {"name", "aliases"}:
            raise InvalidService(f"networks[{number}] is {network!r}.", hint="It is a name, or has name and aliases.")
        aliases = network.get("aliases") or []
        if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
            raise InvalidService(f"networks[{number}].aliases is {aliases!r}.", hint="It is a list of names.")
        out.append((network["name"], aliases))
    return out


def texts(values: t.Mapping[str, object] | None, what: str) -> dict[str, str]:
    """Return a mapping whose values are all text; of other values only whole numbers have one spelling.

    :raises InvalidService: for any other value.
    """
    out = {}
    for key, value in (values or {}).items():
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise InvalidService(
                f"{what}.{key} is {'a ' + type(value).__name__ if value is not None else 'null'}, not a text.",
                hint="Put it in quotes.",
            )
        out[str(key)] = str(value)
    return out


def healthcheck_of(params: Params) -> dict[str, t.Any] | None:
    """Return the health check as the API has it, None if there is none to set.

    :raises InvalidService: if a part of it is none.
    """
    check = params["healthcheck"]
    if check is None:
        return None
    test = check["test"]
    if isinstance(test, str):
        test = ["NONE"] if test == "NONE" else ["CMD-SHELL", test]
    if not isinstance(test, list) or not test or not all(isinstance(part, str) for part in test):
        raise InvalidService(
            f"healthcheck.test is {check['test']!r}.", hint='It is a command line, or a list that begins with "CMD".'
        )
    if test[0] not in ("CMD", "CMD-SHELL", "NONE") or (len(test) == 1) != (test[0] == "NONE"):
        raise InvalidService(
            f"healthcheck.test is {test!r}.",
            hint='As a list it begins with "CMD" or "CMD-SHELL", behind which the command stands, or is ["NONE"].',
        )
    names = {"interval": "Interval", "timeout": "Timeout", "start_period": "StartPeriod"}
    found: dict[str, t.Any] = {"Test": test}
    for name, key in names.items():
        found[key] = parse_duration(check[name], f"healthcheck.{name}") if check[name] is not None else 0
    if check["start_interval"] is not None:
        # Not for engines that do not know it (before API 1.44), even as 0.
        found["StartInterval"] = parse_duration(check["start_interval"], "healthcheck.start_interval")
    found["Retries"] = check["retries"] or 0
    return found


def _task(params: Params, image: str, known: Known, force_update: int) -> dict[str, t.Any]:
    placement: dict[str, t.Any] = {"Constraints": list(params["constraints"] or ())}
    if params["max_replicas_per_node"]:
        placement["MaxReplicas"] = params["max_replicas_per_node"]
    task = {
        "ContainerSpec": _container(params, image, known),
        "Resources": {
            "Limits": _resources(params["limits"], "limits"),
            "Reservations": _resources(params["reservations"], "reservations"),
        },
        "RestartPolicy": _restart_policy(params["restart_policy"] or {}),
        "Placement": placement,
        "Networks": [
            {"Target": known.networks[name], **({"Aliases": aliases} if aliases else {})}
            for name, aliases in network_names(params)
        ],
        "ForceUpdate": force_update,
        "Runtime": "container",
    }
    if params["log_driver"]:
        options = texts(params["log_driver"]["options"], "log_driver.options")
        task["LogDriver"] = {"Name": params["log_driver"]["name"], "Options": options}
    return task


def _container(params: Params, image: str, known: Known) -> dict[str, t.Any]:
    grace = params["stop_grace_period"]
    container: dict[str, t.Any] = {
        "Image": image,
        "Labels": texts(params["container_labels"], "container_labels"),
        "Command": list(params["command"] or ()),
        "Args": list(params["args"] or ()),
        "Env": [f"{key}={value}" for key, value in sorted(texts(params["env"], "env").items())],
        "Hostname": params["hostname"] or "",
        "User": params["user"] or "",
        "StopSignal": params["stop_signal"] or "",
        "StopGracePeriod": parse_duration(DEFAULT_GRACE if grace is None else grace, "stop_grace_period"),
        "ReadOnly": bool(params["read_only"]),
        "Mounts": [_mount(mount, number) for number, mount in enumerate(params["mounts"] or ())],
        "Configs": _files(params, "configs", known.configs),
        "Secrets": _files(params, "secrets", known.secrets),
        "Hosts": [f"{address} {name}" for name, address in sorted(texts(params["hosts"], "hosts").items())],
        "DNSConfig": {"Nameservers": list(params["dns"])} if params["dns"] else {},
        "CapabilityAdd": list(params["cap_add"] or ()),
        "CapabilityDrop": list(params["cap_drop"] or ()),
        "Sysctls": texts(params["sysctls"], "sysctls"),
    }
    if params["init"] is not None:
        container["Init"] = params["init"]
    healthcheck = healthcheck_of(params)
    if healthcheck is not None:
        container["Healthcheck"] = healthcheck
    return container


def _resources(values: Params | None, what: str) -> dict[str, int]:
    values = values or {}
    found = {}
    if values.get("cpus") is not None:
        found["NanoCPUs"] = parse_cpus(str(values["cpus"]), f"{what}.cpus")
    if values.get("memory") is not None:
        found["MemoryBytes"] = parse_memory(str(values["memory"]), f"{what}.memory")
    return found


def _restart_policy(values: Params) -> dict[str, t.Any]:
    chosen = {name: default if values.get(name) is None else values[name] for name, default in DEFAULT_RESTART.items()}
    return {
        "Condition": chosen["condition"],
        "Delay": parse_duration(t.cast(str, chosen["delay"]), "restart_policy.delay"),
        "MaxAttempts": chosen["max_attempts"],
        "Window": parse_duration(t.cast(str, chosen["window"]), "restart_policy.window"),
    }


def _port(port: Params) -> dict[str, t.Any]:
    return {
        "Protocol": port["protocol"],
        "TargetPort": port["target_port"],
        "PublishedPort": port["published_port"] or 0,
        "PublishMode": port["mode"],
    }


def _mount(mount: Params, number: int) -> dict[str, t.Any]:
    kind, source = mount["type"], mount["source"]
    if kind == "tmpfs" and source:
        raise InvalidService(f"mounts[{number}].source is {source!r}.", hint="A tmpfs has no source.")
    if kind == "bind" and not (source or "").startswith("/"):
        raise InvalidService(f"mounts[{number}].source is {source!r}.", hint="A bind mount needs an absolute path.")
    return {"Type": kind, "Source": source or "", "Target": mount["target"], "ReadOnly": bool(mount["read_only"])}


def _files(params: Params, what: str, ids: t.Mapping[str, str]) -> list[dict[str, t.Any]]:
    kind = what.capitalize()[:-1]
    out = []
    for number, entry in enumerate(params[what] or ()):
        source = entry["source"]
        # As the docker command has it: a secret lies in /run/secrets, a config in /.
        target = entry["target"] or (source if what == "secrets" else f"/{source}")
        file = {
            "Name": target,
            "UID": str(entry["uid"] or "0"),
            "GID": str(entry["gid"] or "0"),
            "Mode": parse_mode(str(entry["mode"] or "0444"), f"{what}[{number}].mode"),
        }
        out.append({"File": file, f"{kind}ID": ids[source], f"{kind}Name": source})
    return out
