# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exports of real registries, read by those they are made for: the module image, skopeo, and Docker's engines."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import time
import typing as t
import uuid

import pytest

from ansible_collections.dockyard.registry.tests.integration_client.conftest import Running
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    digest_of,
    index_image,
    layout_files,
    write_directory,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

IMAGES = pathlib.Path(os.environ.get("ROOT", ".")).resolve() / ".cache" / "images"
NODE = "dockyard-node:trixie"
KINDS = ("oci", "oci-archive", "docker-archive")
INDEX = index_image()


def run(*command: str | pathlib.Path) -> str:
    """Run a command and return what it prints; one that fails fails the test with its words."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def hello(running: Running, repository: str) -> dict[str, t.Any]:
    """Return the image hello-world on the registry, as the module that put it there tells of it."""
    source = f"oci-archive:{IMAGES / 'hello-world.tar'}:latest"
    result = modules.run("image", url=running.url, name=f"{repository}:1", source=source)
    assert not result.get("failed"), result
    return result


@pytest.fixture
def many(running: Running, repository: str, tmp_path: pathlib.Path) -> str:
    """Return a repository with an image of several platforms."""
    path = write_directory(tmp_path / "source", layout_files({"": INDEX}))
    result = modules.run("image", url=running.url, name=f"{repository}/many:1", source=f"oci:{path}")
    assert result["digest"] == INDEX.root
    return f"{repository}/many"


@pytest.fixture
def tag() -> t.Iterator[str]:
    """Return a name that no other test has, and remove the image from the engine in the end."""
    name = f"dockyard-export-{uuid.uuid4().hex[:12]}:1"
    yield name
    subprocess.run(["docker", "image", "rm", "-f", name], capture_output=True, check=False)


@pytest.fixture(scope="session")
def node() -> t.Iterator[str]:
    """Return a container with systemd and a newer engine of its own."""
    run("docker", "load", "-i", IMAGES / "node.tar")
    name = f"dockyard-export-{uuid.uuid4().hex[:12]}"
    options = "--cap-add SYS_ADMIN --cap-add NET_ADMIN --cap-add SYS_PTRACE --security-opt seccomp=unconfined"
    options += " --security-opt apparmor=unconfined --cgroupns private --tmpfs /run --tmpfs /run/lock --network none"
    options += " -v /var/lib/docker -v /var/lib/containerd --stop-signal SIGRTMIN+3"
    run("docker", "run", "-d", "--name", name, *options.split(), NODE)
    try:
        yield name
    finally:
        run("docker", "rm", "-fv", name)


def wait_for_engine(node: str) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if not subprocess.run(["docker", "exec", node, "docker", "info"], capture_output=True, check=False).returncode:
            return
        time.sleep(0.5)
    pytest.fail(run("docker", "exec", node, "journalctl", "-u", "docker", "--no-pager", "-n", "30"), pytrace=False)


def export(running: Running, name: str, dest: str, **options: object) -> dict[str, t.Any]:
    """Export in four beats and return the result of the real run."""
    arguments = {"url": running.url, "name": name, "dest": dest, "diff": True, **options}
    beats = [modules.run("image_export", check=check, **arguments) for check in (True, False, True, False)]
    assert beats[0] == beats[1] and beats[2] == beats[3], beats
    assert [beat.get("changed") for beat in beats] == [True, True, False, False], beats
    return beats[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_round_trip(
    running: Running, hello: dict[str, t.Any], repository: str, tmp_path: pathlib.Path, kind: str
) -> None:
    exported = export(running, f"{repository}:1", f"{kind}:{tmp_path / 'x'}")
    assert {key: exported[key] for key in ("digest", "media_type", "size", "platforms")} == {
        key: hello[key] for key in ("digest", "media_type", "size", "platforms")
    }
    # As an OCI archive, a docker-archive gives back the registry's own digest.
    source = exported["location"].replace("docker-archive:", "oci-archive:")
    back = modules.run("image", url=running.url, name=f"{repository}/back-{kind}:1", source=source)
    assert back["digest"] == hello["digest"], back


@pytest.mark.parametrize("kind", ["oci", "oci-archive"])
def test_a_round_trip_of_many_platforms(running: Running, many: str, tmp_path: pathlib.Path, kind: str) -> None:
    exported = export(running, f"{many}:1", f"{kind}:{tmp_path / 'x'}")
    assert exported["digest"] == INDEX.root
    back = modules.run("image", url=running.url, name=f"{many}/back-{kind}:1", source=exported["location"])
    assert (back["digest"], back["size"]) == (INDEX.root, INDEX.size)


@pytest.mark.parametrize("platforms", [["linux/arm64"], ["linux/arm64", "linux/amd64"]])
def test_platforms(running: Running, many: str, tmp_path: pathlib.Path, platforms: list[str]) -> None:
    exported = export(running, f"{many}:1", f"oci-archive:{tmp_path / 'x'}", platforms=platforms)
    assert sorted(exported["platforms"]) == sorted(platforms)
    back = modules.run("image", url=running.url, name=f"{many}/back:1", source=exported["location"])
    assert (back["digest"], back["platforms"]) == (exported["digest"], exported["platforms"])


@pytest.mark.parametrize("kind", KINDS)
def test_skopeo_reads_it(
    running: Running, hello: dict[str, t.Any], repository: str, tmp_path: pathlib.Path, kind: str
) -> None:
    exported = export(running, f"{repository}:1", f"{kind}:{tmp_path / 'x'}")
    sources = [exported["location"]]
    if kind == "docker-archive":
        # skopeo makes a manifest of its own for a docker-archive; as an OCI archive the file has the registry's.
        assert json.loads(run("skopeo", "inspect", sources[0]))["Architecture"] in hello["platforms"][0]
        run("skopeo", "--insecure-policy", "copy", "-q", sources.pop(), f"dir:{tmp_path / 'docker-copy'}")
        sources.append(f"oci-archive:{tmp_path / 'x'}:1")
    for source in sources:
        inspected = json.loads(run("skopeo", "inspect", source))
        assert (inspected["Digest"], f"{inspected['Os']}/{inspected['Architecture']}") == (
            hello["digest"],
            *hello["platforms"],
        )
        copy = tmp_path / "copy"
        run("skopeo", "--insecure-policy", "copy", "-q", "--preserve-digests", source, f"dir:{copy}")
        assert digest_of((copy / "manifest.json").read_bytes()) == hello["digest"]


@pytest.mark.parametrize("kind", ["oci", "oci-archive"])
def test_skopeo_reads_many_platforms(running: Running, many: str, tmp_path: pathlib.Path, kind: str) -> None:
    exported = export(running, f"{many}:1", f"{kind}:{tmp_path / 'x'}")
    copy = tmp_path / "copy"
    run("skopeo", "--insecure-policy", "copy", "-q", "--all", "--preserve-digests", exported["location"], f"dir:{copy}")
    assert digest_of((copy / "manifest.json").read_bytes()) == INDEX.root


def test_skopeo_and_this_module_share_a_layout(
    running: Running, hello: dict[str, t.Any], many: str, repository: str, tmp_path: pathlib.Path
) -> None:
    layout = tmp_path / "layout"
    export(running, f"{many}:1", f"oci:{layout}:many")
    export(running, f"{repository}:1", f"oci:{layout}:hello")
    run("skopeo", "--insecure-policy", "copy", "-q", f"oci:{layout}:hello", f"oci:{layout}:skopeo")
    export(running, f"{repository}:1", f"oci:{layout}:third")
    index = json.loads((layout / "index.json").read_bytes())
    tags = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"] for entry in index["manifests"]}
    assert tags == {"many": INDEX.root, **dict.fromkeys(("hello", "skopeo", "third"), hello["digest"])}


def load_and_run(docker: t.Sequence[str], archive: str, tag: str) -> str:
    """Load an archive, run what is in it under the name it was given, remove it, and return its ID."""
    assert run(*docker, "load", "-i", archive).strip() == f"Loaded image: {tag}"
    image_id = run(*docker, "image", "inspect", "-f", "{{.Id}}", tag).strip()
    assert "Hello from Docker!" in run(*docker, "run", "--rm", "--network", "none", tag)
    run(*docker, "image", "rm", tag)
    return image_id


def config_of(archive: pathlib.Path, digest: str) -> str:
    """Return the digest of an image's configuration."""
    raw = run("tar", "-xOf", archive, f"blobs/{digest.replace(':', '/')}")
    return str(json.loads(raw)["config"]["digest"])


def test_the_engine_of_this_host_loads_it(
    running: Running, hello: dict[str, t.Any], repository: str, tmp_path: pathlib.Path, tag: str
) -> None:
    archive = tmp_path / "x.tar"
    export(running, f"{repository}:1", f"docker-archive:{archive}:{tag}")
    # Which of the two it is depends on the engine's store.
    assert load_and_run(["docker"], str(archive), tag) in (hello["digest"], config_of(archive, hello["digest"]))


@pytest.fixture
def zstd(running: Running, repository: str, tmp_path: pathlib.Path) -> str:
    """Return a repository with hello-world, its layers compressed with zstd."""
    layout = f"oci:{tmp_path / 'zstd'}:1"
    hello = f"docker-archive:{IMAGES / 'hello-world.tar'}:hello-world:latest"
    run("skopeo", "--insecure-policy", "copy", "-q", "--dest-compress-format", "zstd", hello, layout)
    result = modules.run("image", url=running.url, name=f"{repository}/zstd:1", source=layout)
    assert not result.get("failed"), result
    return f"{repository}/zstd"


def test_the_engine_of_this_host_loads_zstd(running: Running, zstd: str, tmp_path: pathlib.Path, tag: str) -> None:
    archive = tmp_path / "x.tar"
    exported = export(running, f"{zstd}:1", f"docker-archive:{archive}:{tag}")
    manifest = json.loads(run("tar", "-xOf", archive, f"blobs/{exported['digest'].replace(':', '/')}"))
    assert all(layer["mediaType"].endswith("+zstd") for layer in manifest["layers"])
    assert load_and_run(["docker"], str(archive), tag) in (exported["digest"], manifest["config"]["digest"])


def test_a_newer_engine_loads_it_with_both_of_its_stores(
    running: Running, hello: dict[str, t.Any], zstd: str, repository: str, tmp_path: pathlib.Path, node: str
) -> None:
    """With containerd's store the engine has the image under the registry's own digest."""
    docker = ["docker", "exec", node, "docker"]
    ids = {}
    for name in (repository, zstd):
        archive = tmp_path / f"{len(ids)}.tar"
        digest = export(running, f"{name}:1", f"docker-archive:{archive}")["digest"]
        run("docker", "cp", archive, f"{node}:/root/{archive.name}")
        ids[archive.name, f"{running.authority}/{name}:1"] = {
            "false": config_of(archive, digest),
            "true": digest,
        }
    for snapshotter in ("false", "true"):
        settings = f'{{"features": {{"containerd-snapshotter": {snapshotter}}}}}'
        restart = "systemctl reset-failed docker docker.socket; systemctl restart docker"
        write = f"mkdir -p /etc/docker && echo '{settings}' > /etc/docker/daemon.json && {restart}"
        wait_for_engine(node)
        run("docker", "exec", node, "sh", "-c", write)
        wait_for_engine(node)
        for (archive_name, tag), image_id in ids.items():
            assert load_and_run(docker, f"/root/{archive_name}", tag) == image_id[snapshotter]
