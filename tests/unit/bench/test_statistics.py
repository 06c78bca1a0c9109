# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Medians, ratios, tables, orders, access logs: what stands between the runs and what is printed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if sys.version_info < (3, 11):
    pytest.skip("bench needs Python 3.11", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parents[3] / "bench"))

from dockyard_bench import listing, registries, statistics, table  # noqa: E402
from dockyard_bench.jobs import JOBS  # noqa: E402
from dockyard_bench.statistics import Run, Spread, Target  # noqa: E402


def runs(job: str, contender: str, *walls: float, **more: float) -> list[Run]:
    """The runs of several rounds."""
    return [Run(job, "3", contender, number, {"wall": wall, **more}) for number, wall in enumerate(walls)]


def test_spread_is_of_all_rounds() -> None:
    found = statistics.grouped(runs("cold", "oras x4", 3.0, 1.0, 9.0))
    assert found == {("cold", "3"): {"oras x4": {"wall": Spread(3.0, 1.0, 9.0)}}}


def test_ratios_are_of_medians_and_only_of_those_who_ran() -> None:
    found = statistics.ratios(
        runs("cold", "dockyard", 2.0, 4.0, 3.0, inside=1.5)
        + runs("cold", "oras x4", 4.0, 5.0, 3.0)
        + runs("cold", "dockyard play", 9.0, inside=1.0)
        + runs("promotion", "oras x4", 1.0)
    )
    assert [(one.target, one.peer, one.value, one.inside) for one in found] == [
        (Target("cold", "oras x4", 0.8), "oras x4", 0.75, 0.375)
    ]
    assert found[0].is_met and not found[0]._replace(value=0.81).is_met


def test_the_best_of_the_others_is_never_ours() -> None:
    found = statistics.ratios(
        runs("cold-users", "dockyard", 1.0, inside=1.0)
        + runs("cold-users", "dockyard play", 1.5)
        + runs("cold-users", "oras x4", 4.0)
        + runs("cold-users", "crane x4", 2.0)
    )
    assert [(one.peer, one.value) for one in found] == [("crane x4", 0.5)]


def test_what_has_no_peer_has_no_ratio() -> None:
    assert statistics.ratios(runs("cold-users", "dockyard", 1.0, inside=1.0)) == []


def test_each_is_first_once_and_follows_none_always() -> None:
    orders = [statistics.rotated("abc", number) for number in range(4)]
    assert ["".join(order) for order in orders] == ["abc", "bca", "cab", "abc"]
    assert statistics.rotated([], 2) == []


def test_targets_name_jobs_and_contenders_that_exist() -> None:
    names = {job.name: {contender.name for contender in job.contenders} for job in JOBS}
    for target in statistics.TARGETS:
        assert statistics.OURS in names[target.job]
        assert target.peer == statistics.BEST or target.peer in names[target.job]
    for job in JOBS:
        assert len({contender.name for contender in job.contenders}) == len(job.contenders)


def test_table_shows_what_was_measured_and_no_more() -> None:
    text = table.tables(runs("cold", "dockyard", 1.0, 2.0, inside=0.5) + runs("cold", "oras x4", 3.0))
    title, head, own, other = text.splitlines()
    assert title == "cold, registry 3"
    assert head.split()[:3] == ["contender", "median", "s"]
    assert own.split() == ["dockyard", "1.50", "1.00", "2.00", "0.50", *"-------"]
    assert other.split() == ["oras", "x4", "3.00", "3.00", "3.00", *"-------", "0.50"]


def test_quick_form_is_names_and_ratios() -> None:
    found = statistics.ratios(
        runs("cold", "dockyard", 1.0, inside=0.5) + runs("cold", "skopeo sync", 4.0)
        + runs("nothing", "dockyard", 1.0, inside=0.5) + runs("nothing", "oras x4", 2.0)
    )
    assert table.lines(found).splitlines() == [
        "cold-3/skopeo-sync 0.250",
        "cold-3/skopeo-sync/inside 0.125",
        "nothing-3/oras-x4/inside 0.250",
    ]


def test_access_log() -> None:
    lines = [
        b'127.0.0.1 - - [24/Nov/2026:11:00:00 +0000] "GET /v2/a/blobs/sha256:0 HTTP/1.1" 200 1000 "" "x"\n',
        b'127.0.0.1 - - [24/Nov/2026:11:00:00 +0000] "HEAD /v2/a/manifests/1 HTTP/1.1" 200 500 "" "x"\n',
        b'127.0.0.1 - ada [24/Nov/2026:11:00:00 +0000] "PUT /v2/a/blobs/uploads/0?_state=x HTTP/1.1" 201 0 "" "x"\n',
        b'time="2026-11-24T11:00:00Z" level=error msg="something \\"GET\\""\n',
    ]
    assert registries.count(lines) == (3, 1000)


def test_rate_of_wrk() -> None:
    assert listing.wrk_rate("  12 requests in 1.0s\nRequests/sec:   1234.50\nTransfer/sec: 1MB\n") == 1234.5
