# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines that say how far a copy is."""

from __future__ import annotations

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.meter import (
    Meter,
    Totals,
    shown_size,
    shown_time,
)


def test_a_copy_from_its_beginning_to_its_end() -> None:
    now = [0.0]
    meter = Meter(3, 4_000_000_000, clock=lambda: now[0])
    assert meter.line() == "0 of 3 images, 0 B of 4.00 GB"
    now[0] = 10
    meter.move(1_000_000_000)
    assert meter.line() == "0 of 3 images, 1.00 GB of 4.00 GB, 100 MB/s, 30 s left"
    meter.settle("uploaded", 1_000_000_000, planned=True)
    # One that need not be sent: it is not counted as moved, and nothing is left of it.
    meter.settle("existing", 2_000_000_000, planned=True)
    meter.end(failed=False)
    assert meter.line() == "1 of 3 images, 3.00 GB of 4.00 GB, 100 MB/s, 10 s left"
    meter.drop(1_000_000_000)
    meter.end(failed=True)
    meter.settle("mounted", 5)
    now[0] = 40
    assert meter.line() == "1 of 3 images, 1 failed, 4.00 GB of 4.00 GB, nothing has moved for 30 s"
    assert meter.totals == Totals(1, 1_000_000_000, 1, 5, 1, 2_000_000_000)
    assert meter.moved == 1_000_000_000


def test_what_is_sent_again_is_never_more_than_there_is() -> None:
    meter = Meter(1, 100, clock=lambda: 0.0)
    meter.move(500)
    assert meter.line() == "100 B of 100 B"


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (999_900, "1 MB"), (12_345, "12 kB"), (1.5e12, "1500.00 GB")]
)
def test_sizes(size: float, text: str) -> None:
    assert shown_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s"), (7300, "2 h 1 min")]
)
def test_times(seconds: float, text: str) -> None:
    assert shown_time(seconds) == text
