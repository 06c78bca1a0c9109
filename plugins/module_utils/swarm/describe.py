# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A specification told in the module's parameters: what is compared, and what a diff shows.

Both sides go through the same function, the one that is built and the one that the engine has, so that what the engine leaves
out, sorts or fills in makes no difference.
"""

from __future__ import annotations

import re
import typing as t

from .drain import without_drain
from .values import SECOND, format_cpus, format_duration, format_memory, format_mode

Spec = t.Mapping[str, t.Any]

HIDDEN = "(hidden)"
_SECRET = re.compile(r"pass|secret|token|credential|auth|key", re.IGNORECASE)
_CONDITIONS = {"": "any", "none": "none", "on-failure": "on-failure", "any": "any"}


def describe_service(spec: Spec, networks: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Return a ServiceSpec in terms of the parameters.

    :param networks: the names of networks by their IDs.
    """
    mode, endpoint = spec.get("Mode") or {}, spec.get("EndpointSpec") or {}
    replicated = "Global" not in mode
    return {
        "mode": "replicated" if replicated else "global",
        "replicas": int((mode.get("Replicated") or {}).get("Replicas") or 0) if replicated else None,
        "labels": dict(spec.get("Labels") or {}),
        "endpoint_mode": endpoint.get("Mode") or "vip",
        "publish": _ports(endpoint),
        "update_config": _policy(spec.get("UpdateConfig") or {}),
        "rollback_config": _policy(spec.get("RollbackConfig") or {}),
        **describe_task(spec.get("TaskTemplate") or {}, networks, older=spec.get("Networks") or ()),
    }


def describe_task(template: Spec, networks: t.Mapping[str, str], *, older: t.Sequence[Spec] = ()) -> dict[str, t.Any]:
    """Return a TaskSpec in terms of the parameters: what all tasks are replaced for when it changes.

    :param older: networks in the place where they once stood.
    """
    container, placement = template.get("ContainerSpec") or {}, template.get("Placement") or {}
    resources, driver = template.get("Resources") or {}, template.get("LogDriver")
    drain, command = without_drain(container.get("Command") or ())
    return {
        "image": container.get("Image") or "",
        "drain": drain,
        "command": command,
        "args": list(container.get("Args") or ()),
        "env": _pairs(container.get("Env") or ()),
        "user": container.get("User") or "",
        "hostname": container.get("Hostname") or "",
        "container_labels": dict(container.get("Labels") or {}),
        "constraints": sorted(placement.get("Constraints") or ()),
        "max_replicas_per_node": int(placement.get("MaxReplicas") or 0),
        "networks": _networks(template.get("Networks") or older, networks),
        "mounts": _mounts(container.get("Mounts") or ()),
        "configs": _files(container.get("Configs") or (), "ConfigName"),
        "secrets": _files(container.get("Secrets") or (), "SecretName"),
        "limits": _resources(resources.get("Limits") or {}),
        "reservations": _resources(resources.get("Reservations") or {}),
        "healthcheck": _healthcheck(container.get("Healthcheck")),
        "stop_signal": container.get("StopSignal") or "",
        "stop_grace_period": _duration(container.get("StopGracePeriod"), 10 * SECOND),
        "restart_policy": _restart_policy(template.get("RestartPolicy") or {}),
        "read_only": bool(container.get("ReadOnly")),
        "init": container.get("Init"),
        "cap_add": _capabilities(container.get("CapabilityAdd") or ()),
        "cap_drop": _capabilities(container.get("CapabilityDrop") or ()),
        "sysctls": dict(container.get("Sysctls") or {}),
        "log_driver": {"name": driver.get("Name") or "", "options": dict(driver.get("Options") or {})} if driver else None,
        "hosts": sorted(" ".join(host.split()) for host in container.get("Hosts") or ()),
        "dns": list((container.get("DNSConfig") or {}).get("Nameservers") or ()),
    }


def differences(before: Spec, after: Spec) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """Return what of two descriptions is not the same, as each of them has it; nothing that looks secret is shown."""
    keys = [key for key in after if key not in before or before[key] != after[key]]
    return _shown({key: before[key] for key in keys if key in before}, after), _shown({key: after[key] for key in keys}, before)


def is_secret(name: str) -> bool:
    """Tell whether the name of an environment variable says that its value is for no eyes."""
    return bool(_SECRET.search(name))


def _shown(values: Spec, other: Spec) -> dict[str, t.Any]:
    out = dict(values)
    if "env" in out:
        others = other.get("env") or {}
        out["env"] = {
            key: value if not is_secret(key) else HIDDEN if others.get(key, value) == value else f"{HIDDEN[:-1]}, changed)"
            for key, value in out["env"].items()
        }
    return out


def _pairs(entries: t.Iterable[str]) -> dict[str, str]:
    return {key: value for key, _equals, value in (entry.partition("=") for entry in entries)}


def _ports(endpoint: Spec) -> list[dict[str, t.Any]]:
    ports = [
        {
            "published_port": port.get("PublishedPort") or None,
            "target_port": port.get("TargetPort") or 0,
            "protocol": port.get("Protocol") or "tcp",
            "mode": port.get("PublishMode") or "ingress",
        }
        for port in endpoint.get("Ports") or ()
    ]
    return sorted(ports, key=lambda port: (port["published_port"] or 0, port["target_port"], port["protocol"]))


def _policy(values: Spec) -> dict[str, t.Any]:
    parallelism = values.get("Parallelism")
    return {
        "parallelism": 1 if parallelism is None else parallelism,
        "delay": format_duration(values.get("Delay") or 0),
        "order": values.get("Order") or "stop-first",
        "failure_action": values.get("FailureAction") or "pause",
        "monitor": format_duration(values.get("Monitor") or 5 * SECOND),
        # The engine has it as a number of single precision.
        "max_failure_ratio": round(values.get("MaxFailureRatio") or 0.0, 6),
    }


def _networks(entries: t.Iterable[Spec], names: t.Mapping[str, str]) -> list[dict[str, t.Any]]:
    found = [
        {"name": names.get(entry.get("Target") or "", entry.get("Target") or ""), "aliases": sorted(entry.get("Aliases") or ())}
        for entry in entries
    ]
    return sorted(found, key=lambda network: network["name"])


def _mounts(entries: t.Iterable[Spec]) -> list[dict[str, t.Any]]:
    found = [
        {
            "type": mount.get("Type") or "",
            "source": mount.get("Source") or "",
            "target": mount.get("Target") or "",
            "read_only": bool(mount.get("ReadOnly")),
        }
        for mount in entries
    ]
    return sorted(found, key=lambda mount: mount["target"])


def _files(entries: t.Iterable[Spec], name: str) -> list[dict[str, t.Any]]:
    found = []
    for entry in entries:
        file = entry.get("File") or {}
        found.append(
            {
                "source": entry.get(name) or "",
                "target": file.get("Name") or "",
                "uid": file.get("UID") or "0",
                "gid": file.get("GID") or "0",
                "mode": format_mode(file.get("Mode") or 0),
            }
        )
    return sorted(found, key=lambda entry: (entry["target"], entry["source"]))


def _resources(values: Spec) -> dict[str, str]:
    found = {}
    if values.get("NanoCPUs"):
        found["cpus"] = format_cpus(values["NanoCPUs"])
    if values.get("MemoryBytes"):
        found["memory"] = format_memory(values["MemoryBytes"])
    return found


def _healthcheck(check: Spec | None) -> dict[str, t.Any] | None:
    if not check or not check.get("Test"):
        return None
    if check["Test"] == ["NONE"]:
        return {"test": ["NONE"]}
    return {
        "test": list(check["Test"]),
        "interval": format_duration(check.get("Interval") or 30 * SECOND),
        "timeout": format_duration(check.get("Timeout") or 30 * SECOND),
        "retries": check.get("Retries") or 3,
        "start_period": format_duration(check.get("StartPeriod") or 0),
        "start_interval": format_duration(check.get("StartInterval") or 5 * SECOND),
    }


def _restart_policy(values: Spec) -> dict[str, t.Any]:
    return {
        "condition": _CONDITIONS.get(values.get("Condition") or "", values.get("Condition")),
        "delay": _duration(values.get("Delay"), 5 * SECOND),
        "max_attempts": values.get("MaxAttempts") or 0,
        "window": _duration(values.get("Window"), 0),
    }


def _duration(value: int | None, default: int) -> str:
    return format_duration(default if value is None else value)


def _capabilities(names: t.Iterable[str]) -> list[str]:
    upper = (name.upper() for name in names)
    return sorted(name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}" for name in upper)
