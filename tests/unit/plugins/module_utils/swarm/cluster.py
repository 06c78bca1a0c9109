# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module's parameters, and what a manager tells, for the tests of services."""

from __future__ import annotations

import copy
import typing as t

from ansible_collections.dockyard.registry.plugins.module_utils.swarm.options import argument_spec
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.spec import Known, build_spec

IMAGE = "registry.example.com/nginx:1@sha256:" + "a" * 64
OTHER = "registry.example.com/nginx:2@sha256:" + "b" * 64


def make_params(**given: t.Any) -> dict[str, t.Any]:
    """Return all parameters as Ansible, which is not on every host that runs this, hands them to the module."""
    return _fill(argument_spec(), {"name": "web", "image": "nginx", **given})


def _fill(spec: t.Mapping[str, t.Any], given: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    assert not set(given) - set(spec), set(given) - set(spec)
    out: dict[str, t.Any] = {}
    for name, option in spec.items():
        value = given.get(name, option.get("default"))
        if "options" in option and value is not None:
            value = [_fill(option["options"], one) for one in value] if option["type"] == "list" else _fill(option["options"], value)
        elif option["type"] == "str" and value is not None:
            value = str(value)
        assert value is None or value in option.get("choices", [value]), (name, value)
        out[name] = value
    return out


def make_spec(image: str = IMAGE, **given: t.Any) -> dict[str, t.Any]:
    """Return a specification."""
    return build_spec(make_params(**given), image, Known(networks={"net": "n1"}))


def make_node(number: int, **given: t.Any) -> dict[str, t.Any]:
    """Return a node that is up and takes tasks, a manager if its number is 1."""
    node = {
        "ID": f"node{number}",
        "Spec": {"Role": "manager" if number == 1 else "worker", "Availability": "active", "Labels": {}},
        "Description": {"Hostname": f"host{number}", "Platform": {"OS": "linux", "Architecture": "x86_64"}, "Engine": {}},
        "Status": {"State": "ready", "Addr": f"192.0.2.{number}"},
    }
    for key, value in given.items():
        node["Status" if key == "State" else "Spec"][key] = value  # type: ignore[index]
    return node


def make_task(spec: t.Mapping[str, t.Any], slot: int, state: str = "running", **given: t.Any) -> dict[str, t.Any]:
    """Return a task of a service with this specification.

    :param given: ``id``, ``node``, ``desired``, ``error``.
    """
    template = copy.deepcopy(dict(spec["TaskTemplate"]))
    # As the engine gives them back: what the service says of restarts and the runtime is left out.
    template.pop("Runtime", None)
    return {
        "ID": given.get("id", f"t{slot}"),
        "ServiceID": "s1",
        "Slot": slot,
        "NodeID": given.get("node", "node1"),
        "Spec": template,
        "DesiredState": given.get("desired", "running"),
        "Status": {"State": state, "Err": given.get("error", "")},
    }


def make_service(spec: t.Mapping[str, t.Any], index: int = 10, state: str = "", message: str = "") -> dict[str, t.Any]:
    """Return a service with this specification."""
    service: dict[str, t.Any] = {"ID": "s1", "Version": {"Index": index}, "Spec": copy.deepcopy(dict(spec))}
    if state:
        service["UpdateStatus"] = {"State": state, "Message": message}
    return service
