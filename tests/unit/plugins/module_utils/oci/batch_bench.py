# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of lists of images have in common: registries to copy between, and two images."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.copying import Copier, Plan
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.meter import Totals
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.problems import BadList
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.sources import Sources
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.wishes import read_wishes
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.engine import Engine, EngineAddress
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    SampleImage,
    index_image,
    platform_image,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry

IMAGE = index_image()
OTHER = platform_image("amd64", layers=(b"shared base", b"another top"))


@dataclasses.dataclass
class Bench:
    """A registry to copy to, and one to copy from."""

    target: MemoryRegistry
    source: MemoryRegistry
    client: RegistryClient
    connect: t.Callable[..., RegistryClient]
    temp: pathlib.Path
    lines: list[str] = dataclasses.field(default_factory=list)
    patience: float = 0

    def put(self, name: str, image: SampleImage, where: MemoryRegistry | None = None) -> dict[str, t.Any]:
        """Have an image at the source, and return the entry that copies it under the same name."""
        repository, _colon, tag = name.rpartition(":")
        (where or self.source).put(repository, tag, image.contents, image.root)
        return {"source": f"docker://{(where or self.source).authority}/{name}"}

    def sources(self) -> Sources:
        return Sources(
            lambda origin, _repository: self.client if origin == self.client.origin else self.connect(str(origin)),
            self.client,
            engine=lambda: Engine(EngineAddress("/nonexistent"), timeout=1),
            temp_dir=str(self.temp),
        )

    def copier(self, sources: Sources, **settings: t.Any) -> Copier:
        return Copier(self.client, sources, report=self.lines.append, patience=self.patience, **settings)

    def plan(self, *entries: dict[str, t.Any]) -> Plan:
        wishes, problems = read_wishes(entries)
        with self.sources() as sources:
            return self.copier(sources).plan(wishes, problems)

    def run(self, *entries: dict[str, t.Any], **settings: t.Any) -> tuple[Plan, Totals]:
        wishes, problems = read_wishes(entries)
        with self.sources() as sources:
            copier = self.copier(sources, **settings)
            plan = copier.plan(wishes, problems)
            foretold = copier.predict(plan)
            totals = copier.run(plan)
        if all(job.error is None for job in plan.jobs):
            assert totals == foretold
        return plan, totals

    def refused(self, *entries: dict[str, t.Any]) -> list[str]:
        with pytest.raises(BadList) as raised:
            self.run(*entries)
        assert not self.target.writes
        listed = t.cast("list[dict[str, str]]", raised.value.as_dict()["problems"])
        assert [f"{problem['where']}: {problem['message']}" for problem in listed] == list(map(str, raised.value.problems))
        return [str(problem) for problem in raised.value.problems]

    def whole(self) -> None:
        """Check that each tag's image is there to the last blob."""
        for (repository, _tag), root in self.target.tags.items():
            waiting = [root]
            while waiting:
                raw, _media_type = self.target.manifests[repository, waiting.pop()]
                document = json.loads(raw)
                waiting += [entry["digest"] for entry in document.get("manifests", [])]
                for blob in [*document.get("layers", []), *([document["config"]] if "config" in document else [])]:
                    assert blob.get("urls") or (repository, blob["digest"]) in self.target.blobs


def results(plan: Plan) -> list[str]:
    return [job.result for job in plan.jobs]
