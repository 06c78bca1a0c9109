# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run is measured by: all processes that it started count, failures are told, and nothing runs for ever."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

if sys.version_info < (3, 11):
    pytest.skip("bench needs Python 3.11", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parents[3] / "bench"))

from dockyard_bench import measure  # noqa: E402

BUSY = "import time\nwhile time.process_time() < 0.3: pass"


def run(folder: Path, *command: str, patience: float = 60) -> measure.Usage:
    """Run a command in this environment."""
    return measure.run(command, folder=folder, environment=os.environ, patience=patience)


def test_processes_of_a_run_are_measured_together(tmp_path: Path) -> None:
    usage = run(tmp_path, "sh", "-c", f"{sys.executable} -c '{BUSY}'; {sys.executable} -c '{BUSY}'; echo done")
    assert (tmp_path / "stdout").read_text() == "done\n"
    assert usage.cpu >= 0.6
    assert usage.wall >= 0.3


def test_memory_is_that_of_the_run_and_not_of_who_runs_it(tmp_path: Path) -> None:
    ballast = bytearray(150_000_000)
    assert run(tmp_path, "true").memory < 100
    assert run(tmp_path, sys.executable, "-c", "x = bytearray(200_000_000)").memory > 190
    assert ballast


def test_a_failure_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(measure.Failed, match="no such image"):
        run(tmp_path, "sh", "-c", "echo no such image >&2; exit 3")
    with pytest.raises(measure.Failed, match="it failed"):
        run(tmp_path, "no-such-program")


def test_nothing_runs_for_ever(tmp_path: Path) -> None:
    with pytest.raises(measure.Failed):
        run(tmp_path, "sh", "-c", "sleep 600; echo", patience=0.5)
