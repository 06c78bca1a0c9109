# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draws the results of a run: a panel a job and registry, a bar a contender, from the least to the most.

    plot.py RESULTS.json PLOT.svg
"""

from __future__ import annotations

import json
import statistics
import sys
import typing as t

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot  # noqa: E402

OWN, OTHER = "#1b6ca8", "#a9b4bd"


def panels(runs: t.Iterable[t.Mapping[str, t.Any]]) -> dict[str, dict[str, list[float]]]:
    """Return the seconds of all rounds, by contender, by panel."""
    found: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        panel = found.setdefault(f"{run['job']}, registry {run['registry']}", {})
        panel.setdefault(run["contender"], []).append(run["figures"]["wall"])
        if "inside" in run["figures"]:
            panel.setdefault(f"{run['contender']}, inside", []).append(run["figures"]["inside"])
    return found


def draw(axes: t.Any, title: str, contenders: t.Mapping[str, t.Sequence[float]]) -> None:
    """Draw one panel, the quickest on top."""
    names = sorted(contenders, key=lambda name: -statistics.median(contenders[name]))
    medians = [statistics.median(contenders[name]) for name in names]
    reach = [
        [median - min(contenders[name]) for name, median in zip(names, medians)],
        [max(contenders[name]) - median for name, median in zip(names, medians)],
    ]
    colours = [OWN if name.startswith("dockyard") else OTHER for name in names]
    axes.barh(names, medians, xerr=reach, color=colours, error_kw={"elinewidth": 0.8})
    axes.set_title(title, fontsize=9)
    axes.tick_params(labelsize=7)
    axes.set_xlabel("seconds", fontsize=7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def main() -> None:
    """Draw them all."""
    with open(sys.argv[1], encoding="utf-8") as file:
        found = panels(json.load(file)["runs"])
    if not found:
        return
    columns = 2
    rows = -(-len(found) // columns)
    figure, grid = pyplot.subplots(rows, columns, figsize=(11, 2.6 * rows), squeeze=False)
    places = [axes for row in grid for axes in row]
    for axes, (title, contenders) in zip(places, found.items()):
        draw(axes, title, contenders)
    for axes in places[len(found):]:
        axes.axis("off")
    figure.tight_layout()
    figure.savefig(sys.argv[2])


if __name__ == "__main__":
    main()
