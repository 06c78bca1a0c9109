# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a long list of images takes of memory: so many bytes an image, however fast anything is."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.copying import Copier
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.parallel import each
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.sources import Sources
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.wishes import read_wishes
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import Origin

IMAGES, LAYERS = 1000, 10

MOST = 6500
"""Bytes an image of ten layers that no other has: 10,000 of them stay below 80 MB, with all else that a module holds."""

LEFT = 1500
"""Bytes of them that are left of an image when the plan is forgotten: what it is, and where it was to go."""

TABLES = 2_500_000
"""Python's table of all names in the program grows by leaps, and one of them may fall into a test."""


class Registry:
    """Answers for a registry without any, so that nothing but the client's own side is counted.

    It has every image there is or, if ``is_empty`` is set, none; and each blob, so that nothing is sent.
    """

    def __init__(self, port: int, *, is_empty: bool) -> None:
        self.origin = Origin("http", "127.0.0.1", port)
        self.is_empty = is_empty
        self.put = 0

    def close(self) -> None:
        """Do nothing."""

    def _raw(self, repository: str, tag: str) -> bytes:
        def descriptor(text: str, media_type: str) -> dict[str, object]:
            digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
            return {"mediaType": media_type, "digest": digest, "size": 300_000}

        name = f"{repository}:{tag}"
        layers = [descriptor(f"{name} {number}", m.OCI_LAYER) for number in range(LAYERS)]
        document = {"schemaVersion": 2, "mediaType": m.OCI_MANIFEST, "config": descriptor(name, m.OCI_CONFIG)}
        return json.dumps({**document, "layers": layers}).encode()

    def head_manifest(self, repository: str, reference: str) -> m.Descriptor | None:
        if self.is_empty:
            return None
        raw = self._raw(repository, reference)
        return m.Descriptor(m.OCI_MANIFEST, m.digest_of(raw), len(raw))

    def get_manifest(self, repository: str, reference: str) -> m.Manifest:
        return m.parse_manifest(self._raw(repository, reference), m.OCI_MANIFEST, where=repository)

    def mount_blob(self, *_arguments: object) -> None:
        return None

    def put_manifest(self, *_arguments: object) -> bool:
        self.put += 1
        return True


def taken_by(images: int) -> tuple[int, int]:
    """Return the most bytes that a list takes, and what is left when its plan is forgotten."""
    source, target = Registry(5001, is_empty=False), Registry(5000, is_empty=True)

    class FromMemory(Sources):
        def _client(self, _reference: object) -> RegistryClient:
            return t.cast(RegistryClient, source)

    names = [f"team{number % 50}/app:{number // 50}" for number in range(images)]
    entries = [{"name": f"mirror/{name}", "source": f"docker://127.0.0.1:5001/{name}"} for name in names]
    home = t.cast(RegistryClient, target)
    tracemalloc.start()
    try:
        wishes, problems = read_wishes(entries)
        with FromMemory(lambda *_origin: home, home, engine=lambda: pytest.fail("no engine")) as sources:
            copier = Copier(home, sources)
            plan = copier.plan(wishes, problems)
            totals = copier.run(plan)
        peak = tracemalloc.get_traced_memory()[1]
        plan.works.clear()
        left = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert target.put == images and totals.existing == images * (LAYERS + 1)
    return peak, left


def test_bytes_an_image() -> None:
    """The difference of two lists, so that what does not grow with them is not counted."""
    taken_by(10)
    (peak, left), (higher_peak, more_left) = taken_by(IMAGES // 2), taken_by(IMAGES // 2 + IMAGES)
    assert higher_peak - peak < MOST * IMAGES + TABLES
    # The blobs are gone at once, and not when Python gets round to it.
    assert more_left - left < LEFT * IMAGES + TABLES


def test_each_in_order_and_the_first_failure() -> None:
    assert each(lambda number: number * 2, range(100), 4) == [number * 2 for number in range(100)]
    assert each(str, [1], 4) == ["1"] and each(str, [], 4) == []
    done: list[int] = []

    def work(number: int) -> None:
        if number == 3:
            raise ValueError("three")
        done.append(number)

    with pytest.raises(ValueError, match="three"):
        each(work, range(100), 4)
    assert len(done) == 99
