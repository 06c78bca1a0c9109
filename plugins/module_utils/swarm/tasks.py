# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks of a service at one moment: which run what was asked for, which did not live, and why the others wait."""

from __future__ import annotations

import dataclasses
import typing as t

from .constraints import may_run, parse_constraint
from .describe import describe_task

Document = t.Mapping[str, t.Any]

RUNNING = "running"
_WANTED = ("running", "ready")
"""Desired states of tasks that are to live; ``ready`` are those that wait for their restart."""

_ENDED = ("complete", "shutdown", "failed", "rejected", "remove", "orphaned")
_DIED = ("failed", "rejected", "complete")
_BUSY = ("preparing", "ready", "starting", "running")
_PLACEMENT = ("constraints", "max_replicas_per_node")


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """What the manager tells at one moment; ``service`` is None if it is gone."""

    service: Document | None
    tasks: t.Sequence[Document]
    nodes: t.Sequence[Document]


@dataclasses.dataclass(frozen=True)
class Failure:
    """A task that did not live; ``task`` is the service's name with the slot, or with the node's name if it is global."""

    id: str
    slot: str
    task: str
    node: str
    state: str
    error: str
    image: str

    def as_dict(self) -> dict[str, str]:
        """Return it as plain values, for a module's result."""
        return {key: getattr(self, key) for key in ("id", "task", "node", "state", "error", "image")}


@dataclasses.dataclass(frozen=True)
class Tally:
    """What is counted. ``wanted`` are how many tasks there should be.

    ``fit`` are the slots in which a task runs that is as it should be, ``starting`` those in which one is on its way,
    ``others`` are tasks that should go and still run, ``waiting`` is why tasks do not start, ``images`` what runs, by image.
    """

    wanted: int
    fit: tuple[str, ...]
    starting: tuple[str, ...]
    others: tuple[str, ...]
    failures: tuple[Failure, ...]
    waiting: tuple[str, ...]
    images: t.Mapping[str, int]

    @property
    def complete(self) -> bool:
        """Whether all that should run does, and nothing else."""
        return len(self.fit) == self.wanted and not self.starting and not self.others


class Counter:
    """Counts the tasks of a service against a specification.

    :param spec: the ServiceSpec that tasks should have.
    :param stale: the IDs of tasks that should go although their specification is the same.
    """

    def __init__(self, spec: Document, *, stale: t.Collection[str] = ()) -> None:
        template = spec["TaskTemplate"]
        self._name = str(spec["Name"])
        self._template = template
        self._described = describe_task(template, {})
        self._stale = stale
        mode = spec.get("Mode") or {}
        self._replicas = None if "Global" in mode else int((mode.get("Replicated") or {}).get("Replicas") or 0)
        self._constraints = [parse_constraint(text) for text in (template.get("Placement") or {}).get("Constraints") or ()]

    def count(self, snapshot: Snapshot) -> Tally:
        """Return the figures of one moment."""
        nodes = {node["ID"]: node for node in snapshot.nodes}
        gone = {key for key, node in nodes.items() if (node.get("Status") or {}).get("State") == "down"}
        fit: set[str] = set()
        starting: set[str] = set()
        others: list[str] = []
        failures: list[Failure] = []
        waiting: dict[str, None] = {}
        images: dict[str, int] = {}
        for task in snapshot.tasks:
            state, node_id = _state(task), task.get("NodeID") or ""
            lives = task.get("DesiredState") in _WANTED
            good = self._fits(task, nodes)
            if state == RUNNING and node_id not in gone:
                image = _image(task)
                images[image] = images.get(image, 0) + 1
            if good and state in _DIED:
                failures.append(self._failure(task, nodes))
            if lives and state not in _ENDED:
                if not good:
                    others.append(task["ID"])
                elif state == RUNNING:
                    fit.add(_slot(task))
                else:
                    starting.add(_slot(task))
                    reason = _reason(task)
                    if reason:
                        waiting[reason] = None
            elif not lives and state in _BUSY and node_id not in gone:
                others.append(task["ID"])
        return Tally(
            self._wanted(snapshot),
            tuple(sorted(fit)),
            # In the middle of start-first a slot has two of them.
            tuple(sorted(starting - fit)),
            tuple(others),
            tuple(failures),
            tuple(waiting),
            images,
        )

    def _wanted(self, snapshot: Snapshot) -> int:
        if self._replicas is not None:
            return self._replicas
        return sum(may_run(node, self._constraints) for node in snapshot.nodes)

    def _fits(self, task: Document, nodes: t.Mapping[str, Document]) -> bool:
        spec = task.get("Spec") or {}
        if task["ID"] in self._stale or (spec.get("ForceUpdate") or 0) != (self._template.get("ForceUpdate") or 0):
            return False
        described = describe_task(spec, {})
        if described == self._described:
            return True
        # Where tasks may be is no reason to replace those that are there already (swarmkit, "orchestrator.IsTaskDirty").
        if any(described[key] != self._described[key] for key in described if key not in _PLACEMENT):
            return False
        node = nodes.get(task.get("NodeID") or "")
        return node is not None and all(constraint.fits(node) for constraint in self._constraints)

    def _failure(self, task: Document, nodes: t.Mapping[str, Document]) -> Failure:
        node = _node_name(nodes.get(task.get("NodeID") or ""))
        slot = _slot(task)
        return Failure(
            str(task["ID"]),
            slot,
            f"{self._name}.{task.get('Slot') or node}",
            node,
            _state(task),
            _reason(task) or "the container ended with exit code 0",
            _image(task),
        )


def _state(task: Document) -> str:
    return str((task.get("Status") or {}).get("State") or "new")


def _slot(task: Document) -> str:
    return str(task.get("Slot") or task.get("NodeID") or "")


def _image(task: Document) -> str:
    return str(((task.get("Spec") or {}).get("ContainerSpec") or {}).get("Image") or "")


def _reason(task: Document) -> str:
    return " ".join(str((task.get("Status") or {}).get("Err") or "").split())[:300]


def _node_name(node: Document | None) -> str:
    if node is None:
        return ""
    return str((node.get("Description") or {}).get("Hostname") or node["ID"])
