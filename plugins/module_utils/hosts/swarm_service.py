# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Swarm service and its secrets, as a manager knows them: by what names it is bound, now and before its last update."""

from __future__ import annotations

import dataclasses
import typing as t

from .engine_reader import EngineFailed, EngineReader


@dataclasses.dataclass(frozen=True)
class ObjectFound:
    """A secret or config: its name and labels; what it holds is not asked for."""

    name: str
    object_id: str
    labels: dict[str, str]


@dataclasses.dataclass(frozen=True)
class ServiceFound:
    """A service; all but ``exists`` only holds if it does.

    ``bound`` are the secrets and configs that it has now, ``bound_before`` those of the spec that a rollback goes back to.
    ``ports`` are those it publishes, each with ``published_port`` and ``mode``.
    """

    exists: bool = False
    image: str = ""
    replicas: int = 0
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    ports: tuple[dict[str, t.Any], ...] = ()
    bound: tuple[str, ...] = ()
    bound_before: tuple[str, ...] = ()
    update_state: str = ""


def find_service(reader: EngineReader, name: str) -> ServiceFound:
    """Look at a service.

    :raises EngineFailed: if the engine is no manager's, or gives no answer.
    """
    try:
        found = reader.json(f"/services/{name}")
    except EngineFailed as error:
        if error.status == 404:
            return ServiceFound()
        raise
    spec = found["Spec"]
    ports = (spec.get("EndpointSpec") or {}).get("Ports") or []
    return ServiceFound(
        exists=True,
        image=str(_container(spec).get("Image") or ""),
        replicas=int(((spec.get("Mode") or {}).get("Replicated") or {}).get("Replicas") or 0),
        labels={str(key): str(value) for key, value in (spec.get("Labels") or {}).items()},
        ports=tuple(
            {"published_port": int(port.get("PublishedPort") or 0), "mode": str(port.get("PublishMode") or "ingress")}
            for port in ports
        ),
        bound=_bound(spec),
        bound_before=_bound(found.get("PreviousSpec") or {}),
        update_state=str((found.get("UpdateStatus") or {}).get("State") or ""),
    )


def find_objects(reader: EngineReader, kind: str, label: str) -> list[ObjectFound]:
    """Return the ``secrets`` or ``configs`` (kind) that bear a label, ``key`` or ``key=value``."""
    found = reader.json(f"/{kind}", filters={"label": [label]})
    return sorted(
        (
            ObjectFound(str(one["Spec"]["Name"]), str(one["ID"]), dict(one["Spec"].get("Labels") or {}))
            for one in found
        ),
        key=lambda one: one.name,
    )


def _container(spec: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    return (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}


def _bound(spec: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    container = _container(spec)
    names = [str(one["SecretName"]) for one in container.get("Secrets") or []]
    return tuple(sorted(names + [str(one["ConfigName"]) for one in container.get("Configs") or []]))
