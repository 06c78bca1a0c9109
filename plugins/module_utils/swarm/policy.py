# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an update, or the way back from one, goes on: a batch at a time, and what counts as a failure.

A task counts as failed only before it runs, or within ``monitor`` after that (swarmkit, "updater.go"). What a health check
finds later is not seen by the update, so by default the monitor lasts as long as the check takes to find a fault.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .errors import InvalidService
from .values import SECOND, format_duration, parse_duration

DEFAULT_MONITOR = 5 * SECOND
DEFAULT_INTERVAL = 30 * SECOND
DEFAULT_TIMEOUT = 30 * SECOND
DEFAULT_RETRIES = 3


@dataclasses.dataclass(frozen=True)
class Policy:
    """``delay`` and ``monitor`` are in nanoseconds, ``parallelism`` 0 is all at once."""

    parallelism: int
    delay: int
    order: str
    failure_action: str
    monitor: int
    max_failure_ratio: float

    def as_api(self) -> dict[str, t.Any]:
        """Return it as UpdateConfig and RollbackConfig have it."""
        return {
            "Parallelism": self.parallelism,
            "Delay": self.delay,
            "FailureAction": self.failure_action,
            "Monitor": self.monitor,
            "MaxFailureRatio": self.max_failure_ratio,
            "Order": self.order,
        }


def policy_of(params: t.Mapping[str, t.Any], what: str) -> Policy:
    """Return ``update_config`` or ``rollback_config`` with all that it leaves open.

    An update that fails is rolled back unless it says otherwise; the way back has none of its own, and pauses.

    :raises InvalidService: if a part of it is none, or the monitor is shorter than the health check.
    """
    given = {key: value for key, value in (params[what] or {}).items() if value is not None}
    needed = health_seconds(params) * SECOND
    monitor = max(DEFAULT_MONITOR, needed)
    if "monitor" in given:
        monitor = parse_duration(given["monitor"], f"{what}.monitor")
        if monitor < needed:
            raise InvalidService(
                f"{what}.monitor is {given['monitor']!r}, but the health check needs {format_duration(needed)} to find a "
                "fault (start_period + start_interval + interval * retries + timeout): what it finds later would not stop the rollout.",
                hint=f"Leave {what}.monitor out, give {format_duration(needed)} or more, or have healthcheck find it sooner.",
            )
        if not monitor:
            raise InvalidService(f"{what}.monitor is {given['monitor']!r}.", hint="The engine would take 5s for it.")
    ratio = given.get("max_failure_ratio", 0.0)
    if not 0 <= ratio <= 1:
        raise InvalidService(f"{what}.max_failure_ratio is {ratio}.", hint="It is a number from 0 to 1.")
    parallelism = given.get("parallelism", 1)
    if parallelism < 0:
        raise InvalidService(f"{what}.parallelism is {parallelism}.", hint="It is 1 or more, or 0 for all at once.")
    return Policy(
        parallelism,
        parse_duration(given.get("delay", "0s"), f"{what}.delay"),
        given.get("order", "stop-first"),
        given.get("failure_action", "rollback" if what == "update_config" else "pause"),
        monitor,
        ratio,
    )


def health_seconds(params: t.Mapping[str, t.Any]) -> int:
    """Return how many seconds, rounded up, the health check of the parameters takes to find a fault; 0 without one."""
    check = params["healthcheck"]
    if check is None or check["test"] in ("NONE", ["NONE"]):
        return 0

    def part(name: str, default: int) -> int:
        return (parse_duration(check[name], f"healthcheck.{name}") if check[name] is not None else 0) or default

    # A check that is due after start_interval waits for it, also where start_period ends before.
    total = part("start_period", 0) + part("start_interval", 0) + part("interval", DEFAULT_INTERVAL) * (check["retries"] or DEFAULT_RETRIES)
    return -(-(total + part("timeout", DEFAULT_TIMEOUT)) // SECOND)
