# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of images against registries in memory: what failures and interruptions leave, and what is said of progress."""

from __future__ import annotations

import json
import random
import re
import threading
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.wishes import read_wishes
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.batch_bench import IMAGE, OTHER, Bench, results
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    SampleImage,
    index_of,
    platform_image,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Hangup,
    Reply,
    ScriptedServer,
    registry_error,
)


def test_one_failure_does_not_stop_the_others(bench: Bench) -> None:
    lost = platform_image(layers=(b"only here",))
    entries = [bench.put("a:1", IMAGE), bench.put("b:1", lost), bench.put("c:1", OTHER), {"source": f"docker://{bench.source.authority}/none:1"}]
    digest = json.loads(lost.contents[lost.root][0])["layers"][0]["digest"]
    del bench.source.blobs["b", digest]
    plan, _totals = bench.run(*entries)
    assert results(plan) == ["copied", "failed", "copied", "failed"]
    assert "BLOB_UNKNOWN" in str(plan.jobs[1].error) and "MANIFEST_UNKNOWN" in str(plan.jobs[3].error)
    assert ("b", "1") not in bench.target.tags
    bench.whole()


def test_a_blob_that_one_source_lost_comes_from_another(bench: Bench) -> None:
    entries = [bench.put("a:1", OTHER), bench.put("b:1", OTHER)]
    for digest in OTHER.blobs:
        del bench.source.blobs["a", digest]
    plan, totals = bench.run(*entries)
    assert results(plan) == ["copied", "copied"] and totals.uploaded == len(OTHER.blobs)


def test_an_index_with_a_lost_manifest_fails_alone(bench: Bench) -> None:
    entries = [bench.put("a:1", IMAGE), bench.put("b:1", OTHER)]
    child = json.loads(IMAGE.contents[IMAGE.root][0])["manifests"][0]["digest"]
    del bench.source.manifests["a", child]
    plan, _totals = bench.run(*entries)
    assert results(plan) == ["failed", "copied"]


def test_endless_indexes_fail_alone(bench: Bench) -> None:
    deep = OTHER
    for _level in range(6):
        deep = index_of(deep)
    plan, _totals = bench.run(bench.put("a:1", deep), bench.put("b:1", OTHER))
    assert results(plan) == ["failed", "copied"] and "too many levels" in str(plan.jobs[0].error)


def test_a_registry_that_refuses_a_manifest(bench: Bench) -> None:
    bench.target.broken["PUT /v2/a/manifests/1"] = (403, "DENIED")
    plan, _totals = bench.run(bench.put("a:1", OTHER), bench.put("b:1", OTHER))
    assert results(plan) == ["failed", "copied"]


def test_a_registry_that_links_what_it_has_not(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that it has linked blobs and did not: the manifest tells, and they are sent after all."""
    monkeypatch.setattr(RegistryClient, "mount_blob", lambda *_arguments: None)
    entry = bench.put("a:1", IMAGE)
    with bench.sources() as sources:
        copier = bench.copier(sources)
        plan = copier.plan(read_wishes([entry])[0])
        copier.run(plan)
    assert results(plan) == ["copied"]
    bench.whole()


def test_an_index_that_finds_its_manifest_lost(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    put = RegistryClient.put_manifest
    lost = []

    def forgetful(client: RegistryClient, repository: str, reference: str, manifest: t.Any) -> bool:
        if reference == "1" and not lost:
            lost.append(IMAGE.root)
            child = json.loads(manifest.raw)["manifests"][0]["digest"]
            del bench.target.manifests[repository, child]
        return put(client, repository, reference, manifest)

    monkeypatch.setattr(RegistryClient, "put_manifest", forgetful)
    plan, _totals = bench.run(bench.put("a:1", IMAGE))
    assert lost and results(plan) == ["copied"]
    bench.whole()


def test_a_source_that_never_answers_is_asked_once_for_all(bench: Bench, sleeps: list[float]) -> None:
    entries = [{"source": f"docker://127.0.0.1:1/a:{number}"} for number in range(40)]
    plan, _totals = bench.run(*entries, bench.put("b:1", OTHER), {"source": "docker://127.0.0.1:1/a", "newest": 3})
    assert results(plan) == ["failed"] * 40 + ["copied", "failed"]
    # Each that was under way when that was found out, and none that came later.
    assert len(sleeps) <= 8 * 4


def blob_server(server: ScriptedServer, image: SampleImage, tag: str, *replies: t.Any) -> str:
    """Have a scripted server hold an image whose last layer is answered as told, and return its source."""
    raw, media_type = image.contents[image.root]
    headers = {"Content-Type": media_type, "Docker-Content-Digest": image.root}
    server.always("GET", "/v2/", Reply(body=b"{}"))
    server.always("GET", f"/v2/a/manifests/{tag}", Reply(body=raw, headers=headers))
    last = json.loads(raw)["layers"][-1]["digest"]
    for digest, content in image.blobs.items():
        if digest != last:
            server.always("GET", f"/v2/a/blobs/{digest}", Reply(body=content))
    server.on("GET", f"/v2/a/blobs/{last}", *replies)
    return f"docker://127.0.0.1:{server.port}/a:{tag}"


def layer_of(image: SampleImage) -> bytes:
    return image.blobs[json.loads(image.contents[image.root][0])["layers"][-1]["digest"]]


def test_busy_cut_off_and_dying_sources(bench: Bench, server: ScriptedServer, sleeps: list[float]) -> None:
    """429 with Retry-After, a body that is cut, a connection that breaks: it goes on, and waits as long as it was told."""
    layer = layer_of(OTHER)
    source = blob_server(
        server,
        OTHER,
        "1",
        registry_error(429, "TOOMANYREQUESTS", Retry_After="7"),
        Hangup(),
        Reply(body=layer, cut=5),
        Reply(206, layer[5:], {"Content-Range": f"bytes 5-{len(layer) - 1}/{len(layer)}"}),
    )
    plan, totals = bench.run({"source": source})
    assert results(plan) == ["copied"], plan.jobs[0].error
    assert 7.0 in sleeps and totals.uploaded == len(OTHER.blobs)
    bench.whole()


def test_a_body_that_is_not_what_it_should_be(bench: Bench, server: ScriptedServer) -> None:
    """It is found out on this side, before its last byte is sent."""
    layer = layer_of(OTHER)
    source = blob_server(server, OTHER, "1", Reply(body=layer[:-1] + b"?"))
    plan, _totals = bench.run({"source": source}, bench.put("b:1", IMAGE))
    assert results(plan) == ["failed", "copied"] and "has the digest" in str(plan.jobs[0].error)
    assert ("a", "1") not in bench.target.tags


# Interruptions.


class Interrupt(BaseException):
    """Ends a run from outside."""


@pytest.mark.parametrize("seed", range(12))
def test_interrupted_anywhere_it_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Three times at a random write; then to the end. No tag is ever broken, and no blob that is there goes again."""
    generator = random.Random(seed)
    entries = [bench.put(f"r{number % 3}:{number}", image) for number, image in enumerate((IMAGE, OTHER, index_of(OTHER), IMAGE))]
    left, lock = [0], threading.Lock()

    def counted(name: str) -> None:
        original = getattr(RegistryClient, name)

        def wrapper(client: RegistryClient, *arguments: t.Any, **settings: t.Any) -> t.Any:
            with lock:
                left[0] -= 1
                if left[0] < 0:
                    raise Interrupt
            return original(client, *arguments, **settings)

        monkeypatch.setattr(RegistryClient, name, wrapper)

    for name in ("mount_blob", "upload_blob", "put_manifest"):
        counted(name)
    for _time in range(3):
        left[0] = generator.randrange(12)
        with pytest.raises(Interrupt):
            bench.run(*entries)
        bench.whole()
    left[0] = 10_000
    there = {digest for _repository, digest in bench.target.blobs}
    _plan, totals = bench.run(*entries)
    bench.whole()
    distinct = {**IMAGE.blobs, **OTHER.blobs}
    assert totals.uploaded == len(distinct) - len(there)
    assert len(bench.target.tags) == 4


def test_a_fault_of_ours_is_raised_and_stops_the_others(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> t.NoReturn:
        raise ZeroDivisionError

    monkeypatch.setattr(RegistryClient, "put_manifest", broken)
    with pytest.raises(ZeroDivisionError):
        bench.run(bench.put("a:1", IMAGE))


def test_progress_is_reported(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.dockyard.registry.plugins.module_utils.progress.EVERY", 0.001)
    bench.run(*(bench.put(f"a:{number}", platform_image(layers=(b"%d" % number,))) for number in range(30)))
    assert bench.lines[0] == "looking for 30 images"
    planned = next(number for number, line in enumerate(bench.lines) if line.startswith("30 images: 30 to copy, at most"))
    assert bench.lines[planned] in bench.lines[planned + 1 :]
    assert any(re.fullmatch(r"comparing images, \d+ of 30 \(planning since 0 s\)", line) for line in bench.lines[:planned])
    assert any(re.fullmatch(r"\d+ of 30 images, .* of .*", line) for line in bench.lines[planned:])
