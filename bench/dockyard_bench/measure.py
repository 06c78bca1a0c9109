# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of one contender: how long, how much CPU, how much memory."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

_LAUNCH = Path(__file__).resolve().parents[1] / "launch.py"


class Failed(Exception):
    """A contender ended with an error, or with a result that is not the right one."""


class Usage(t.NamedTuple):
    """Seconds of wall clock, seconds of CPU of all processes together, and MB of the largest process at its peak."""

    wall: float
    cpu: float
    memory: float


def run(command: t.Sequence[str], *, folder: Path, environment: t.Mapping[str, str], patience: float) -> Usage:
    """Run a command to its end in a folder, its output in the files ``stdout`` and ``stderr`` there.

    :raises Failed: if it fails, or runs for longer than ``patience`` seconds.
    """
    report = folder / "usage.json"
    words = [sys.executable, "-I", "-S", str(_LAUNCH), str(report), str(patience), *command]
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, cwd=folder, env=dict(environment)
        )
        try:
            process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if not report.is_file():
        raise Failed(f"it did not start: {_last_words(folder)}")
    measured = json.loads(report.read_text())
    if measured.pop("status"):
        raise Failed(f"it failed after {measured['wall']:.1f} s: {_last_words(folder)}")
    return Usage(**measured)


def _last_words(folder: Path) -> str:
    texts = [(folder / name).read_text(errors="replace").strip() for name in ("stderr", "stdout")]
    lines = [line for text in texts for line in text.splitlines()[-3:]]
    return " / ".join(lines)[-600:] or "it said nothing"
