# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done about a service, and doing it: read, compare, write once, and say what to wait for."""

from __future__ import annotations

import dataclasses
import typing as t

from ..oci.auth import Login
from .api import Document, Swarm, resolve
from .describe import describe_service, describe_task
from .errors import InvalidService
from .rollout import Goal, monitor_seconds
from .spec import Known, build_spec, network_names

_TASKS_STAY = ("labels", "update_config", "rollback_config")
"""Parameters that no task notices."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """``service`` is what there is, ``spec`` what is to be written; ``before`` and ``after`` are both in the parameters' terms.

    ``rollback`` says that the engine is to take the previous specification, ``relogin`` that nothing changes but the login.
    """

    service: Document | None
    spec: Document
    before: dict[str, t.Any]
    after: dict[str, t.Any]
    changed: bool
    rollback: bool = False
    relogin: bool = False

    @property
    def previous_image(self) -> str:
        """The image that the service has before anything is done."""
        return str(self.before.get("image") or "")


def plan_service(swarm: Swarm, params: t.Mapping[str, t.Any], image: str) -> Plan:
    """Find out what has to be done to have a service as the parameters say.

    :param image: the image to deploy.
    :raises InvalidService: if they name what the Swarm does not have, or want what cannot be changed.
    """
    if params["healthcheck"] and params["healthcheck"]["start_interval"] is not None:
        swarm.check_speaks((1, 44), "healthcheck.start_interval", "Leave it out, or upgrade to Docker 25 or later.")
    networks = swarm.networks()
    known = Known(
        resolve([name for name, _aliases in network_names(params)], networks, "network for services (overlay)"),
        resolve(_sources(params, "configs"), swarm.configs() if params["configs"] else {}, "config"),
        resolve(_sources(params, "secrets"), swarm.secrets() if params["secrets"] else {}, "secret"),
    )
    service = swarm.find_service(params["name"])
    count = int(service["Spec"]["TaskTemplate"].get("ForceUpdate") or 0) if service else 0
    spec = build_spec(params, image, known, force_update=count)
    names = {network_id: name for name, network_id in networks.items()}
    after = describe_service(spec, names)
    if service is None:
        return Plan(None, spec, {}, after, True)
    before = describe_service(service["Spec"], names)
    if before["mode"] != after["mode"]:
        raise InvalidService(
            f"mode is {after['mode']!r}, and the service {params['name']} is {before['mode']}: the engine cannot change that.",
            hint="Remove it first, with state: absent.",
        )
    if params["force"]:
        spec["TaskTemplate"]["ForceUpdate"] = count + 1
    changed = before != after or params["force"]
    relogin = params["update_credentials"] and not changed
    return Plan(service, spec, before, after, changed or relogin, relogin=relogin)


def plan_rollback(swarm: Swarm, name: str) -> Plan:
    """Find out whether the last change of a service is still to be taken back.

    Once it has been, by the engine or by a person, it is not again: the engine would swap both specifications for ever.

    :raises InvalidService: if there is no such service, or nothing to go back to.
    """
    service = swarm.find_service(name)
    if service is None:
        raise InvalidService(f"there is no service {name}.", hint="So there is nothing to roll back.")
    names = {network_id: network for network, network_id in swarm.networks().items()}
    before = describe_service(service["Spec"], names)
    if str((service.get("UpdateStatus") or {}).get("State") or "").startswith("rollback"):
        return Plan(service, service["Spec"], before, before, False)
    previous = service.get("PreviousSpec")
    if not previous:
        raise InvalidService(
            f"the service {name} has no previous specification: it has not been changed since it was made, or the engine "
            "has rolled it back by itself.",
            hint="Deploy the version that you want.",
        )
    return Plan(service, previous, before, describe_service(previous, names), True, rollback=True)


def execute(plan: Plan, swarm: Swarm, login: Login | None, registry: str) -> Goal:
    """Write what has to be written, and return what to wait for.

    :param login: for the nodes to pull with, at ``registry``.
    """
    if not plan.changed and plan.service is not None:
        return Goal("look", plan.service["Spec"])
    if plan.service is None:
        service_id = swarm.create(plan.spec, login, registry)
        return Goal("create", _read_back(swarm, service_id)["Spec"], hold=_hold(plan))
    known = frozenset(str(task["ID"]) for task in swarm.tasks(plan.service["ID"]))
    if plan.rollback:
        swarm.roll_back(plan.service)
    else:
        swarm.update(plan.service, plan.spec, login, registry)
    return Goal(
        "rollback" if plan.rollback else "update",
        _read_back(swarm, plan.service["ID"])["Spec"],
        after=int(plan.service["Version"]["Index"]),
        known=known,
        stale=known if _only_endpoint(plan) else frozenset(),
        hold=_hold(plan),
    )


def _read_back(swarm: Swarm, service_id: str) -> Document:
    service = swarm.service(service_id)
    if service is None:
        raise InvalidService("the service was removed by somebody else just now.", hint="Run it again.")
    return service


def _hold(plan: Plan) -> float:
    if plan.relogin:
        return 0.0  # a task that runs has no need of a login, and is left alone (swarmkit, "task.go")
    changed = [key for key in plan.after if key not in plan.before or plan.before[key] != plan.after[key]]
    forced = not changed
    fewer = "replicas" in changed and (plan.before.get("replicas") or 0) > (plan.after["replicas"] or 0)
    if not forced and all(key in _TASKS_STAY or key == "replicas" and fewer for key in changed):
        return 0.0  # nothing new runs that could fall
    return monitor_seconds(plan.spec)


def _only_endpoint(plan: Plan) -> bool:
    """Tell whether tasks have to be replaced for what does not show in them: what the service publishes."""
    old, new = (spec["TaskTemplate"] for spec in (t.cast(Document, plan.service)["Spec"], plan.spec))
    if (old.get("ForceUpdate") or 0) != (new.get("ForceUpdate") or 0) or describe_task(old, {}) != describe_task(new, {}):
        return False
    return any(plan.before[key] != plan.after[key] for key in ("endpoint_mode", "publish"))


def _sources(params: t.Mapping[str, t.Any], what: str) -> list[str]:
    return [entry["source"] for entry in params[what] or ()]
