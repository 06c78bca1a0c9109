# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of images against registries in memory: what is asked and sent, in which order, and what failures leave."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import random
import re
import threading
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
    OCI_INDEX,
    OCI_MANIFEST,
    SampleImage,
    artifact_of,
    descriptor,
    digest_of,
    docker_save_files,
    index_image,
    index_of,
    layout_files,
    platform_image,
    write_directory,
    write_tar,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Hangup,
    Reply,
    ScriptedServer,
    as_json,
    registry_error,
)

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


@pytest.fixture
def bench(
    registry: MemoryRegistry,
    other_registry: MemoryRegistry,
    connect: t.Callable[..., RegistryClient],
    tmp_path: pathlib.Path,
) -> Bench:
    return Bench(registry, other_registry, connect(registry.url), connect, tmp_path)


def results(plan: Plan) -> list[str]:
    return [job.result for job in plan.jobs]


# What is sent, and in which order.


def test_each_blob_once_tags_last(bench: Bench) -> None:
    entries = [bench.put("a/one:1", IMAGE), bench.put("b/two:1", IMAGE), bench.put("c/three:2", OTHER)]
    plan, totals = bench.run(*entries)
    assert results(plan) == ["copied"] * 3
    distinct = {**IMAGE.blobs, **OTHER.blobs}
    assert totals.uploaded == len(distinct) and totals.uploaded_bytes == sum(map(len, distinct.values()))
    assert totals.mounted == len(IMAGE.blobs) + len(OTHER.blobs) - (len(distinct) - len(IMAGE.blobs))
    bench.whole()
    writes = bench.target.writes
    for name in ("a/one", "b/two"):
        of_name = [line for line in writes if line.startswith("PUT") and f"/{name}/manifests/" in line]
        assert of_name[-1].endswith("/manifests/1") and len(of_name) == 4
    assert len([line for line in bench.source.log if "/blobs/" in line]) == len(distinct)
    assert bench.lines[1].startswith("3 images: 3 to copy, at most ")


def test_an_image_costs_no_more_requests_than_it_must(bench: Bench) -> None:
    image = platform_image(layers=(b"one", b"two"))
    bench.plan(entry := bench.put("a:1", image))
    bench.target.log.clear(), bench.source.log.clear()
    with bench.sources() as sources:
        copier = bench.copier(sources)
        copier.run(copier.plan(read_wishes([entry])[0]))
    assert sorted(line.split()[0] for line in bench.target.log) == ["HEAD", "POST", "POST", "POST"] + ["PUT"] * 4
    assert [line for line in bench.source.log if "manifests" in line] == ["GET /v2/a/manifests/1"]
    assert len(bench.source.log) == 4  # the manifest, three blobs


def test_what_is_there_costs_a_question_on_each_side(bench: Bench) -> None:
    entries = [bench.put("a:1", IMAGE), bench.put("b:1", OTHER)]
    bench.run(*entries)
    pinned = {"name": "a:1", "source": f"docker://{bench.source.authority}/a@{IMAGE.root}"}
    bench.target.log.clear(), bench.source.log.clear()
    plan, totals = bench.run(pinned, entries[1])
    assert results(plan) == ["skipped", "skipped"] and totals == Totals()
    assert sorted(bench.target.log) == ["HEAD /v2/a/manifests/1", "HEAD /v2/b/manifests/1"]
    assert [line for line in bench.source.log if line != "GET /v2/"] == ["HEAD /v2/b/manifests/1"]


def test_promotion_is_links_and_manifests(bench: Bench) -> None:
    bench.put("staging/app:1", IMAGE, bench.target)
    plan, totals = bench.run({"name": "production/app:1", "source": f"docker://{bench.target.authority}/staging/app:1"})
    assert results(plan) == ["copied"]
    assert (totals.uploaded, totals.mounted) == (0, len(IMAGE.blobs))
    assert not any("PUT" in line and "uploads" in line for line in bench.target.log)


def test_another_tag_of_the_same_repository_takes_no_blob_at_all(bench: Bench) -> None:
    bench.put("app:1", IMAGE, bench.target)
    plan, totals = bench.run({"name": "app:2", "source": f"docker://{bench.target.authority}/app:1"})
    assert results(plan) == ["copied"] and totals.uploaded == totals.mounted == 0
    assert not any("uploads" in line for line in bench.target.log)


def test_a_new_image_takes_what_images_that_stay_have(bench: Bench) -> None:
    first = bench.put("a:1", index_of(OTHER))
    bench.run(first)
    _plan, totals = bench.run(first, bench.put("b:1", IMAGE))
    shared = set(OTHER.blobs) & set(IMAGE.blobs)
    assert shared and totals.mounted == len(shared)


def test_a_large_blob_is_looked_for_in_repositories_that_are_there(bench: Bench) -> None:
    large = random.Random(1).randbytes(2_000_000)
    old, new = platform_image(layers=(large, b"old")), platform_image(layers=(large, b"new"))
    bench.put("b:0", old, bench.target)
    bench.put("b:2", platform_image(layers=(b"x",)), bench.target)
    # Tag 2 moves to an image that shares the blob; a comes first and has nothing.
    _plan, totals = bench.run(bench.put("a:1", new), bench.put("b:2", new))
    assert totals.uploaded_bytes < 10_000 and totals.mounted_bytes > 2_000_000


def test_a_tag_moves(bench: Bench) -> None:
    bench.run(bench.put("a:1", OTHER))
    plan, totals = bench.run(bench.put("a:1", IMAGE))
    assert results(plan) == ["copied"] and plan.jobs[0].before == OTHER.root
    assert totals.existing == len(set(IMAGE.blobs) & set(OTHER.blobs))
    assert bench.target.tags["a", "1"] == IMAGE.root


def test_tags_are_chosen(bench: Bench) -> None:
    for tag in ("1.0.0", "1.1.0", "2.0.0", "latest"):
        bench.put(f"a:{tag}", platform_image(layers=(tag.encode(),)))
    entry = {"source": f"docker://{bench.source.authority}/a", "versions": "<2", "newest": 1}
    plan, _totals = bench.run(entry, {**entry, "name": "b", "tags": ["latest", "2.0.0"], "versions": None, "newest": None})
    assert [str(job.target) for job in plan.jobs] == ["a:1.1.0", "b:latest", "b:2.0.0"]


def test_platforms(bench: Bench) -> None:
    entry = {**bench.put("a:1", IMAGE), "platforms": ["linux/arm64"]}
    plan, totals = bench.run(entry)
    assert totals.uploaded == 3 and plan.jobs[0].digest != IMAGE.root
    plan, _totals = bench.run(entry)
    assert results(plan) == ["skipped"]


@pytest.mark.parametrize("kind", ["oci", "oci-archive", "docker-archive"])
def test_files(bench: Bench, tmp_path: pathlib.Path, kind: str) -> None:
    files = layout_files({"one": IMAGE, "two": OTHER})
    if kind == "oci":
        path = write_directory(tmp_path / "layout", files)
    elif kind == "oci-archive":
        path = write_tar(tmp_path / "x.tar", files)
    else:
        path = write_tar(tmp_path / "x.tar", docker_save_files({"one:1": [b"a" * 999, b"b"], "two:1": [b"a" * 999]}))
    more = ":1" if kind == "docker-archive" else ""
    entries = [{"name": f"x/{name}:1", "source": f"{kind}:{path}:{name}{more}"} for name in ("one", "two")]
    plan, _totals = bench.run(*entries)
    assert results(plan) == ["copied"] * 2
    plan, _totals = bench.run(*entries)
    assert results(plan) == ["skipped"] * 2
    bench.whole()


def test_hundreds_of_layers_empty_ones_and_foreign_ones(bench: Bench) -> None:
    image = platform_image(layers=[b"", *(b"layer %d" % number for number in range(300)), b""])
    raw = json.loads(image.contents[image.root][0])
    raw["layers"].append(
        {**descriptor(b"foreign", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), "urls": ["http://x.invalid"]}
    )
    zstd = b"\x28\xb5\x2f\xfd a zstd layer, which nobody need unpack"
    raw["layers"].append(descriptor(zstd, "application/vnd.oci.image.layer.v1.tar+zstd"))
    manifest = json.dumps(raw).encode()
    contents = {**image.contents, digest_of(manifest): (manifest, OCI_MANIFEST), digest_of(zstd): (zstd, "")}
    plan, totals = bench.run(bench.put("a:1", SampleImage(digest_of(manifest), OCI_MANIFEST, contents)))
    assert results(plan) == ["copied"] and totals.uploaded == 303
    bench.whole()


def test_schema_1_is_refused_with_a_reason(bench: Bench) -> None:
    raw = json.dumps({"schemaVersion": 1, "fsLayers": []}).encode()
    old = SampleImage(digest_of(raw), "", {digest_of(raw): (raw, "application/vnd.docker.distribution.manifest.v1+json")})
    plan, _totals = bench.run(bench.put("a:1", old), bench.put("b:1", OTHER))
    assert results(plan) == ["failed", "copied"]
    assert "schema version 1" in str(plan.jobs[0].error) and "push the image again" in str(plan.jobs[0].error)


# What is about an image.


def with_referrers(bench: Bench) -> tuple[SampleImage, SampleImage, SampleImage]:
    """Have an image with an SBOM, a signature of that, and a tag of cosign at the source."""
    sbom = artifact_of(IMAGE, "application/x-sbom")
    signature = artifact_of(sbom, "application/x-signature")
    cosign = platform_image("none", layers=(b"cosign's",))
    bench.put("a:1", IMAGE)
    for subject, artifact in ((IMAGE, sbom), (sbom, signature)):
        index = index_of(artifact)
        bench.put(f"a:sha256-{subject.root[7:]}", index)
    bench.put(f"a:sha256-{IMAGE.root[7:]}.sig", cosign)
    return sbom, signature, cosign


def test_what_is_about_an_image_travels_along(bench: Bench) -> None:
    sbom, signature, cosign = with_referrers(bench)
    entry = {"source": f"docker://{bench.source.authority}/a:1", "referrers": True}
    plan, _totals = bench.run(entry)
    assert results(plan) == ["copied"]
    assert ("a", signature.root) in bench.target.manifests
    assert bench.target.tags["a", f"sha256-{IMAGE.root[7:]}.sig"] == cosign.root
    listed = json.loads(bench.target.manifests["a", bench.target.tags["a", f"sha256-{IMAGE.root[7:]}"]][0])
    assert [child["digest"] for child in listed["manifests"]] == [sbom.root]
    assert bench.target.writes[-1] == "PUT /v2/a/manifests/1"
    plan, _totals = bench.run(entry)
    assert results(plan) == ["skipped"]
    # A manifest that no list names is one that nobody finds.
    del bench.target.tags["a", f"sha256-{sbom.root[7:]}"]
    plan, _totals = bench.run(entry)
    assert results(plan) == ["copied"]
    assert ("a", f"sha256-{sbom.root[7:]}") in bench.target.tags


def test_nothing_travels_unasked(bench: Bench) -> None:
    with_referrers(bench)
    bench.run({"source": f"docker://{bench.source.authority}/a:1"})
    assert set(bench.target.tags) == {("a", "1")}


def test_the_referrers_api_is_asked_where_there_is_one(bench: Bench, server: ScriptedServer) -> None:
    image, sbom = OTHER, artifact_of(OTHER, "application/x-sbom")
    for name, one in (("1", image), (sbom.root, sbom)):
        raw, media_type = one.contents[one.root]
        headers = {"Content-Type": media_type, "Docker-Content-Digest": one.root}
        server.always("GET", f"/v2/a/manifests/{name}", Reply(body=raw, headers=headers))
    for digest, content in {**image.blobs, **sbom.blobs}.items():
        server.always("GET", f"/v2/a/blobs/{digest}", Reply(body=content))
    server.always("GET", "/v2/", Reply(body=b"{}"))
    server.on("GET", "/v2/a/tags/list?n=1000", as_json({"tags": ["1"]}))
    entry = descriptor(sbom.contents[sbom.root][0], OCI_MANIFEST, artifactType="application/x-sbom")
    index = Reply(body=json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode(), headers={"Content-Type": OCI_INDEX})
    empty = Reply(body=b'{"schemaVersion": 2, "manifests": []}', headers={"Content-Type": OCI_INDEX})
    server.on("GET", f"/v2/a/referrers/{image.root}", index)
    server.on("GET", f"/v2/a/referrers/{sbom.root}", empty)
    plan, _totals = bench.run({"source": f"docker://127.0.0.1:{server.port}/a:1", "referrers": True})
    assert results(plan) == ["copied"] and ("a", sbom.root) in bench.target.manifests


def test_archives_have_nothing_that_travels(bench: Bench, tmp_path: pathlib.Path) -> None:
    path = write_tar(tmp_path / "x.tar", layout_files({"": OTHER}))
    plan, _totals = bench.run({"name": "a:1", "source": f"oci-archive:{path}", "referrers": True})
    assert results(plan) == ["copied"]


# Bad lists.


def test_all_problems_at_once_and_nothing_written(bench: Bench, tmp_path: pathlib.Path) -> None:
    good = bench.put("a:1", IMAGE)
    bench.put("a:2", OTHER)
    files = layout_files({"": IMAGE})
    whole = pathlib.Path(write_tar(tmp_path / "whole.tar", files))
    short = tmp_path / "short.tar"
    short.write_bytes(whole.read_bytes()[:-9000])
    problems = bench.refused(
        good,
        {"source": "docker://broken/X"},
        {"source": "dockr://x"},
        {"name": "a:1", "source": f"docker://{bench.source.authority}/a:2"},
        {**good, "name": "p:1", "platforms": ["linux/s390x"]},
        {"source": f"docker://{bench.source.authority}/a", "tags": ["9*"]},
        {"source": f"docker://{bench.source.authority}/nothing", "newest": 1},
        {"name": "short:1", "source": f"oci-archive:{short}"},
        {"name": "none:1", "source": "oci:/nonexistent"},
    )
    expected = [
        r"images\[1\]: 'broken/X' is not a repository name",
        r"images\[2\]: 'dockr://x' is not the location",
        r"images\[3\]: a:1 is to be docker://.*/a:2 here, and docker://.*/a:1 at images\[0\]",
        r"images\[4\]: .* has no linux/s390x. It has linux/amd64, linux/arm64",
        r"images\[5\]: no tag of docker://.*/a is what is chosen \(9\*\). It has 2 tags, such as 1, 2",
        r"images\[6\]: docker://.*/nothing does not exist",
        r"images\[7\]: .*short.tar",
        r"images\[8\]: /nonexistent is not a directory",
    ]
    for pattern in expected:
        assert any(re.match(pattern, problem) for problem in problems), (pattern, problems)


def test_an_altered_blob_is_found_before_anything_is_sent(bench: Bench, tmp_path: pathlib.Path) -> None:
    files = layout_files({"one": IMAGE, "two": OTHER})
    name = f"blobs/{next(digest for digest in OTHER.blobs if digest not in IMAGE.blobs).replace(':', '/')}"
    path = write_tar(tmp_path / "x.tar", {**files, name: files[name][:-1] + b"?"})
    entries = [{"name": f"x/{name}:1", "source": f"oci-archive:{path}:{name}"} for name in ("one", "two")]
    (problem,) = bench.refused(*entries)
    assert problem.startswith("images[1]: ") and "has the digest" in problem


def test_the_same_wish_twice_is_one(bench: Bench) -> None:
    entry = bench.put("a:1", OTHER)
    plan, _totals = bench.run(entry, entry)
    assert len(plan.jobs) == 1


# Failures.


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
    monkeypatch.setattr("ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.copying.EVERY", 0.001)
    bench.run(*(bench.put(f"a:{number}", platform_image(layers=(b"%d" % number,))) for number in range(30)))
    assert bench.lines[0] == "looking for 30 images"
    assert bench.lines[1] == bench.lines[2] and bench.lines[2].startswith("30 images: 30 to copy, at most")
    assert any(re.fullmatch(r"\d+ of 30 images, .* of .*", line) for line in bench.lines[2:])
