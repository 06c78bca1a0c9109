# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils import progress as module
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import InvalidSettings
from ansible_collections.dockyard.registry.plugins.module_utils.progress import EVERY, Progress, watching

if t.TYPE_CHECKING:
    from pathlib import Path


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_last_line_stands_in_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    clock = Clock()
    path = tmp_path / "progress"
    with Progress(str(path), clock=clock) as progress:
        assert path.read_text() == ""
        progress.report("1/10 images, a long line that the next one must not leave an end of")
        clock.now += EVERY
        progress.report("2/10\nimages")
        assert path.read_text() == "2/10 images\n"
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()


def test_no_more_is_written_than_anybody_reads(tmp_path: Path) -> None:
    clock = Clock()
    path = tmp_path / "progress"
    with Progress(str(path), clock=clock) as progress:
        progress.report("first")
        clock.now += EVERY / 2
        progress.report("second")
        assert path.read_text() == "first\n"


def test_a_file_that_is_there_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    path.symlink_to(tmp_path / "somebody's")
    with pytest.raises(InvalidSettings, match="which cannot be made: File exists"):
        Progress(str(path))
    assert not (tmp_path / "somebody's").exists()


def test_a_line_is_made_as_long_as_the_work_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.001)
    lines: list[str] = []
    enough = threading.Event()

    def report(line: str) -> None:
        lines.append(line)
        if len(lines) == 3:
            enough.set()

    with pytest.raises(KeyError), watching(report, lambda: f"line {len(lines)}"):
        assert enough.wait(10)
        raise KeyError
    assert lines[:3] == ["line 0", "line 1", "line 2"]
    number = len(lines)
    assert not [thread for thread in threading.enumerate() if thread.name == "progress"] and len(lines) == number


def test_without_a_path_nothing_happens() -> None:
    with Progress(None) as progress:
        progress.report("nobody looks")
    progress.report("and not after the end")
