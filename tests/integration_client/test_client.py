# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client and its copies against real registries."""

from __future__ import annotations

import json
import pathlib

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import Credentials
from ansible_collections.dockyard.registry.plugins.module_utils.oci.catalog import read_catalog
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import NotFound, ResponseError, Unauthorized
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import bytes_body
from ansible_collections.dockyard.registry.tests.integration_client.conftest import USER, Running, started
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    digest_of,
    docker_save_files,
    index_image,
    layout_files,
    platform_image,
    write_directory,
    write_tar,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

IMAGE = index_image()


def load(running: Running, tmp_path: pathlib.Path, name: str) -> dict[str, object]:
    path = write_directory(tmp_path / "layout", layout_files({"": IMAGE}))
    return modules.run("image", url=running.url, name=name, source=f"oci:{path}")


def test_four_beats(running: Running, repository: str, tmp_path: pathlib.Path) -> None:
    path = write_tar(tmp_path / "x.tar", layout_files({"": IMAGE}))
    options = {"url": running.url, "name": f"{repository}:1", "source": f"oci-archive:{path}"}
    beats = [modules.run("image", check=check, diff=True, **options) for check in (True, False, True, False)]
    assert [beat["changed"] for beat in beats] == [True, True, False, False]
    assert beats[0] == beats[1] and beats[2] == beats[3]
    assert {beat["digest"] for beat in beats} == {IMAGE.root}
    assert beats[3]["size"] == IMAGE.size


def test_a_docker_archive(running: Running, client: RegistryClient, repository: str, tmp_path: pathlib.Path) -> None:
    path = write_tar(tmp_path / "x.tar", docker_save_files({"x:1": [b"layer one" * 9999, b"layer two"]}))
    options = {"url": running.url, "name": f"{repository}:1", "source": f"docker-archive:{path}"}
    results = [modules.run("image", **options) for _time in range(2)]
    assert [result["changed"] for result in results] == [True, False]
    assert client.get_manifest(repository, "1").digest == results[0]["digest"]


def test_promotion_moves_no_data(running: Running, repository: str, tmp_path: pathlib.Path) -> None:
    load(running, tmp_path, f"{repository}/from:1")
    source = f"docker://{running.authority}/{repository}/from:1"
    result = modules.run("image", url=running.url, name=f"{repository}/to:1", source=source)
    assert result["digest"] == IMAGE.root
    assert result["copied"]["mounted"] == len(IMAGE.blobs)
    assert result["copied"]["uploaded"] == 0


def test_from_one_registry_to_another(
    running: Running, guarded: Running, repository: str, tmp_path: pathlib.Path
) -> None:
    load(running, tmp_path, f"{repository}:1")
    login = {"username": USER.username, "password": USER.password}
    options = {"url": guarded.url, "name": f"{repository}:1", "source": f"docker://{running.authority}/{repository}:1"}
    results = [modules.run("image", **login, **options) for _time in range(2)]
    assert [result["changed"] for result in results] == [True, False]
    assert results[0]["copied"]["uploaded"] == len(IMAGE.blobs)


def test_a_lost_platform_comes_back(
    running: Running, client: RegistryClient, repository: str, tmp_path: pathlib.Path
) -> None:
    load(running, tmp_path, f"{repository}:1")
    child = client.get_manifest(repository, "1").children[0].digest
    link = running.root / f"docker/registry/v2/repositories/{repository}/_manifests/revisions/sha256/{child[7:]}/link"
    link.unlink()
    with pytest.raises(NotFound, match="MANIFEST_UNKNOWN"):
        client.get_manifest(repository, child)
    assert load(running, tmp_path, f"{repository}:1")["changed"]
    assert client.get_manifest(repository, child).digest == child
    assert not load(running, tmp_path, f"{repository}:1")["changed"]


def test_passwords(guarded: Running) -> None:
    origin = parse_registry_url(guarded.url)
    for credentials in (None, Credentials("ada", "wrong"), Credentials("bob", "hunter2")):
        with RegistryClient(origin, credentials=credentials) as client, pytest.raises(Unauthorized) as caught:
            client.ping()
        assert caught.value.codes == ("UNAUTHORIZED",)
    with RegistryClient(origin, credentials=USER) as client:
        client.ping()


def test_what_is_not_there(client: RegistryClient, repository: str) -> None:
    missing = digest_of(b"missing")
    assert client.head_manifest(repository, "1") is None
    assert not client.head_blob(repository, missing)
    assert list(client.tags(repository)) == []
    with pytest.raises(NotFound, match="MANIFEST_UNKNOWN"):
        client.get_manifest(repository, "1")
    with pytest.raises(NotFound, match="BLOB_UNKNOWN"):
        client.open_blob(repository, m.Descriptor("x", missing, 7))


def test_blobs_are_checked_by_the_registry_too(client: RegistryClient, repository: str) -> None:
    with pytest.raises(ResponseError, match="DIGEST_INVALID"):
        client.upload_blob(repository, m.Descriptor("x", digest_of(b"other"), 7), bytes_body(b"content").open)


def test_a_manifest_without_its_blobs_is_refused(client: RegistryClient, repository: str) -> None:
    image = platform_image()
    manifest = m.parse_manifest(*image.contents[image.root], where="x")
    with pytest.raises(ResponseError, match="BLOB_UNKNOWN"):
        client.put_manifest(repository, "1", manifest)


def test_a_mount_from_where_the_blob_is_not(client: RegistryClient, repository: str) -> None:
    blob = b"a blob"
    upload = client.mount_blob(repository, digest_of(blob), "nowhere")
    assert upload
    client.upload_blob(repository, m.Descriptor("x", digest_of(blob), len(blob)), bytes_body(blob).open, upload=upload)
    assert client.head_blob(repository, digest_of(blob))
    assert client.mount_blob(f"{repository}/other", digest_of(blob), repository) is None


def test_many_repositories_and_tags(running: Running, client: RegistryClient, repository: str) -> None:
    image = platform_image()
    manifest = m.parse_manifest(*image.contents[image.root], where="x")
    names = [f"{repository}/{number:03}" for number in range(120)]
    for digest, content in image.blobs.items():
        client.upload_blob(names[0], m.Descriptor("x", digest, len(content)), bytes_body(content).open)
        for name in names[1:]:
            assert client.mount_blob(name, digest, names[0]) is None
    for name in names:
        client.put_manifest(name, "1", manifest)
    for number in range(110):
        client.put_manifest(names[0], f"t{number}", manifest)
    catalog = read_catalog(client)
    assert not catalog.failures
    found = {entry.name: entry for entry in catalog.repositories if entry.name in names}
    assert list(found) == names
    assert len(found[names[0]].tags) == 111
    assert {tag.details.digest for tag in found[names[0]].tags if tag.details} == {image.root}
    assert modules.run("catalog_info", url=running.url, repositories=names[:2], gather="names")["repositories"] == [
        {
            "name": names[0],
            "tags": [{"name": tag} for tag in sorted(["1", *(f"t{number}" for number in range(110))])],
            "empty": False,
        },
        {"name": names[1], "tags": [{"name": "1"}], "empty": False},
    ]


def test_the_source_by_https_on_loopback_falls_back(
    running: Running, guarded: Running, repository: str, tmp_path: pathlib.Path
) -> None:
    """The source is plain http: nothing but the order of attempts tells the module so."""
    load(running, tmp_path, f"{repository}:1")
    options = {"url": guarded.url, "username": USER.username, "password": USER.password, "name": f"{repository}:1"}
    result = modules.run(
        "image", check=True, source=f"docker://{running.authority}/{repository}@{IMAGE.root}", **options
    )
    assert result["changed"], json.dumps(result)


def test_a_catalog_of_small_pages(binary: str, tmp_path: pathlib.Path) -> None:
    image = platform_image()
    manifest = m.parse_manifest(*image.contents[image.root], where="x")
    with started(binary, tmp_path, "catalog: {maxentries: 5}") as running:
        with RegistryClient(parse_registry_url(running.url)) as client:
            for number in range(12):
                for digest, content in image.blobs.items():
                    client.upload_blob(
                        f"r{number:02}", m.Descriptor("x", digest, len(content)), bytes_body(content).open
                    )
                client.put_manifest(f"r{number:02}", "1", manifest)
            assert list(client.repositories()) == [f"r{number:02}" for number in range(12)]
