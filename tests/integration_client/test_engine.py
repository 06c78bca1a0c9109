# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images out of real Docker engines into real registries: of this machine's, and of a newer one's two image stores."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import io
import json
import pathlib
import socket
import subprocess
import tarfile
import threading
import time
import typing as t
import uuid

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci import streamed_archive
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import read_all
from ansible_collections.dockyard.registry.tests.integration_client.conftest import BINARIES, Running, started
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    index_of,
    layout_files,
    platform_image,
    write_tar,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

IMAGES = pathlib.Path(__file__).resolve().parents[2] / ".cache" / "images"
NODE_IMAGE = "dockyard-node:trixie"
NODE = [
    *("--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--cap-add", "SYS_PTRACE"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined", "--cgroupns", "private"),
    *("--tmpfs", "/run", "--tmpfs", "/run/lock", "--volume", "/var/lib/docker", "--volume", "/var/lib/containerd"),
]


def run(*command: str, stdin: bytes | None = None) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr.decode()}"
    return done.stdout.decode()


class Proxy:
    """A socket in front of an engine that notes each request's first line; the docker command makes the connection."""

    def __init__(self, path: pathlib.Path, docker: t.Sequence[str]) -> None:
        self.requests: list[str] = []
        self._command = [*docker, "system", "dial-stdio"]
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            connection, _address = self._listener.accept()
            with connection:
                request = connection.recv(65536)
                if not request:
                    return
                self.requests.append(request.split(b" HTTP/")[0].decode())
                self._answer(connection, request)

    def _answer(self, connection: socket.socket, request: bytes) -> None:
        with subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
            assert process.stdin and process.stdout
            process.stdin.write(request)
            while chunk := process.stdout.read(65536):
                connection.sendall(chunk)

    def close(self) -> None:
        """Stop: an empty connection is the sign."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._listener.getsockname())
        self._thread.join(10)
        self._listener.close()


@dataclasses.dataclass(frozen=True)
class Docker:
    """An engine: how to call its docker command, and the socket of the proxy before it."""

    command: tuple[str, ...]
    proxy: Proxy
    socket: str
    keeps_manifests: bool

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> str:
        return run(*self.command, *arguments, stdin=stdin)

    def exports(self) -> int:
        """Return how often an archive was asked for since the last call."""
        count = sum(line.endswith("/get") for line in self.proxy.requests)
        self.proxy.requests.clear()
        return count

    def remove(self, *names: str) -> None:
        """Remove images, whether they are there or not."""
        subprocess.run([*self.command, "image", "rm", "--force", *names], capture_output=True, check=False)


@contextlib.contextmanager
def behind_a_proxy(folder: pathlib.Path, *command: str, keeps_manifests: bool = False) -> t.Iterator[Docker]:
    path = folder / "docker.sock"
    proxy = Proxy(path, command)
    try:
        yield Docker(command, proxy, f"unix://{path}", keeps_manifests)
    finally:
        proxy.close()


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[list[Running]]:
    """Return a registry of each version."""
    if not BINARIES:
        pytest.fail("Set DOCKYARD_REGISTRY_BINARIES to the registries' programs, or run `make test`.", pytrace=False)
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(started(binary, tmp_path_factory.mktemp("registry"))) for binary in BINARIES]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Docker]:
    """Return this machine's engine."""
    with behind_a_proxy(tmp_path_factory.mktemp("host"), "docker") as docker:
        yield docker


@pytest.fixture(scope="module")
def node() -> t.Iterator[str]:
    """Return the name of a container with systemd and an engine of its own."""
    known = subprocess.run(["docker", "image", "inspect", NODE_IMAGE], capture_output=True, check=False).returncode == 0
    if not known:
        run("docker", "load", "--quiet", "--input", str(IMAGES / "node.tar"))
    name = f"dockyard-engine-{uuid.uuid4().hex[:8]}"
    try:
        run("docker", "run", "--detach", "--name", name, *NODE, NODE_IMAGE, "/usr/local/sbin/node-init")
        wait_for_engine(name)
        yield name
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True, check=False)
        if not known:
            run("docker", "image", "rm", NODE_IMAGE)


def wait_for_engine(node: str) -> None:
    deadline = time.monotonic() + 60
    while subprocess.run(["docker", "exec", node, "docker", "info"], capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, run("docker", "exec", node, "journalctl", "--no-pager", "--unit", "docker")
        time.sleep(0.2)


def store(node: str, *, containerd: bool) -> None:
    """Have the node's engine keep images in containerd, or unpacked by a graph driver."""
    configuration = json.dumps({"features": {"containerd-snapshotter": containerd}})
    script = "mkdir -p /etc/docker && cat > /etc/docker/daemon.json && systemctl restart docker"
    run("docker", "exec", "--interactive", node, "sh", "-c", script, stdin=configuration.encode())
    wait_for_engine(node)


@pytest.fixture(scope="module", params=["host", "node", "containerd"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Docker]:
    """Return each kind of engine: one before 25, one from 25, and one that keeps images in containerd."""
    if request.param == "host":
        yield request.getfixturevalue("host")
        return
    node = request.getfixturevalue("node")
    containerd = request.param == "containerd"
    store(node, containerd=containerd)
    command = ("docker", "exec", "--interactive", node, "docker")
    with behind_a_proxy(tmp_path_factory.mktemp("node"), *command, keeps_manifests=containerd) as docker:
        yield docker


@pytest.fixture(scope="module")
def name() -> str:
    """Return a name for images that nobody has."""
    return f"dockyard-test/{uuid.uuid4().hex[:12]}"


def hello(name: str) -> bytes:
    """Return the archive of hello-world under another name: the engine's own hello-world is not touched."""
    written = io.BytesIO()
    with tarfile.open(IMAGES / "hello-world.tar") as archive, tarfile.open(fileobj=written, mode="w") as renamed:
        for member in archive:
            stream = archive.extractfile(member)
            content = stream.read() if stream else b""
            if member.name in ("manifest.json", "index.json"):
                content = content.replace(b"docker.io/library/hello-world:", f"docker.io/{name}:".encode())
                content = content.replace(b'"hello-world:', f'"{name}:'.encode())
            member.size = len(content)
            renamed.addfile(member, io.BytesIO(content))
    return written.getvalue()


@pytest.fixture
def loaded(engine: Docker, name: str) -> t.Iterator[str]:
    """Return the name of hello-world in the engine."""
    engine("load", "--quiet", stdin=hello(f"{name}/hello"))
    yield f"{name}/hello"
    engine.remove(f"{name}/hello")


def client_of(registry: Running) -> RegistryClient:
    return RegistryClient(parse_registry_url(registry.url))


def test_four_beats(engine: Docker, registries: list[Running], loaded: str) -> None:
    image_id = json.loads(engine("image", "inspect", loaded))[0]["Id"]
    repository = f"{loaded}/{uuid.uuid4().hex[:8]}"
    engine.exports()
    digests = set()
    for registry in registries:
        options = {"url": registry.url, "name": f"{repository}:1", "docker_host": engine.socket}
        named = {**options, "source": f"docker-daemon:{loaded}"}
        beats = [modules.run("image", check=check, diff=True, **named) for check in (True, False, True, False)]
        assert [beat["changed"] for beat in beats] == [True, True, False, False], beats
        assert beats[0] == beats[1] and beats[2] == beats[3]
        assert engine.exports() == 2, "the second pair knows without the image"
        by_id = modules.run("image", source=f"docker-daemon:{image_id}", **options)
        assert not by_id["changed"] and engine.exports() == 0
        chosen = modules.run("image", platforms=["linux/amd64"], **named)
        assert not chosen["changed"] and engine.exports() == int(engine.keeps_manifests)
        with client_of(registry) as client:
            manifest = client.get_manifest(repository, "1")
        assert manifest.config
        assert image_id == (manifest.digest if engine.keeps_manifests else manifest.config.digest)
        assert beats[0]["digest"] == manifest.digest
        digests.add(manifest.digest)
    assert len(digests) == 1


def test_an_image_that_it_has_not(engine: Docker, registries: list[Running], loaded: str) -> None:
    missing = {"url": registries[0].url, "name": "x", "docker_host": engine.socket}
    result = modules.run("image", source=f"docker-daemon:{loaded}x", **missing)
    assert result["failed"] and f"has no image docker.io/{loaded}x:latest. It has {loaded}:latest" in result["msg"]
    result = modules.run("image", source=f"docker-daemon:sha256:{'0' * 64}", **missing)
    assert result["failed"] and "has no image sha256:000" in result["msg"]
    other = modules.run("image", source=f"docker-daemon:{loaded}", platforms=["linux/s390x"], **missing)
    assert other["failed"] and "has no linux/s390x. It has linux/amd64." in other["msg"]


def pull_back(docker: Docker, reference: str, image_id: str) -> None:
    """Pull an image by its digest: the engine verifies every layer, and must come to the same ID."""
    try:
        docker("pull", "--quiet", reference)
        assert json.loads(docker("image", "inspect", reference))[0]["Id"] == image_id
    finally:
        docker.remove(reference)


def test_it_runs_when_it_comes_back(host: Docker, registries: list[Running], name: str) -> None:
    own = f"{name}/back"
    host("load", "--quiet", stdin=hello(own))
    expected = host("run", "--rm", "--network", "none", own)
    copies = [
        modules.run("image", url=registry.url, name=f"{own}:1", source=f"docker-daemon:{own}", docker_host=host.socket)
        for registry in registries
    ]
    image_id = json.loads(host("image", "inspect", own))[0]["Id"]
    host.remove(own)
    for registry, copied in zip(registries, copies):
        reference = f"{registry.authority}/{own}@{copied['digest']}"
        try:
            assert host("run", "--rm", "--network", "none", "--quiet", reference) == expected
            assert json.loads(host("image", "inspect", reference))[0]["Id"] == image_id
        finally:
            host.remove(reference)


def test_an_image_with_many_and_empty_layers(host: Docker, registries: list[Running], name: str) -> None:
    """Built, then changed in a container and committed; layers that are equal, that are empty, and none at all."""
    base, built, committed = f"{name}/base", f"{name}/built", f"{name}/committed"
    lines = [f"FROM {base}"]
    for number in range(12):
        lines += [f"ENV NUMBER={number}", f"COPY file{number % 3} /files/{number}"]
    lines += ["COPY empty /empty", "COPY empty /empty", "WORKDIR /files", "LABEL a=b", 'CMD ["/hello"]']
    files = {
        "Dockerfile": "\n".join(lines).encode(),
        "file0": b"",
        "file1": b"one",
        "file2": b"2" * 100_000,
        "empty": b"",
    }
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    host("load", "--quiet", stdin=hello(base))
    try:
        run(
            "env", "DOCKER_BUILDKIT=0", *host.command, "build", "--quiet", "--tag", built, "-", stdin=context.getvalue()
        )
        container = host("create", "--label", name, built).strip()
        try:
            changes = io.BytesIO()
            with tarfile.open(fileobj=changes, mode="w") as archive:
                archive.addfile(tarfile.TarInfo("changed"))
            host("cp", "-", f"{container}:/", stdin=changes.getvalue())
            host("commit", container, committed)
        finally:
            host("rm", "--force", container)
        for source in (built, committed):
            copy_and_pull_back(host, registries, source)
    finally:
        host.remove(committed, built, base)


def copy_and_pull_back(host: Docker, registries: list[Running], name: str) -> None:
    described = json.loads(host("image", "inspect", name))[0]
    for registry in registries:
        options = {
            "url": registry.url,
            "name": f"{name}:1",
            "source": f"docker-daemon:{name}",
            "docker_host": host.socket,
        }
        host.exports()
        results = [modules.run("image", **options) for _time in range(2)]
        assert [result["changed"] for result in results] == [True, False], results
        assert host.exports() == 1
        with client_of(registry) as client:
            manifest = client.get_manifest(name, "1")
            unpacked = [m.digest_of(gzip.decompress(read_all(client.open_blob(name, x)))) for x in manifest.layers]
        assert unpacked == described["RootFS"]["Layers"]
        pull_back(host, f"{registry.authority}/{name}@{manifest.digest}", described["Id"])


def tar_layer(content: bytes) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        member = tarfile.TarInfo("file")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


@pytest.mark.parametrize("engine", ["containerd"], indirect=True)
def test_a_platform_that_was_not_pulled(
    engine: Docker, registries: list[Running], name: str, tmp_path: pathlib.Path
) -> None:
    """Only containerd's store can have an index of which parts are missing."""
    images = {arch: platform_image(arch, layers=[tar_layer(arch.encode())]) for arch in ("amd64", "arm64")}
    index = index_of(*((image, {"platform": {"os": "linux", "architecture": arch}}) for arch, image in images.items()))
    files = {
        path: content
        for path, content in layout_files({"1": index}).items()
        if not any(path.endswith(digest[7:]) for digest in images["arm64"].contents)
    }
    listed = json.loads(files["index.json"])
    listed["manifests"][0]["annotations"]["io.containerd.image.name"] = f"docker.io/{name}/partial:1"
    archive = pathlib.Path(write_tar(tmp_path / "x.tar", {**files, "index.json": json.dumps(listed).encode()}))
    engine("load", "--quiet", stdin=archive.read_bytes())
    options = {
        "url": registries[0].url,
        "name": f"{name}/partial:1",
        "source": f"docker-daemon:{name}/partial:1",
        "docker_host": engine.socket,
    }
    try:
        whole = modules.run("image", **options)
        assert whole["failed"] and "(linux/arm64)" in whole["msg"] and "with platforms" in whole["msg"]
        results = [modules.run("image", platforms=["linux/x86_64"], **options) for _time in range(2)]
    finally:
        engine.remove(f"{name}/partial:1")
    assert [result["changed"] for result in results] == [True, False]
    assert results[0]["digest"] == images["amd64"].root


def test_a_list_comes_in_one_archive(engine: Docker, registries: list[Running], loaded: str) -> None:
    """Two images that share a layer: the engine is asked once, and the layer is sent once."""
    second = f"{loaded}-second"
    container = engine("create", loaded).strip()
    try:
        engine("commit", "--change", "LABEL second=yes", container, second)
        repository = f"{loaded}/{uuid.uuid4().hex[:8]}"
        images = [
            {"name": f"{repository}/{number}:1", "source": f"docker-daemon:{name}"}
            for number, name in enumerate((loaded, second))
        ]
        engine.proxy.requests.clear()
        options = {"url": registries[0].url, "docker_host": engine.socket, "images": images}
        results = [modules.run("images", **options) for _time in range(2)]
        assert [result.get("changed") for result in results] == [True, False], results
        exports = [line for line in engine.proxy.requests if "/images/get?names=" in line or line.endswith("/get")]
        assert len(exports) == 1 and exports[0].count("names=") == 2, exports
        with client_of(registries[0]) as client:
            manifests = [client.get_manifest(image["name"].partition(":")[0], "1") for image in images]
        shared = set(manifests[0].layers) & set(manifests[1].layers)
        assert shared and results[0]["totals"]["mounted"] == len(shared), results[0]["totals"]
    finally:
        engine("rm", "--force", container)
        engine.remove(second)


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the bytes that were compressed, part by part."""
    sizes: list[int] = []

    class Counting(streamed_archive.Packer):
        def write(self, data: memoryview) -> None:
            sizes.append(len(data))
            super().write(data)

    monkeypatch.setattr(streamed_archive, "Packer", Counting)
    return sizes


@pytest.mark.parametrize("engine", ["host", "node"], indirect=True)
@pytest.mark.parametrize("tag", ["1", "2"], ids=["the same tag", "another tag"])
def test_a_layer_that_is_there_is_not_compressed_again(
    engine: Docker, registries: list[Running], loaded: str, packed: list[int], tag: str
) -> None:
    """A second version with one small layer more: it alone is compressed and sent, and the whole runs."""
    second = f"{loaded}-next"
    container = engine("create", "--label", loaded, loaded).strip()
    try:
        changes = io.BytesIO()
        with tarfile.open(fileobj=changes, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("changed"))
        engine("cp", "-", f"{container}:/", stdin=changes.getvalue())
        engine("commit", container, second)
        described = json.loads(engine("image", "inspect", second))[0]
        expected = engine("run", "--rm", "--network", "none", second)
        for registry in registries:
            repository = f"{loaded}/{uuid.uuid4().hex[:8]}"
            options = {"url": registry.url, "docker_host": engine.socket}
            runs = []
            for name, wanted in ((loaded, "1"), (second, tag)):
                packed.clear()
                images = [{"name": f"{repository}:{wanted}", "source": f"docker-daemon:{name}"}]
                foretold = modules.run("images", check=True, images=images, **options)["totals"]
                packed.clear()
                result = modules.run("images", images=images, **options)
                figures = ("uploaded", "uploaded_bytes", "mounted", "existing", "existing_bytes")
                assert [foretold[key] for key in figures] == [result["totals"][key] for key in figures]
                runs.append((sum(packed), *(result["totals"][key] for key in figures)))
                print(f"{wanted} of {name}: compressed {runs[-1][0]} bytes, {result['totals']}")
            with client_of(registry) as client:
                manifest = client.get_manifest(repository, tag)
                unpacked = [m.digest_of(gzip.decompress(read_all(client.open_blob(repository, x)))) for x in manifest.layers]
            assert unpacked == described["RootFS"]["Layers"]
            # The two layers of the first and its configuration; then a layer and a configuration.
            assert [run[1] for run in runs] == [3, 2] and runs[1][4] == 2, runs
            assert runs[1][0] < 20_000 < 1_000_000 < runs[0][0] and runs[1][2] < 5_000, runs
            if engine.command == ("docker",):
                engine.remove(second)
                reference = f"{registry.authority}/{repository}@{manifest.digest}"
                try:
                    assert engine("run", "--rm", "--network", "none", "--quiet", reference) == expected
                finally:
                    engine.remove(reference)
                engine("commit", container, second)
                described = json.loads(engine("image", "inspect", second))[0]
    finally:
        engine("rm", "--force", container)
        engine.remove(second)
