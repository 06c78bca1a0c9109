# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has a service become what it was told to be? A state machine over what the manager tells, and the loop around it.

What the engine's own status means (swarmkit, "updater.go"): it is taken away by each new specification, and stays away if no
task has to change; otherwise it is ``updating`` and then ``completed``, ``paused``, or ``rollback_started`` and one of
``rollback_completed`` and ``rollback_paused``. After a first deployment there is nothing to go back to, and no status at all.
The engine never gives up waiting, so the loop has a time-out of its own.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from .errors import RolloutFailed, SwarmError
from .tasks import Counter, Failure, Snapshot, Tally
from .values import SECOND
from .words import failure_lines, progress_line, serving

Document = t.Mapping[str, t.Any]
Kind = t.Literal["create", "update", "rollback", "look"]

POLL = 0.5
"""Seconds between two looks."""

SETTLE = 30.0
"""Seconds for which the last tasks of a rollback that the engine calls completed are waited for."""

ATTEMPTS = 3
"""Tasks that may fail in one slot while no update is under way; the engine itself would try for ever."""

_GOOD: dict[str, tuple[str, ...]] = {
    "create": ("", "completed"),
    "update": ("", "completed"),
    "rollback": ("", "rollback_completed"),
    # Of a service that is as it should be, a rollback in the past is no fault.
    "look": ("", "completed", "rollback_completed"),
}


@dataclasses.dataclass(frozen=True)
class Goal:
    """What is waited for.

    ``kind`` is what was done, ``look`` if nothing was. ``spec`` is the ServiceSpec as it was read back, ``after`` the version
    index that has passed by then, ``known`` the IDs of the tasks that there were before, ``stale`` those of them that have to
    go though their specification is the same. ``hold`` are the seconds for which all must run, unless the engine has seen to
    that itself.
    """

    kind: Kind
    spec: Document
    after: int = 0
    known: frozenset[str] = frozenset()
    stale: frozenset[str] = frozenset()
    hold: float = 0.0


class Rollout:
    """One wait. Show it what the manager tells until it is done; it remembers the failures that it has been shown."""

    def __init__(self, goal: Goal) -> None:
        self.goal = goal
        self.state = ""
        self.line = ""
        self.tally: Tally | None = None
        self.failures: dict[str, Failure] = {}
        self._counter = Counter(goal.spec, stale=goal.stale)
        self._hold = goal.hold
        self._history: frozenset[str] | None = None if goal.kind == "look" else frozenset()
        self._since: float | None = None
        self._rolled_back: float | None = None

    def look(self, snapshot: Snapshot, now: float) -> bool:
        """Take in one moment, and tell whether the service has converged.

        :param now: seconds of a clock that never goes back.
        :raises RolloutFailed: if it has not and will not.
        """
        name = self.goal.spec["Name"]
        if snapshot.service is None:
            raise RolloutFailed(f"the service {name} was removed while it was waited for.")
        status = snapshot.service.get("UpdateStatus") or {}
        self.state = str(status.get("State") or "")
        tally = self.tally = self._counter.count(snapshot)
        for failure in tally.failures:
            if failure.id not in self.goal.known:
                self.failures[failure.id] = failure
        if self._history is None:
            self._history = frozenset(self.failures)
            # Tasks that have fallen before may be about to fall again, though all run at this moment.
            self._hold = monitor_seconds(self.goal.spec) if self.failures else self._hold
        self.line = progress_line(name, tally, self.state, list(self.failures.values()))
        if int(snapshot.service["Version"]["Index"]) <= self.goal.after:
            return False  # a manager that has not heard of it yet
        if self._settles(snapshot, now):
            return False
        self._refuse(snapshot.service, status)
        if not tally.complete or self.state not in _GOOD[self.goal.kind]:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        # What the engine calls completed has been watched for the monitor's time by the engine.
        return bool(self.state and self.goal.kind != "look") or now - self._since >= self._hold

    def give_up(self, seconds: float, trouble: SwarmError | None = None) -> RolloutFailed:
        """Return the failure of a wait that took too long."""
        name = self.goal.spec["Name"]
        if self.tally is None:
            return RolloutFailed(f"the service {name} could not be looked at for {seconds:.0f} seconds: {trouble}")
        tally = self.tally
        hint = "Look at its tasks (docker service ps --no-trunc), or raise the time-out."
        waiting = f" Tasks wait: {'; '.join(tally.waiting)}." if tally.waiting else ""
        still = f" The engine then stopped answering: {trouble}" if trouble else ""
        return self._failed(f"has not converged within {seconds:.0f} seconds: {self.line}.{waiting}{still}", hint)

    def _settles(self, snapshot: Snapshot, now: float) -> bool:
        """Tell whether a service that was rolled back may yet get a task: then it is too early to say what serves."""
        if self.state != "rollback_completed" or self.goal.kind not in ("create", "update"):
            return False
        if self._rolled_back is None:
            self._rolled_back = now
        complete = Counter(t.cast(Document, snapshot.service)["Spec"]).count(snapshot).complete
        return not complete and now - self._rolled_back < SETTLE

    def _refuse(self, service: Document, status: Document) -> None:
        """Raise if the engine has given up, or somebody has changed the goal."""
        why = f" ({status['Message']})" if status.get("Message") else ""
        if self.state == "paused":
            raise self._failed(
                f"is paused in the middle of {'its' if self.goal.kind != 'look' else 'an earlier'} update{why}.",
                "Correct it and run it again, with force: true if nothing else changes; state: rolled_back takes it back.",
            )
        if self.state == "rollback_paused":
            raise self._failed(
                f"is paused on the way back to its previous version{why}.", "Give it a specification that works."
            )
        if self.state == "rollback_completed" and self.state not in _GOOD[self.goal.kind]:
            raise self._failed(f"was rolled back{why}: it is as it was before.", "Correct what failed, and run it again.")
        if self.state.startswith("rollback") or self.state == "updating":
            return  # the engine counts the failures itself, and what was asked for is not what is there for now
        self._refuse_changed(service)
        self._refuse_hopeless()

    def _refuse_changed(self, service: Document) -> None:
        if service["Spec"] != self.goal.spec:
            raise RolloutFailed(
                f"somebody else changed the service {self.goal.spec['Name']} while it was waited for.",
                hint="Run it again when nobody else works on it.",
            )

    def _refuse_hopeless(self) -> None:
        policy = self.goal.spec["TaskTemplate"].get("RestartPolicy") or {}
        attempts = ATTEMPTS
        if policy.get("Condition") == "none":
            attempts = 1
        elif policy.get("MaxAttempts"):
            attempts = min(ATTEMPTS, policy["MaxAttempts"] + 1)
        counts: dict[str, int] = {}
        for failure in self.failures.values():
            counts[failure.slot] = counts.get(failure.slot, 0) + 1
        fresh = {failure.slot for failure in self.failures.values() if failure.id not in (self._history or ())}
        hopeless = [slot for slot, count in counts.items() if count >= attempts and slot in fresh]
        wanted = self.tally.wanted if self.tally else 0
        ratio = (self.goal.spec.get("UpdateConfig") or {}).get("MaxFailureRatio") or 0.0
        if not hopeless or (wanted and len(hopeless) / wanted <= ratio):
            return
        if self.goal.kind == "create":
            raise self._failed(
                "was made, but does not run. As this was its first deployment, there is nothing to roll back to: the Swarm "
                "keeps trying.",
                "Correct it and run it again, or remove it with state: absent.",
            )
        raise self._failed("does not run.", "Correct it and run it again; the Swarm keeps trying.")

    def _failed(self, message: str, hint: str) -> RolloutFailed:
        failures = list(self.failures.values())
        parts = [f"the service {self.goal.spec['Name']} {message}"]
        if failures:
            parts.append(f"Tasks failed: {'; '.join(failure_lines(failures))}.")
        if self.tally is not None:
            parts.append(serving(self.tally))
        return RolloutFailed(
            " ".join(parts), hint=hint, state=self.state, tasks=[failure.as_dict() for failure in failures]
        )


def monitor_seconds(spec: Document) -> float:
    """Return for how many seconds a specification has tasks watched."""
    return float((spec.get("UpdateConfig") or {}).get("Monitor") or 5 * SECOND) / SECOND


def wait(
    rollout: Rollout,
    read: t.Callable[[], Snapshot],
    *,
    timeout: float,
    report: t.Callable[[str], None],
    clock: t.Callable[[], float] = time.monotonic,
    sleep: t.Callable[[float], None] = time.sleep,
) -> Tally:
    """Look until the service has converged.

    A manager that does not answer is asked again: while a Swarm chooses another leader, none does.

    :param timeout: seconds.
    :raises RolloutFailed: if it does not.
    """
    end = clock() + timeout
    trouble: SwarmError | None = None
    while True:
        try:
            snapshot = read()
            trouble = None
        except SwarmError as error:
            trouble = error
            report(str(error))
        else:
            if rollout.look(snapshot, clock()):
                return t.cast(Tally, rollout.tally)
            report(rollout.line)
        if clock() >= end:
            raise rollout.give_up(timeout, trouble)
        sleep(POLL)


def wait_gone(
    name: str,
    tasks: t.Callable[[], t.Sequence[Document]],
    nodes: t.Callable[[], t.Sequence[Document]],
    *,
    timeout: float,
    report: t.Callable[[str], None],
    clock: t.Callable[[], float] = time.monotonic,
    sleep: t.Callable[[float], None] = time.sleep,
) -> None:
    """Look until no task of a service that was removed is left, but for those on nodes that are down.

    :raises RolloutFailed: if it takes longer than ``timeout`` seconds.
    """
    end = clock() + timeout
    while True:
        down = {node["ID"] for node in nodes() if (node.get("Status") or {}).get("State") == "down"}
        left = [task for task in tasks() if task.get("NodeID") and task["NodeID"] not in down]
        left = [task for task in left if (task.get("Status") or {}).get("State") in ("starting", "running", "ready", "preparing")]
        if not left:
            return
        report(f"{name}: {len(left)} tasks still stop")
        if clock() >= end:
            raise RolloutFailed(
                f"the service {name} was removed, but {len(left)} of its tasks still run after {timeout:.0f} seconds.",
                hint="Their stop_grace_period may be longer: raise the time-out.",
            )
        sleep(POLL)
