# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of images between registries in memory: what is asked and sent, in which order, and which lists are refused."""

from __future__ import annotations

import json
import pathlib
import random
import re

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.meter import Totals
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.wishes import read_wishes
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.batch_bench import IMAGE, OTHER, Bench, results
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    OCI_MANIFEST,
    SampleImage,
    descriptor,
    digest_of,
    docker_save_files,
    index_of,
    layout_files,
    platform_image,
    write_directory,
    write_tar,
)

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
