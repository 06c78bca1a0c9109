# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers of several rounds, the targets, and the ratios that decide."""

from __future__ import annotations

import statistics
import typing as t


class Spread(t.NamedTuple):
    """A median and how far the rounds lie apart."""

    median: float
    least: float
    most: float


class Target(t.NamedTuple):
    """At most how many times as long as a peer a job may take; ``figure`` is ``wall`` or ``inside``."""

    job: str
    peer: str
    at_most: float
    figure: str = "wall"


OURS = "dockyard"
BEST = "the best of them"

TARGETS = (
    Target("cold", "oras x4", 0.8),
    Target("cold", "regsync x4", 0.7),
    Target("cold", "crane x4", 0.6),
    Target("cold", "skopeo sync", 0.4),
    Target("cold-20ms", "oras x4", 0.8),
    Target("cold-20ms", "regsync x4", 0.7),
    Target("cold-users", BEST, 0.6),
    Target("nothing", "regsync x4", 1.0, "inside"),
    Target("nothing", "oras x4", 0.3, "inside"),
    Target("nothing", "crane x4", 0.3, "inside"),
    Target("promotion", "oras x4", 0.8),
    Target("engine", "docker push", 0.65),
    Target("inventory", "wrk", 1.5),
    Target("inventory", "crane x8", 0.06),
    Target("catalog", "curl", 1.1),
)


class Run(t.NamedTuple):
    """What one run of one contender measured. ``figures`` has seconds, MB and counts by name."""

    job: str
    registry: str
    contender: str
    round: int
    figures: t.Mapping[str, float]


class Ratio(t.NamedTuple):
    """How a target was met at one registry; ``inside`` counts our module's own time alone, for comparison."""

    target: Target
    registry: str
    peer: str
    value: float
    inside: float

    @property
    def is_met(self) -> bool:
        """Whether it is."""
        return self.value <= self.target.at_most


def spread(values: t.Sequence[float]) -> Spread:
    """Return the median, the least and the most."""
    return Spread(statistics.median(values), min(values), max(values))


def grouped(runs: t.Iterable[Run]) -> dict[tuple[str, str], dict[str, dict[str, Spread]]]:
    """Return the spread of each figure, by contender, by job and registry, in the order in which they ran first."""
    values: dict[tuple[str, str], dict[str, dict[str, list[float]]]] = {}
    for run in runs:
        figures = values.setdefault((run.job, run.registry), {}).setdefault(run.contender, {})
        for name, value in run.figures.items():
            figures.setdefault(name, []).append(value)
    return {
        place: {
            contender: {name: spread(numbers) for name, numbers in figures.items()}
            for contender, figures in contenders.items()
        }
        for place, contenders in values.items()
    }


def ratios(runs: t.Sequence[Run]) -> list[Ratio]:
    """Return the ratios of medians for those targets whose two sides ran."""
    found = []
    for (job, registry), contenders in grouped(runs).items():
        for target in TARGETS:
            peer = best_peer(contenders) if target.peer == BEST else target.peer
            if target.job != job or OURS not in contenders or peer not in contenders:
                continue
            own, other = contenders[OURS], contenders[peer]["wall"].median
            values = [own[figure].median / other for figure in (target.figure, "inside")]
            found.append(Ratio(target, registry, peer, *values))
    return found


def best_peer(contenders: t.Mapping[str, t.Mapping[str, Spread]]) -> str:
    """Return the quickest that is not ours; empty if there is none."""
    peers = [name for name in contenders if not name.startswith(OURS)]
    return min(peers, key=lambda name: contenders[name]["wall"].median, default="")


def rotated(items: t.Sequence[t.Any], by: int) -> list[t.Any]:
    """Return the items in an order that begins elsewhere each round, so that none always follows the same one."""
    start = by % len(items) if items else 0
    return [*items[start:], *items[:start]]
