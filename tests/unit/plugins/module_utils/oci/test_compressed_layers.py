# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Layers of an engine that a registry has compressed already: found, linked, neither kept nor compressed again.

``tests/integration_client`` has the same with real engines.
"""

from __future__ import annotations

import gzip
import json
import pathlib
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import streamed_archive
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.copying import Copier
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.jobs import Job
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.meter import Totals
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.sources import Sources
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.wishes import read_wishes
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.compressed_layers import UnpackedLayers, recall
from ansible_collections.dockyard.registry.plugins.module_utils.oci.engine import Engine, EngineAddress
from ansible_collections.dockyard.registry.plugins.module_utils.oci.media_types import DOCKER_LAYER
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import parse_reference
from ansible_collections.dockyard.registry.plugins.module_utils.oci.saved_layers import LayerNames
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    SampleImage,
    descriptor,
    digest_of,
    docker_save_files,
    index_of,
    platform_image,
    write_tar,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Reply,
    ScriptedServer,
    as_json,
)

AMD64 = {"platform": {"os": "linux", "architecture": "amd64"}}
ARM64 = {"platform": {"os": "linux", "architecture": "arm64"}}


def tarred(tmp_path: pathlib.Path, content: bytes) -> bytes:
    return pathlib.Path(write_tar(tmp_path / "layer.tar", {"file": content})).read_bytes()


class Seeder:
    """Copies images of an engine that is played, with a count of the bytes that are compressed."""

    def __init__(self, registry: MemoryRegistry, client: RegistryClient, server: ScriptedServer, folder: pathlib.Path) -> None:
        self.registry = registry
        self.client = client
        self.server = server
        self.folder = folder
        self.packed = 0

    def have(self, names: t.Mapping[str, t.Sequence[bytes]]) -> None:
        """Give the engine images, as one from version 25 on with a graph driver has them."""
        files: dict[str, bytes] = {}
        entries = []
        ids = []
        for name, layers in names.items():
            saved = docker_save_files({"": layers})
            (entry,) = json.loads(saved["manifest.json"])
            config = saved[entry["Config"]]
            blobs = {f"blobs/sha256/{digest_of(layer)[7:]}": layer for layer in layers}
            files.update({**blobs, f"blobs/sha256/{digest_of(config)[7:]}": config})
            layer_names = [f"blobs/sha256/{digest_of(layer)[7:]}" for layer in layers]
            entries.append({"Config": f"blobs/sha256/{digest_of(config)[7:]}", "RepoTags": None, "Layers": layer_names})
            ids.append(digest_of(config))
            fields = {"Id": ids[-1], "Size": 1, "Os": "linux", "Architecture": "amd64"}
            described = as_json({**fields, "RootFS": {"Layers": [digest_of(layer) for layer in layers]}})
            self.server.always("GET", f"/images/{parse_reference(name)}/json", described)
        self.server.always("GET", "/info", as_json({}))
        files["manifest.json"] = json.dumps(entries).encode()
        body = pathlib.Path(write_tar(self.folder / "engine.tar", files)).read_bytes()
        for order in (ids, ids[::-1]):
            target = f"/images/{order[0]}/get" if len(ids) == 1 else f"/images/get?names={'&names='.join(order)}"
            self.server.always("GET", target, Reply(200, body, {"Content-Length": ""}, close=True))

    def seed(self, names: t.Mapping[str, str]) -> tuple[list[Job], Totals]:
        """Copy images, the engine's name to the registry's, and forget what was compressed before."""
        self.packed = 0
        wishes, problems = read_wishes([{"source": f"docker-daemon:{name}", "name": target} for name, target in names.items()])
        with Sources(
            lambda _origin, _repository: self.client,
            self.client,
            engine=lambda: Engine(EngineAddress("", "127.0.0.1", self.server.port), timeout=10),
            temp_dir=str(self.folder),
        ) as sources:
            copier = Copier(self.client, sources, patience=0)
            plan = copier.plan(wishes, problems)
            foretold = copier.predict(plan)
            totals = copier.run(plan)
        if all(job.error is None for job in plan.jobs):
            assert totals == foretold
        return plan.jobs, totals

    def unpacked(self, name: str) -> list[bytes]:
        """Return what is in the layers of an image on the registry."""
        repository, _colon, tag = name.rpartition(":")
        manifest = self.client.get_manifest(repository, tag)
        return [gzip.decompress(self.client.get_blob(repository, layer, limit=10**7)) for layer in manifest.layers]


@pytest.fixture
def seeder(
    registry: MemoryRegistry,
    connect: t.Callable[..., RegistryClient],
    server: ScriptedServer,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Seeder:
    made = Seeder(registry, connect(registry.url), server, tmp_path)

    class Counting(streamed_archive.Packer):
        def write(self, data: memoryview) -> None:
            made.packed += len(data)
            super().write(data)

    monkeypatch.setattr(streamed_archive, "Packer", Counting)
    return made


@pytest.fixture
def base(tmp_path: pathlib.Path) -> bytes:
    return tarred(tmp_path, b"base " * 100_000)


@pytest.fixture
def top(tmp_path: pathlib.Path) -> bytes:
    return tarred(tmp_path, b"a small layer")


def layers_of(*layers: bytes) -> UnpackedLayers:
    return UnpackedLayers(map(digest_of, layers), "linux/amd64")


@pytest.mark.parametrize("second", ["team/app:1", "team/app:2"], ids=["the same tag", "another tag"])
def test_only_what_is_new_is_compressed(seeder: Seeder, base: bytes, top: bytes, second: str) -> None:
    seeder.have({"app:1": [base]})
    seeder.seed({"app:1": "team/app:1"})
    assert seeder.packed == len(base)
    seeder.have({"app:2": [base, top]})
    jobs, totals = seeder.seed({"app:2": second})
    assert [job.result for job in jobs] == ["copied"] and seeder.packed == len(top)
    # A configuration and a layer are new.
    assert (totals.uploaded, totals.existing, totals.mounted) == (2, 1, 0)
    assert seeder.unpacked(second) == [base, top]
    again, totals = seeder.seed({"app:2": second})
    assert [job.result for job in again] == ["skipped"] and seeder.packed == 0


def test_another_tools_compression_is_kept(seeder: Seeder, base: bytes, top: bytes) -> None:
    """Of an OCI image or Docker's, out of an index or not: the layer is named as it is there."""
    theirs = platform_image(layers=(base,))
    index = index_of((platform_image("arm64", layers=(top,)), ARM64), (theirs, AMD64))
    seeder.registry.put("team/app", "old", index.contents, index.root)
    seeder.have({"app": [base, top]})
    seeder.seed({"app": "team/app:old"})
    manifest = seeder.client.get_manifest("team/app", "old")
    assert manifest.layers[0].digest == digest_of(gzip.compress(base, mtime=0))
    assert {layer.media_type for layer in manifest.layers} == {DOCKER_LAYER}
    # That of the other platform is not looked for.
    assert seeder.packed == len(top) and seeder.unpacked("team/app:old") == [base, top]


def test_other_repositories_are_not_believed(seeder: Seeder, base: bytes, top: bytes) -> None:
    """Whoever may write there must have no say in what is written here."""
    seeder.have({"app": [base]})
    seeder.seed({"app": "team/one:1"})
    seeder.have({"app": [base], "other": [base, top]})
    _jobs, totals = seeder.seed({"app": "team/one:2", "other": "team/two:1"})
    # The first image needs no layer. The second does, so it is compressed; then it turns out to be there.
    assert seeder.packed == len(base) + len(top)
    assert (totals.uploaded, totals.mounted) == (2, 1), totals
    assert seeder.unpacked("team/one:2") == [base] and seeder.unpacked("team/two:1") == [base, top]


def test_a_layer_that_the_registry_has_lost(seeder: Seeder, base: bytes, top: bytes) -> None:
    theirs = platform_image(layers=(base,))
    seeder.registry.put("team/app", "1", theirs.contents, theirs.root)
    del seeder.registry.blobs["team/app", digest_of(gzip.compress(base, mtime=0))]
    seeder.have({"app": [base, top]})
    jobs, _totals = seeder.seed({"app": "team/app:1"})
    assert jobs[0].error is None and seeder.packed == len(base) + len(top)
    assert seeder.unpacked("team/app:1") == [base, top]


def test_a_layer_that_is_lost_after_the_plan(seeder: Seeder, base: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    seeder.have({"app": [base]})
    seeder.seed({"app": "team/app:1"})
    (layer,) = seeder.client.get_manifest("team/app", "1").layers
    run = Copier.run

    def lose_and_run(self: Copier, plan: t.Any) -> Totals:
        del seeder.registry.blobs["team/app", layer.digest]
        return run(self, plan)

    monkeypatch.setattr(Copier, "run", lose_and_run)
    jobs, _totals = seeder.seed({"app": "team/app:2"})
    assert f"the registry had the layer {layer.digest}, and has it no more. Run it again" in str(jobs[0].error)
    monkeypatch.setattr(Copier, "run", run)
    jobs, _totals = seeder.seed({"app": "team/app:2"})
    assert jobs[0].error is None and seeder.unpacked("team/app:2") == [base]


def without(image: SampleImage, **changes: object) -> SampleImage:
    """Return an image with a manifest that says something else."""
    document = {**json.loads(image.contents[image.root][0]), **changes}
    raw = json.dumps(document).encode()
    return SampleImage(digest_of(raw), image.media_type, {**image.contents, digest_of(raw): (raw, image.media_type)})


@pytest.mark.parametrize(
    "changes",
    [
        {"layers": []},
        {"layers": [descriptor(b"x", "application/vnd.oci.image.layer.v1.tar+zstd")]},
        {"layers": [descriptor(b"x", "application/vnd.oci.image.layer.v1.tar")]},
        {"layers": [descriptor(b"x", DOCKER_LAYER, urls=["https://example.com/x"])]},
        {"config": descriptor(b"{}", "application/vnd.oci.empty.v1+json")},
        {"config": descriptor(b"no JSON", "application/vnd.oci.image.config.v1+json")},
        {"config": descriptor(b"[]", "application/vnd.oci.image.config.v1+json")},
        {"config": descriptor(b'{"rootfs": 1}', "application/vnd.oci.image.config.v1+json")},
        {"config": descriptor(b'{"rootfs": {"diff_ids": [1]}}', "application/vnd.oci.image.config.v1+json")},
    ],
)
def test_images_that_say_nothing(seeder: Seeder, changes: dict[str, object]) -> None:
    image = without(platform_image(layers=(b"layer",)), **changes)
    extra = (b"x", b"{}", b"no JSON", b"[]", b'{"rootfs": 1}', b'{"rootfs": {"diff_ids": [1]}}')
    contents = {**image.contents, **{digest_of(blob): (blob, "") for blob in extra}}
    seeder.registry.put("team/app", "1", contents, image.root)
    layers = layers_of(b"layer")
    recall(seeder.client, "team/app", [layers], [image.root])
    assert not layers.known and layers.unknown == [digest_of(b"layer")]


def test_few_images_are_looked_into(seeder: Seeder) -> None:
    """The newest of a repository; and what cannot be read is as good as nothing."""
    for number in range(20):
        image = platform_image(layers=(b"%d" % number,))
        seeder.registry.put("team/app", f"1.{number}", image.contents, image.root)
    layers = [layers_of(b"%d" % number) for number in (15, 16, 19)]
    recall(seeder.client, "team/app", layers, [])
    assert [list(layer.known) for layer in layers] == [[], [digest_of(b"16")], [digest_of(b"19")]]
    assert len([line for line in seeder.registry.log if line.startswith("GET") and "/manifests/" in line]) == 4
    absent = layers_of(b"x")
    recall(seeder.client, "team/none", [absent], [digest_of(b"x")])
    assert not absent.known


# What engines before 25 write, letter by letter.

DIFF_IDS = [
    "sha256:54cdf53116d6ac52971bd1e7d06de8f80bd43ce7b68cd903e552a8457758b2e3",
    "sha256:a4406c9f09020600c202571e8a69afdfbc15182ba9e659987b8ccfe3b596c6e7",
]
_NOTHING = (
    '{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,"Tty":false,'
    '"OpenStdin":false,"StdinOnce":false,"Env":%s,"Cmd":%s,"Image":"","Volumes":null,"WorkingDir":"","Entrypoint":null,'
    '"OnBuild":null,"Labels":%s}'
)
LOWER, UPPER = (
    "f0baa76daa7d726170410681dfce5bf2ae8fbb4e2aa3145503d5fb27aeaf3941",
    "9e3c4704699f89edc1ca2966baee44e9c40611cc7cf33eb25905d0f613c122ec",
)
_LABELS = (
    '{"org.opencontainers.image.source":"https://github.com/dockyard/registry",'
    '"org.opencontainers.image.title":"hello-world, dockyard\'s stand-in","org.opencontainers.image.version":"1.0"}'
)
DOCUMENTS = {
    LOWER: f'{{"id":"{LOWER}","created":"1970-01-01T00:00:00Z","container_config":{_NOTHING % ("null", "null", "null")},'
    '"os":"linux"}',
    UPPER: f'{{"id":"{UPPER}","parent":"{LOWER}","created":"1970-01-01T00:00:00Z","container_config":'
    f'{_NOTHING % ("null", "null", "null")},"config":{_NOTHING % (json.dumps(["PATH=/bin"]), json.dumps(["/hello"]), _LABELS)},'
    '"architecture":"amd64","os":"linux"}',
}


def test_folders_of_engines_before_25() -> None:
    names = LayerNames([[digest_of(b"another")], DIFF_IDS])
    for folder, document in DOCUMENTS.items():
        assert names.diff_id(f"{folder}/layer.tar") == ""
        assert names.is_document(f"{folder}/json") and not names.is_document(f"{folder}/VERSION")
        names.read(f"{folder}/json", document.encode())
    assert [names.diff_id(f"{folder}/layer.tar") for folder in (LOWER, UPPER)] == DIFF_IDS
    assert names.diff_id("x/layer.tar") == names.diff_id(f"{LOWER}/VERSION") == ""


@pytest.mark.parametrize("document", ["", "[]", "{}", DOCUMENTS[LOWER].replace("1970", "1971"), DOCUMENTS[UPPER]])
def test_folders_that_prove_nothing(document: str) -> None:
    names = LayerNames([DIFF_IDS])
    names.read(f"{LOWER}/json", document.encode())
    assert names.diff_id(f"{LOWER}/layer.tar") == ""


def test_blobs_of_engines_from_25() -> None:
    names = LayerNames([DIFF_IDS])
    assert [names.diff_id(f"blobs/{diff_id.replace(':', '/')}") for diff_id in DIFF_IDS] == DIFF_IDS
    assert names.diff_id(f"blobs/sha256/{digest_of(b'x')[7:]}") == ""
