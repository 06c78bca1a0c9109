# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copying, against registries in memory: what is sent, in which order, and what a failure leaves behind."""

from __future__ import annotations

import gzip
import json
import pathlib
import threading
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.copy import (
    Copied,
    CopyPlan,
    in_parallel,
    StoppableReader,
    execute_copy,
    plan_copy,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.engine import Engine, EngineAddress
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    ConnectionFailed,
    NotFound,
    RegistryError,
    ResponseError,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.location import parse_location
from ansible_collections.dockyard.registry.plugins.module_utils.oci.open_source import open_source
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import Origin, parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import RepositoryTag, parse_reference
from ansible_collections.dockyard.registry.plugins.module_utils.oci.source import ImageSource, connect_source
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import bytes_body
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    SampleImage,
    docker_save_files,
    index_image,
    layout_files,
    platform_image,
    write_directory,
    write_tar,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry

IMAGE = index_image()
TARGET = RepositoryTag("team/app", "1.0")
SIZES = {digest: len(content) for digest, content in IMAGE.blobs.items()}
ALL_BYTES = sum(SIZES.values())


@pytest.fixture
def client(registry: MemoryRegistry, connect: t.Callable[..., RegistryClient]) -> RegistryClient:
    return connect(registry.url)


Open = t.Callable[[str], ImageSource]


@pytest.fixture
def source_of(
    connect: t.Callable[..., RegistryClient], client: RegistryClient, tmp_path: pathlib.Path
) -> t.Iterator[Open]:
    opened: list[ImageSource] = []

    def make(text: str) -> ImageSource:
        opened.append(
            open_source(
                parse_location(text),
                connect=lambda origin: connect(str(origin)),
                home=client.origin,
                engine=lambda: Engine(EngineAddress("/nonexistent"), timeout=1),
                temp_dir=str(tmp_path),
            )
        )
        return opened[-1]

    yield make
    for source in opened:
        source.close()


@pytest.fixture
def source(tmp_path: pathlib.Path, source_of: Open) -> ImageSource:
    return source_of(f"oci-archive:{write_tar(tmp_path / 'x.tar', layout_files({'': IMAGE}))}")


def copy(source: ImageSource, client: RegistryClient, target: RepositoryTag = TARGET) -> tuple[CopyPlan, Copied]:
    plan = plan_copy(source, client, target)
    return plan, execute_copy(plan, source, client)


def test_a_first_copy(registry: MemoryRegistry, client: RegistryClient, source: ImageSource) -> None:
    plan, copied = copy(source, client)
    assert plan.changed and plan.before == ""
    assert plan.details.digest == IMAGE.root == registry.tags["team/app", "1.0"]
    assert plan.details.platforms == ("linux/amd64", "linux/arm64")
    assert plan.details.size == IMAGE.size
    assert copied == plan.copied == Copied(uploaded=len(SIZES), uploaded_bytes=ALL_BYTES)
    assert {digest for _name, digest in registry.blobs} == set(IMAGE.blobs)


def test_the_order_of_writes(registry: MemoryRegistry, client: RegistryClient, source: ImageSource) -> None:
    copy(source, client)
    kinds = ["blob" if "/blobs/" in line else "manifest" for line in registry.writes]
    assert kinds == sorted(kinds)
    assert registry.writes[-1] == "PUT /v2/team/app/manifests/1.0"
    heads = [line for line in registry.log if line.startswith("HEAD") and "/blobs/" in line]
    assert len(heads) == len(set(heads)) == len(SIZES)
    assert sum(line.startswith("POST") for line in registry.log) == len(SIZES)


def test_planning_writes_nothing(registry: MemoryRegistry, client: RegistryClient, source: ImageSource) -> None:
    plan_copy(source, client, TARGET)
    assert registry.writes == []


def test_a_second_copy_changes_nothing(registry: MemoryRegistry, client: RegistryClient, source: ImageSource) -> None:
    first, _copied = copy(source, client)
    registry.log.clear()
    plan, copied = copy(source, client)
    assert (plan.changed, plan.before, copied) == (False, IMAGE.root, Copied())
    assert plan.details == first.details
    assert registry.writes == []


def test_a_new_tag_of_an_image_that_is_there_sends_no_blob(
    registry: MemoryRegistry, client: RegistryClient, source: ImageSource
) -> None:
    copy(source, client)
    plan, copied = copy(source, client, RepositoryTag("team/app", "2.0"))
    assert plan.changed
    assert copied == Copied(existing=len(SIZES), existing_bytes=ALL_BYTES)


def test_a_tag_that_moves(
    registry: MemoryRegistry, client: RegistryClient, source_of: Open, source: ImageSource, tmp_path: pathlib.Path
) -> None:
    older = platform_image(layers=(b"shared base", b"old"))
    copy(source_of(f"oci:{write_directory(tmp_path / 'old', layout_files({'': older}))}"), client)
    plan, copied = copy(source, client)
    assert plan.before == older.root
    assert (copied.existing, copied.uploaded) == (1, len(SIZES) - 1)


OLD = {"team/x:1": [b"layer" * 5000, b"second layer"]}


def test_a_docker_archive_is_known_by_its_image_id(
    registry: MemoryRegistry, client: RegistryClient, source_of: Open, tmp_path: pathlib.Path
) -> None:
    """However the registry's layers are compressed; and no layer is read to find that out."""
    path = write_tar(tmp_path / "x.tar", docker_save_files(OLD))
    packed = write_tar(tmp_path / "packed.tar", docker_save_files({"": [gzip.compress(x, 1) for x in OLD["team/x:1"]]}))
    first, _copied = copy(source_of(f"docker-archive:{packed}"), client)
    source = source_of(f"docker-archive:{path}")
    registry.log.clear()
    plan, _copied = copy(source, client)
    assert (plan.changed, plan.details) == (False, first.details)
    assert registry.writes == []
    assert not list(tmp_path.glob("dockyard-layer-*")) and source.root().digest != plan.details.digest


@pytest.mark.parametrize("change", ["another image", "fewer layers", "an index", "no image"])
def test_a_docker_archive_is_not_what_is_there(
    registry: MemoryRegistry, client: RegistryClient, source_of: Open, tmp_path: pathlib.Path, change: str
) -> None:
    source = source_of(f"docker-archive:{write_tar(tmp_path / 'x.tar', docker_save_files(OLD))}")
    plan, _copied = copy(source, client)
    raw, media_type = registry.manifests["team/app", plan.details.digest]
    if change == "another image":
        older = platform_image()
        registry.put("team/app", "1.0", older.contents, older.root)
    elif change == "fewer layers":
        document = json.loads(raw)
        document["layers"].pop()
        put_manifest(registry, json.dumps(document).encode(), media_type)
    elif change == "an index":
        entry = {"mediaType": media_type, "digest": plan.details.digest, "size": len(raw)}
        put_manifest(registry, json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode(), m.OCI_INDEX)
    else:
        put_manifest(registry, b"{}", "application/vnd.docker.distribution.manifest.v1+prettyjws")
    again, _copied = copy(source, client)
    assert again.changed and again.before != plan.details.digest
    assert registry.tags["team/app", "1.0"] == plan.details.digest


def put_manifest(registry: MemoryRegistry, raw: bytes, media_type: str) -> None:
    registry.put("team/app", "1.0", {m.digest_of(raw): (raw, media_type)}, m.digest_of(raw))


def test_from_another_registry(
    registry: MemoryRegistry, other_registry: MemoryRegistry, client: RegistryClient, source_of: Open
) -> None:
    other_registry.put("some/where", "1", IMAGE.contents, IMAGE.root)
    source = source_of(f"docker://{other_registry.authority}/some/where:1")
    plan, copied = copy(source, client)
    assert registry.tags["team/app", "1.0"] == plan.details.digest == IMAGE.root
    assert copied.uploaded == len(SIZES)
    gets = [line for line in other_registry.log if line.startswith("GET") and "/blobs/" in line]
    assert len(gets) == len(set(gets)) == len(SIZES), "each blob is fetched once"
    other_registry.log.clear()
    assert not copy(source, client)[0].changed
    assert other_registry.log == ["HEAD /v2/some/where/manifests/1"]


def test_inside_a_registry_blobs_are_mounted(registry: MemoryRegistry, client: RegistryClient, source_of: Open) -> None:
    registry.put("staging/app", "1", IMAGE.contents, IMAGE.root)
    source = source_of(f"docker://{registry.authority}/staging/app@{IMAGE.root}")
    plan, copied = copy(source, client)
    assert copied == plan.copied == Copied(mounted=len(SIZES), mounted_bytes=ALL_BYTES)
    assert not [line for line in registry.log if line.startswith("GET") and "/blobs/" in line and "team" in line]


def test_a_mount_that_is_refused_becomes_an_upload(
    registry: MemoryRegistry, client: RegistryClient, source_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.put("staging/app", "1", IMAGE.contents, IMAGE.root)
    source = source_of(f"docker://{registry.authority}/staging/app:1")
    monkeypatch.setattr(source, "mountable_from", lambda _origin: "elsewhere")
    plan, copied = copy(source, client)
    assert plan.copied.mounted == copied.uploaded == len(SIZES)
    assert sum(line.startswith("POST") for line in registry.log) == len(SIZES), "the upload the mount opened is used"


def test_a_source_that_is_not_there(registry: MemoryRegistry, client: RegistryClient, source_of: Open) -> None:
    with pytest.raises(NotFound, match="no/where/manifests/latest"):
        plan_copy(source_of(f"docker://{registry.authority}/no/where"), client, TARGET)


def test_a_lost_manifest_is_copied_again(registry: MemoryRegistry, client: RegistryClient, source: ImageSource) -> None:
    """Distribution 2's garbage collection takes the manifests of an index's platforms."""
    copy(source, client)
    child = next(key for key, (_raw, media_type) in registry.manifests.items() if media_type != IMAGE.media_type)
    del registry.manifests[child]
    plan, _copied = copy(source, client)
    assert (plan.changed, plan.before) == (True, IMAGE.root)
    assert child in registry.manifests


def test_a_lost_configuration_is_copied_again(
    registry: MemoryRegistry, client: RegistryClient, source_of: Open, tmp_path: pathlib.Path
) -> None:
    one = platform_image()
    source = source_of(f"oci:{write_directory(tmp_path, layout_files({'': one}))}")
    copy(source, client)
    registry.blobs.clear()
    assert copy(source, client)[1].uploaded == len(one.blobs)
    assert not copy(source, client)[0].changed


def test_other_failures_are_no_reason_to_copy_again(
    registry: MemoryRegistry, client: RegistryClient, source: ImageSource
) -> None:
    copy(source, client)
    registry.broken[f"GET /v2/team/app/manifests/{IMAGE.root}"] = (404, "NAME_UNKNOWN")
    with pytest.raises(NotFound):
        copy(source, client)


def damaged(path: pathlib.Path, image: SampleImage) -> str:
    files = layout_files({"": image})
    layer = f"blobs/{max(image.blobs, key=lambda digest: len(image.blobs[digest])).replace(':', '/')}"
    files[layer] = files[layer][:-1] + bytes([files[layer][-1] ^ 1])
    return write_directory(path, files)


def test_a_damaged_archive_fails_before_anything_is_written(
    registry: MemoryRegistry, client: RegistryClient, source_of: Open, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(RegistryError, match="blobs/sha256/.*has the digest"):
        copy(source_of(f"oci:{damaged(tmp_path, IMAGE)}"), client)
    assert registry.writes == []


def test_a_damaged_registry_leaves_the_tag_alone(
    registry: MemoryRegistry, other_registry: MemoryRegistry, client: RegistryClient, source_of: Open
) -> None:
    contents = dict(IMAGE.contents)
    victim = max(IMAGE.blobs, key=lambda digest: len(IMAGE.blobs[digest]))
    contents[victim] = (bytes(len(IMAGE.blobs[victim])), "")
    other_registry.put("x", "1", contents, IMAGE.root)
    with pytest.raises(RegistryError, match=f"blob {victim} of .* has the digest"):
        copy(source_of(f"docker://{other_registry.authority}/x:1"), client)
    assert not registry.tags and not registry.manifests
    assert ("team/app", victim) not in registry.blobs


def test_a_registry_that_refuses_uploads(registry: MemoryRegistry, client: RegistryClient, source: ImageSource) -> None:
    registry.broken["POST /v2/team/app/blobs/uploads/"] = (405, "UNSUPPORTED")
    with pytest.raises(ResponseError, match="read-only"):
        copy(source, client)
    assert not registry.tags


def test_loopback_is_asked_over_https_first(registry: MemoryRegistry, connect: t.Callable[..., RegistryClient]) -> None:
    asked: list[str] = []

    def connecting(origin: Origin) -> RegistryClient:
        asked.append(str(origin))
        return connect(str(origin))

    elsewhere = Origin("https", "registry.invalid", 443)
    connect_source(parse_reference(f"{registry.authority}/x"), connecting, elsewhere)
    assert asked == [f"https://{registry.authority}", registry.url]
    asked.clear()
    connect_source(parse_reference(f"{registry.authority}/x"), connecting, parse_registry_url(registry.url))
    assert asked == [registry.url], "the scheme of the registry that is copied to is known"
    asked.clear()
    connect_source(parse_reference("nginx"), connecting, elsewhere)
    connect_source(parse_reference("[2001:db8::1]:5000/x"), connecting, elsewhere)
    assert asked == ["https://registry-1.docker.io", "https://[2001:db8::1]:5000"], "others are https and nothing else"


def test_a_port_where_nothing_listens_is_not_asked_twice(
    connect: t.Callable[..., RegistryClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refusing(origin: Origin) -> RegistryClient:
        asked.append(str(origin))
        client = connect(str(origin))

        def ping() -> None:
            raise ConnectionFailed("GET", str(origin), "no connection", reason="refused")

        monkeypatch.setattr(client, "ping", ping)
        return client

    with pytest.raises(ConnectionFailed):
        connect_source(parse_reference("127.0.0.1:1/x"), refusing, Origin("https", "registry.invalid", 443))
    assert asked == ["https://127.0.0.1:1"]


def test_a_stopped_stream_fails() -> None:
    stopped = threading.Event()
    stream = StoppableReader(bytes_body(b"abc").open(), stopped)
    buffer = memoryview(bytearray(2))
    assert stream.readinto(buffer) == 2
    stopped.set()
    with pytest.raises(RegistryError, match="stopped"):
        stream.readinto(buffer)


def test_the_first_failure_ends_the_rest() -> None:
    stopped = threading.Event()

    def work(number: int) -> int:
        if number == 1:
            raise RegistryError("the cause")
        if number == 0:
            assert stopped.wait(10)
            raise RegistryError("a consequence")
        return number

    with pytest.raises(RegistryError, match="the cause"):
        in_parallel(work, range(100), on_failure=stopped.set)
