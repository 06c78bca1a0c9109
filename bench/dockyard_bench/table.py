# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is printed at the end."""

from __future__ import annotations

import typing as t

from .statistics import OURS, Ratio, Run, Spread, grouped

HEAD = (
    "contender", "median s", "min", "max", "inside s", "cpu s", "MB", "MB above", "requests", "MB moved", "load", "ours/it"
)


def tables(runs: t.Sequence[Run]) -> str:
    """Return a table for each job at each registry."""
    parts = []
    for (job, registry), contenders in grouped(runs).items():
        own = contenders.get(OURS, {}).get("wall")
        rows = [HEAD, *(_row(name, figures, own) for name, figures in contenders.items())]
        parts.append(f"{job}, registry {registry}\n{columns(rows)}")
    return "\n\n".join(parts)


def targets(found: t.Sequence[Ratio]) -> str:
    """Return the table of targets."""
    rows = [("job", "registry", "against", "figure", "ratio", "at most", "", "inside")]
    for ratio in found:
        target = ratio.target
        rows.append(
            (target.job, ratio.registry, ratio.peer, target.figure, f"{ratio.value:.2f}", f"{target.at_most:g}",
             "met" if ratio.is_met else "MISSED", f"{ratio.inside:.2f}")
        )
    return columns(rows)


def lines(found: t.Sequence[Ratio]) -> str:
    """Return lines ``name ratio`` alone: the whole process against the peer, and the time inside the module."""
    shown = []
    for one in found:
        name = f"{one.target.job}-{one.registry}/{one.peer.replace(' ', '-')}"
        if one.target.figure != "inside":
            shown.append(f"{name} {one.value:.3f}")
        shown.append(f"{name}/inside {one.inside:.3f}")
    return "\n".join(shown)


def columns(rows: t.Sequence[t.Sequence[str]]) -> str:
    """Return rows with their columns under each other, numbers at the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    )


def _row(name: str, figures: t.Mapping[str, Spread], own: Spread | None) -> tuple[str, ...]:
    wall = figures["wall"]

    def shown(figure: str, form: str) -> str:
        return format(figures[figure].median, form) if figure in figures else "-"

    ratio = f"{own.median / wall.median:.2f}" if own and wall.median and not name.startswith(OURS) else "-"
    return (
        name, f"{wall.median:.2f}", f"{wall.least:.2f}", f"{wall.most:.2f}", shown("inside", ".2f"), shown("cpu", ".2f"),
        shown("memory", ".0f"), shown("above_interpreter", ".0f"), shown("requests", ".1f"), shown("moved", ".0f"),
        shown("load", ".1f"), ratio,
    )
