# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a wait says: one line while it lasts, and sentences when it ends badly."""

from __future__ import annotations

import typing as t

from .tasks import Failure, Tally

_MOST = 5


def progress_line(name: str, tally: Tally, state: str, failures: t.Sequence[Failure]) -> str:
    """Return how far it is: ``web: 3/10 running, 2 starting, ...``."""
    parts = [f"{name}: {len(tally.fit)}/{tally.wanted} running"]
    if tally.starting:
        parts.append(f"{len(tally.starting)} starting")
    if tally.others:
        parts.append(f"{len(tally.others)} to go")
    if state.startswith("rollback"):
        parts.append("rolling back" if state == "rollback_started" else state.replace("_", " "))
    if tally.waiting:
        parts.append(f"waiting: {tally.waiting[0]}")
    if failures:
        parts.append(f"{len(failures)} failed: {failures[-1].error}")
    return ", ".join(parts)


def failure_lines(failures: t.Sequence[Failure]) -> list[str]:
    """Return the distinct errors, the most frequent first, each with the tasks that had it."""
    by_error: dict[str, list[Failure]] = {}
    for failure in failures:
        by_error.setdefault(failure.error, []).append(failure)
    ordered = sorted(by_error.items(), key=lambda pair: -len(pair[1]))
    lines = [f"{error} ({_tasks(same)})" for error, same in ordered[:_MOST]]
    if len(ordered) > _MOST:
        lines.append(f"and {len(ordered) - _MOST} other errors")
    return lines


def serving(tally: Tally) -> str:
    """Return what runs now."""
    if not tally.images:
        return "No task of it runs now."
    parts = [f"{count} of {image}" for image, count in sorted(tally.images.items(), key=lambda pair: -pair[1])]
    return f"What runs now: {', '.join(parts)}."


def _tasks(failures: t.Sequence[Failure]) -> str:
    places = sorted({f"{failure.task} on {failure.node}" if failure.node else failure.task for failure in failures})
    shown = ", ".join(places[:3])
    if len(places) > 3:
        shown += f" and {len(places) - 3} more"
    return f"{shown}, {len(failures)} times" if len(failures) > len(places) else shown
