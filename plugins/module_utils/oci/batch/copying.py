# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A list of images from the wish to the result: plan the whole, then write what is missing.

The order of writes keeps a registry whole at every moment (OCI distribution spec, "Pushing Manifests"): blobs, then the
manifests of the platforms, then indexes, and with the last manifest the tag.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading
import typing as t

from ...progress import Report, watching
from ..client import RegistryClient
from ..errors import ArchiveError, ContentError, RegistryError
from ..media_types import Descriptor
from ..source import ImageSource
from .jobs import Job
from .meter import Kind, Meter, Totals, shown_size
from .patience import LONGEST_OUTAGE, Patience
from .planning import Planner
from .problems import BadList, Problem
from .running import THREADS, Runner
from .sources import Sources
from .stages import Stages
from .wishes import Wish
from .works import Blob, Works

_PLAN_LINES = 5
"""Lines for which the plan stands: whoever looks every few seconds is to see it."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a list takes. ``size`` is the bytes that have to be sent at the most."""

    jobs: list[Job]
    works: Works

    @property
    def size(self) -> int:
        """The bytes to be sent at the most."""
        return self.works.size

    def __str__(self) -> str:
        copied, skipped, failed = (
            sum(job.result == result for job in self.jobs) for result in ("copied", "skipped", "failed")
        )
        text = f"{len(self.jobs)} images: {copied} to copy, at most {shown_size(self.size)}, {skipped} there already"
        return f"{text}, {failed} failed" if failed else text


class Copier:
    """Copies lists of images into one registry."""

    def __init__(
        self,
        client: RegistryClient,
        sources: Sources,
        *,
        threads: int = THREADS,
        report: Report = lambda _line: None,
        patience: float = LONGEST_OUTAGE,
    ) -> None:
        """Nothing is done yet.

        :param threads: blobs on their way at a time.
        :param report: is told how far it is, about once a second, by other threads.
        :param patience: seconds that a registry may be away.
        """
        self._client = client
        self._sources = sources
        self._threads = threads
        self._report = report
        self._patience = patience

    def plan(self, wishes: t.Sequence[Wish], problems: t.Sequence[Problem] = ()) -> Plan:
        """Find out what a list takes; writes nothing.

        :param problems: what is wrong with the list already.
        :raises BadList: with all that is wrong with the list and the files it names.
        """
        self._report(f"looking for {len(wishes)} images")
        planner = Planner(self._client, self._sources)
        with watching(self._report, planner.stages.line):
            jobs, manifests = planner.plan(wishes, problems)
            plan = Plan(jobs, Works(jobs, manifests, self._client.origin))
            planner.find_holders(jobs, plan.works)
            planner.stages.begin("checking files")
            self._check(plan)
        self._report(str(plan))
        return plan

    def predict(self, plan: Plan) -> Totals:
        """Return what the plan will come to, by asking for each blob; writes nothing."""
        meter = Meter(0, 0)
        runner = self._runner(plan, meter)

        def foretell(blob: Blob) -> None:
            places = [place for place in blob.places if place.is_wanted]
            kinds: list[Kind] = ["existing" if place.repository == blob.holder else "mounted" for place in places]
            if places and not blob.holder:
                kinds[0] = runner.foretell(places[0])
            for kind in kinds:
                meter.settle(kind, blob.size)

        stages = Stages(self._threads)
        with watching(self._report, stages.line):
            stages.each("asking for blobs", foretell, list(plan.works.blobs.values()))
        return meter.totals

    def run(self, plan: Plan) -> Totals:
        """Do what a plan says. Images that fail have their error then; the others are copied all the same."""
        meter = Meter(len(plan.works.tags), plan.size)
        ended = threading.Event()
        number = itertools.count()
        text = str(plan)

        def line() -> str:
            # The rate is that of all the time, whether it is shown or not.
            now = meter.line()
            return text if next(number) < _PLAN_LINES else now

        with watching(self._report, line):
            try:
                self._runner(plan, meter, ended).run()
            finally:
                ended.set()
        return meter.totals

    def _runner(self, plan: Plan, meter: Meter, ended: threading.Event | None = None) -> Runner:
        patience = Patience(self._patience, stopped=ended)
        return Runner(self._client, plan.works, meter, patience, threads=self._threads)

    def _check(self, plan: Plan) -> None:
        """Read what comes from files: what is damaged is refused before anything is sent."""
        wanted: dict[tuple[str, str], tuple[ImageSource, list[Descriptor]]] = {}
        for blob in plan.works.blobs.values():
            source = blob.sources[0]
            if not source.place()[0]:
                wanted.setdefault(source.place(), (source, []))[1].append(blob.descriptor)
        problems: list[Problem] = []
        for source, descriptors in wanted.values():
            for descriptor, error in _damaged(source, descriptors):
                where = _first_user(plan.works.blobs[descriptor.digest])
                problems.append(Problem(where, str(error)))
        if problems:
            raise BadList(problems)


def _damaged(
    source: ImageSource, descriptors: t.Sequence[Descriptor]
) -> t.Iterator[tuple[Descriptor, RegistryError]]:
    try:
        source.check(descriptors)
    except (ArchiveError, ContentError):
        for descriptor in descriptors:
            try:
                source.check([descriptor])
            except (ArchiveError, ContentError) as error:
                yield descriptor, error


def _first_user(blob: Blob) -> str:
    users = list(blob.places[0].users)
    while users:
        write = users.pop()
        if write.job:
            return write.job.where
        users += write.users
    return "images"
