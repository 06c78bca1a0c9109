# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signatures, SBOMs and what else is about an image travel along with it, if asked."""

from __future__ import annotations

import json
import pathlib

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import layout_referrers
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.problems import BadList
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.batch_bench import IMAGE, OTHER, Bench, results
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    OCI_INDEX,
    OCI_MANIFEST,
    SampleImage,
    add_entry,
    artifact_of,
    descriptor,
    docker_save_files,
    index_of,
    layout_files,
    platform_image,
    write_directory,
    write_tar,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Reply,
    ScriptedServer,
    as_json,
)


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


def signed_layout() -> tuple[dict[str, bytes], SampleImage, SampleImage, SampleImage]:
    """Return a layout with an image, an SBOM, a signature of that, and a tag of cosign."""
    sbom = artifact_of(IMAGE, "application/x-sbom")
    signature = artifact_of(sbom, "application/x-signature")
    cosign = platform_image("none", layers=(b"cosign's",))
    files = add_entry(add_entry(layout_files({"": IMAGE}), sbom), signature, artifactType="application/x-signature")
    tag = {"org.opencontainers.image.ref.name": f"sha256-{IMAGE.root[7:]}.sig"}
    return add_entry(files, cosign, annotations=tag), sbom, signature, cosign


@pytest.mark.parametrize("kind", ["oci", "oci-archive"])
def test_what_is_about_an_image_travels_along_from_a_layout(bench: Bench, tmp_path: pathlib.Path, kind: str) -> None:
    files, sbom, signature, cosign = signed_layout()
    path = (write_directory if kind == "oci" else write_tar)(tmp_path / "layout", files)
    entry = {"name": "a:1", "source": f"{kind}:{path}", "referrers": True}
    plan, totals = bench.run(entry)
    assert results(plan) == ["copied"] and bench.target.writes[-1] == "PUT /v2/a/manifests/1"
    assert totals.uploaded == len({**IMAGE.blobs, **sbom.blobs, **signature.blobs, **cosign.blobs})
    tag = f"sha256-{IMAGE.root[7:]}"
    assert bench.target.tags["a", f"{tag}.sig"] == cosign.root
    for subject, about in ((IMAGE, sbom), (sbom, signature)):
        listed = json.loads(bench.target.manifests["a", bench.target.tags["a", f"sha256-{subject.root[7:]}"]][0])
        assert [child["digest"] for child in listed["manifests"]] == [about.root]
    bench.whole()
    plan, _totals = bench.run(entry)
    assert results(plan) == ["skipped"]
    # What is lost comes back, though the image is there.
    del bench.target.tags["a", f"{tag}.sig"], bench.target.tags["a", f"sha256-{sbom.root[7:]}"]
    plan, _totals = bench.run(entry)
    assert results(plan) == ["copied"] and bench.target.tags["a", f"{tag}.sig"] == cosign.root
    assert ("a", f"sha256-{sbom.root[7:]}") in bench.target.tags


def test_what_is_about_a_platform_travels_with_it(bench: Bench, tmp_path: pathlib.Path) -> None:
    """It is about the manifest of the platform. What is about the whole image does not travel with a part of it."""
    child = json.loads(IMAGE.contents[IMAGE.root][0])["manifests"][0]
    part = SampleImage(child["digest"], child["mediaType"], IMAGE.contents)
    signature = artifact_of(part, "application/x-signature")
    files = add_entry(add_entry(layout_files({"": IMAGE}), signature), artifact_of(IMAGE, "application/x-sbom"))
    path = write_directory(tmp_path, files)
    entry = {"name": "a:1", "source": f"oci:{path}", "referrers": True, "platforms": ["linux/amd64"]}
    plan, _totals = bench.run(entry)
    assert results(plan) == ["copied"]
    assert {digest for _name, digest in bench.target.manifests} >= {part.root, signature.root}
    assert set(bench.target.tags) == {("a", "1"), ("a", f"sha256-{part.root[7:]}")}


def test_nothing_travels_unasked_from_a_layout(bench: Bench, tmp_path: pathlib.Path) -> None:
    path = write_tar(tmp_path / "x.tar", signed_layout()[0])
    bench.run({"name": "a:1", "source": f"oci-archive:{path}"})
    assert set(bench.target.tags) == {("a", "1")}


@pytest.mark.parametrize("which", ["manifest", "blob", "cosign"])
@pytest.mark.parametrize("damage", [None, b"damaged"])
def test_a_damaged_signature_is_refused(
    bench: Bench, tmp_path: pathlib.Path, which: str, damage: bytes | None
) -> None:
    files, _sbom, signature, cosign = signed_layout()
    blob = json.loads(signature.contents[signature.root][0])["layers"][0]["digest"]
    digest = {"manifest": signature.root, "blob": blob, "cosign": cosign.root}[which]
    del files[f"blobs/{digest.replace(':', '/')}"]
    if damage:
        files[f"blobs/{digest.replace(':', '/')}"] = damage
    path = write_tar(tmp_path / "x.tar", files)
    (problem,) = bench.refused({"name": "a:1", "source": f"oci-archive:{path}:{IMAGE.root}", "referrers": True})
    assert digest[7:] in problem and path in problem and problem.startswith("images[0]: ")


def test_a_layout_is_read_once_for_all_its_images(
    bench: Bench, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(
        layout_referrers, "read_index", lambda tree, reads=layout_referrers.read_index: read.append(tree.path) or reads(tree)
    )
    files = add_entry(layout_files({str(number): platform_image(str(number)) for number in range(20)}), OTHER)
    path = write_tar(tmp_path / "x.tar", files)
    entries = [{"name": f"a:{number}", "source": f"oci-archive:{path}:{number}", "referrers": True} for number in range(20)]
    plan, _totals = bench.run(*entries)
    assert results(plan) == ["copied"] * 20 and read == [path]
    # What could not be read is not read again either.
    read.clear()
    files[f"blobs/{OTHER.root.replace(':', '/')}"] = b"damaged"
    write_tar(tmp_path / "x.tar", files)
    with pytest.raises(BadList) as raised:
        bench.plan(*entries)
    assert len(raised.value.problems) == 20 and read == [path]


def test_docker_archives_have_nothing_that_travels(bench: Bench, tmp_path: pathlib.Path) -> None:
    path = write_tar(tmp_path / "x.tar", docker_save_files({"docker.io/team/x:1": [b"layer"]}))
    plan, _totals = bench.run({"name": "a:1", "source": f"docker-archive:{path}", "referrers": True})
    assert results(plan) == ["copied"] and set(bench.target.tags) == {("a", "1")}
