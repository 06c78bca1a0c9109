# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The runs themselves: round by round, each job at each registry, each contender in its turn."""

from __future__ import annotations

import contextlib
import os
import shutil
import typing as t
from pathlib import Path

from . import jobs, measure, registries, storage
from .engine import Engine
from .jobs import Job, Setting, Stores
from .scene import Contender
from .statistics import Run, rotated

PATIENCE = 1800.0


class Failure(t.NamedTuple):
    """A run that gave no figures."""

    job: str
    registry: str
    contender: str
    reason: str


class Rounds:
    """Runs everything and collects what came of it."""

    def __init__(
        self,
        chosen: t.Sequence[Job],
        programs: t.Mapping[str, Path],
        scratch: Path,
        say: t.Callable[[str], None],
        *,
        quiet: bool = False,
    ) -> None:
        self.runs: list[Run] = []
        self.failures: list[Failure] = []
        self._jobs = chosen
        self._programs = programs
        self._scratch = scratch
        self._say = say
        self._quiet = quiet

    def run(self, rounds: int, stores: Stores, engine: Engine | None) -> None:
        """Run so many rounds."""
        for number in range(rounds):
            for version, program in self._programs.items():
                with self._setting(program, stores, engine) as setting:
                    for job in self._jobs:
                        _warm(stores.images)
                        for contender in rotated(job.contenders, number):
                            self._one(job, version, contender, number, setting)

    @contextlib.contextmanager
    def _setting(self, program: Path, stores: Stores, engine: Engine | None) -> t.Iterator[Setting]:
        folder = self._scratch / "source"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "data").symlink_to(stores.images)
        with registries.running(program, folder) as source, registries.relayed(source.authority, jobs.DELAY) as far:
            yield Setting(program, stores, source, far, engine)

    def _one(self, job: Job, version: str, contender: Contender, number: int, setting: Setting) -> None:
        folder = self._scratch / "run"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        # What the run before wrote is not to be written out during this one.
        os.sync()
        load = os.getloadavg()[0]
        try:
            figures = self._measured(job, contender, setting, folder)
        except measure.Failed as error:
            self.failures.append(Failure(job.name, version, contender.name, str(error)))
            self._say(f"round {number + 1}, {job.name}, registry {version}, {contender.name}: FAILED: {error}")
            return
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self.runs.append(Run(job.name, version, contender.name, number, {**figures, "load": load}))
        if not self._quiet:
            self._say(f"round {number + 1}, {job.name}, registry {version}, {contender.name}: {figures['wall']:.2f} s")

    @staticmethod
    def _measured(job: Job, contender: Contender, setting: Setting, folder: Path) -> dict[str, float]:
        with job.prepare(setting, folder) as stage:
            scene = stage.scene
            command = contender.command(scene)
            environment = scene.environment()
            marks = [server.mark() for server in stage.servers]
            usage = measure.run(command, folder=folder, environment=environment, patience=PATIENCE)
            total = registries.Traffic(0, 0)
            for server, mark in zip(stage.servers, marks):
                total += server.traffic(mark)
            wrong = contender.check(scene)
            if job.checks_storage:
                wrong = [*wrong, *storage.problems(folder / "target" / "data", scene.wanted)]
            if wrong:
                raise measure.Failed(f"wrong result: {wrong[0]} ({len(wrong)} problems)")
            return {
                "wall": usage.wall,
                "cpu": usage.cpu,
                "memory": usage.memory,
                "requests": total.requests / stage.items,
                "moved": total.sent / 1e6,
                **contender.figures(scene),
            }


def _warm(data: Path) -> None:
    """Read all images, so that each contender finds them in the page cache."""
    for path in data.rglob("data"):
        if path.is_file():
            with path.open("rb") as file:
                while file.read(1 << 20):
                    pass
