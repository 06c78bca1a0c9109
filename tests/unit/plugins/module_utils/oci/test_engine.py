# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Docker engine's API and images out of it: every form of archive, and engines that misbehave.

Real engines stand in ``tests/integration_client``; what is played here are their answers, word by word.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import pathlib
import socket
import threading
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.describe import load_image
from ansible_collections.dockyard.registry.plugins.module_utils.oci.docker_archive import DockerArchiveSource
from ansible_collections.dockyard.registry.plugins.module_utils.oci.engine import (
    Engine,
    EngineAddress,
    EngineError,
    engine_failure,
    parse_docker_host,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.engine_exports import EngineExports
from ansible_collections.dockyard.registry.plugins.module_utils.oci.engine_source import EngineSource
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    ArchiveError,
    ContentError,
    InvalidSettings,
    RegistryError,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.file_tree import TarTree
from ansible_collections.dockyard.registry.plugins.module_utils.oci.location import DEFAULT_DOCKER_HOST
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import Origin
from ansible_collections.dockyard.registry.plugins.module_utils.oci.platform_source import PlatformSource
from ansible_collections.dockyard.registry.plugins.module_utils.oci.platforms import parse_platform
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import read_all
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    SampleImage,
    digest_of,
    docker_save_files,
    index_image,
    layout_files,
    platform_image,
    write_tar,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Hangup,
    Reply,
    ScriptedServer,
    as_json,
)

NAME = "docker.io/team/app:1"
LAYERS = [b"first layer " * 1000, b"", b"third"]
SAVED = docker_save_files({"team/app:1": LAYERS})
CONFIG = next(content for name, content in SAVED.items() if name.endswith(".json") and name != "manifest.json")
ONE = platform_image()
MANY = index_image()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DEFAULT_DOCKER_HOST, EngineAddress("/var/run/docker.sock")),
        ("unix:///run/user/1000/docker.sock", EngineAddress("/run/user/1000/docker.sock")),
        ("tcp://127.0.0.1", EngineAddress("", "127.0.0.1", 2375)),
        ("tcp://[::1]:1234", EngineAddress("", "::1", 1234)),
        ("tcp://engine.example.com:2375/", EngineAddress("", "engine.example.com", 2375)),
    ],
)
def test_addresses(text: str, expected: EngineAddress) -> None:
    address = parse_docker_host(text)
    assert address == expected
    assert parse_docker_host(str(address)) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "cannot be used.*unix:///var/run/docker.sock"),
        ("unix://", "cannot be used"),
        ("unix://run/docker.sock", "cannot be used"),
        ("/var/run/docker.sock", "cannot be used"),
        ("tcp://", "cannot be used"),
        ("tcp://x/v2", "cannot be used"),
        ("tcp://ada:secret@x", "cannot be used"),
        ("tcp://x:port", "no address"),
        ("ssh://ada@x", "for ssh:// run the task on that host"),
        ("npipe:////./pipe/docker_engine", "cannot be used"),
        ("https://x:2376", "TLS.*engine's own host"),
    ],
)
def test_addresses_that_cannot_be_used(text: str, problem: str) -> None:
    with pytest.raises(InvalidSettings, match=problem):
        parse_docker_host(text)


def test_tls_is_refused_for_tcp_only() -> None:
    with pytest.raises(InvalidSettings, match="DOCKER_TLS_VERIFY"):
        parse_docker_host("tcp://x:2376", tls=True)
    assert parse_docker_host(DEFAULT_DOCKER_HOST, tls=True).path


def described(image_id: str, *, layers: int = 3, size: int = 12345, **more: object) -> Reply:
    fields = {
        "Id": image_id,
        "Size": size,
        "Os": "linux",
        "Architecture": "amd64",
        "RootFS": {"Layers": ["x"] * layers},
    }
    return as_json({**fields, **more})


GRAPH_DRIVER = as_json({"DriverStatus": [["Backing Filesystem", "extfs"]]})
CONTAINERD = as_json({"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]})


class Fake:
    """An engine with one image, whose archive is asked for if ``export`` is given."""

    def __init__(self, server: ScriptedServer, tmp_path: pathlib.Path) -> None:
        self.server = server
        self.folder = tmp_path
        self.opened: list[EngineSource] = []

    @property
    def engine(self) -> Engine:
        return Engine(EngineAddress("", "127.0.0.1", self.server.port), timeout=10)

    def source(
        self, image_id: str, files: t.Mapping[str, bytes] | None = None, *, info: Reply = GRAPH_DRIVER, **more: t.Any
    ) -> EngineSource:
        self.server.on("GET", f"/images/{NAME}/json", described(image_id, **more)).on("GET", "/info", info)
        if files is not None:
            body = pathlib.Path(write_tar(self.folder / "engine.tar", files)).read_bytes()
            # Engines send archives in chunks, without a length.
            self.server.on("GET", f"/images/{image_id}/get", Reply(200, body, {"Content-Length": ""}, close=True))
        temp_dir = self.folder / "temp"
        temp_dir.mkdir(exist_ok=True)
        self.opened.append(EngineSource(EngineExports(self.engine, str(temp_dir)), NAME))
        return self.opened[-1]


@pytest.fixture
def fake(server: ScriptedServer, tmp_path: pathlib.Path) -> t.Iterator[Fake]:
    made = Fake(server, tmp_path)
    yield made
    for source in made.opened:
        source.close()


def manifest_of(image: SampleImage) -> m.Manifest:
    return m.parse_manifest(*image.contents[image.root], where="x")


def hybrid(files: t.Mapping[str, bytes]) -> dict[str, bytes]:
    """Return what engines from 25 with a graph driver write: manifest.json that names blobs, which are not compressed."""
    document = json.loads(files["manifest.json"])[0]
    renamed = {name: f"blobs/sha256/{digest_of(files[name])[7:]}" for name in (document["Config"], *document["Layers"])}
    entry = {"Config": renamed[document["Config"]], "Layers": [renamed[name] for name in document["Layers"]]}
    index = {"schemaVersion": 2, "manifests": [{"mediaType": m.OCI_MANIFEST, "digest": digest_of(b"x"), "size": 1}]}
    return {
        **{renamed[name]: files[name] for name in renamed},
        "index.json": json.dumps(index).encode(),
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "manifest.json": json.dumps([{**entry, "RepoTags": None}]).encode(),
    }


@pytest.mark.parametrize("files", [SAVED, hybrid(SAVED)], ids=["before 25", "from 25"])
def test_an_engine_with_a_graph_driver(fake: Fake, files: dict[str, bytes]) -> None:
    source = fake.source(digest_of(CONFIG), files)
    assert source.platform() == "linux/amd64"
    image = load_image(source, source.root())
    assert image.root.media_type == m.DOCKER_MANIFEST
    assert image.root.config and image.root.config.digest == digest_of(CONFIG)
    source.check(image.blobs)
    assert [gzip.decompress(read_all(source.open_blob(layer))) for layer in image.root.layers] == LAYERS
    assert source.is_same(image.root)
    assert source.mountable_from(Origin("https", "x", 443)) == ""
    with pytest.raises(ContentError):
        source.manifest(image.root.descriptor)
    assert not list((fake.folder / "temp").iterdir()), "nothing has a name that could be left behind"


def test_containerds_image_store(fake: Fake) -> None:
    source = fake.source(MANY.root, layout_files({"": MANY}), info=CONTAINERD)
    assert source.platform() == ""
    image = load_image(source, source.root())
    assert (image.root.digest, len(image.blobs)) == (MANY.root, len(MANY.blobs))
    source.check(image.blobs)
    assert all(read_all(source.open_blob(blob)) == MANY.blobs[blob.digest] for blob in image.blobs)


def without(image: SampleImage, position: int) -> dict[str, bytes]:
    """Return the layout of an image that was pulled for another platform: not even the manifest of this one is there."""
    child = json.loads(image.contents[image.root][0])["manifests"][position]["digest"]
    return {name: content for name, content in layout_files({"": image}).items() if not name.endswith(child[7:])}


def test_a_platform_that_the_engine_has_not_pulled(fake: Fake) -> None:
    source = fake.source(MANY.root, without(MANY, 1), info=CONTAINERD)
    with pytest.raises(ArchiveError, match=r"docker-daemon:.*\(linux/arm64\).*that it has with platforms"):
        load_image(source, source.root())
    chosen = PlatformSource(source, [parse_platform("linux/amd64")], where="x")
    assert load_image(chosen, chosen.root()).platforms == ("linux/amd64",)


def test_what_is_there_is_known_without_the_archive(fake: Fake) -> None:
    source = fake.source(digest_of(CONFIG), layers=2)
    config = m.Descriptor(m.DOCKER_CONFIG, digest_of(CONFIG), len(CONFIG))
    layer = m.Descriptor(m.DOCKER_LAYER, digest_of(b"x"), 1)
    present = m.Manifest(b"", m.DOCKER_MANIFEST, digest_of(b"any"), config, (layer, layer))
    assert source.is_same(present)
    assert not source.is_same(m.Manifest(b"", m.DOCKER_MANIFEST, digest_of(b"any"), config, (layer,)))
    assert not source.is_same(manifest_of(ONE)) and not source.is_same(manifest_of(MANY))
    source = fake.source(MANY.root, info=CONTAINERD)
    assert source.is_same(manifest_of(MANY)) and not source.is_same(manifest_of(ONE))
    assert not [line for line in fake.server.targets() if line.endswith("/get")]


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (["team/app:2", "nginx:latest", "team/apq:1"], "It has team/apq:1, team/app:2 and others."),
        (["zzz:1"], "It has zzz:1."),
        ([], "It has no image with a name.*docker-daemon:sha256:ID"),
        (["<none>:<none>"], "It has no image with a name"),
    ],
)
def test_an_image_that_is_not_there(server: ScriptedServer, names: list[str], hint: str) -> None:
    server.on("GET", f"/images/{NAME}/json", as_json({"message": f"No such image: {NAME}"}, 404))
    server.on("GET", "/images/json", as_json([{"RepoTags": names}, {"RepoTags": None}]))
    with pytest.raises(EngineError, match=f"has no image {NAME}. {hint}"):
        Engine(EngineAddress("", "127.0.0.1", server.port), timeout=10).image(NAME)


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        (
            [as_json({"message": "the disk is broken"}, 500)],
            "asked for the image .* answered 500: the disk is broken. Look",
        ),
        ([Reply(400, b"Client sent an HTTP request to an HTTPS server.\n")], "answered 400.*speaks TLS"),
        ([Reply(200, b"<html>\n a page</html>")], "answered 200: <html> a page</html>"),
        ([Reply(200, b"")], "answered 200: nothing"),
        ([Reply(200, b"[" * 100_000)], "answered 200"),
        ([as_json({"Id": "x"})], "no ID: 'x' is not a digest"),
        ([as_json({"Id": digest_of(b"x"), "RootFS": 1, "Size": "2"}), as_json([])], "asked for /info"),
        ([Hangup()], "does not answer.*broke off"),
        ([Reply(200, b"{}", cut=1)], "does not answer.*broke off"),
        ([Reply(200, b"x" * 1000)], "answered with more than"),
    ],
)
def test_answers_that_are_none(
    server: ScriptedServer, answers: list[Reply | Hangup], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(answers[0], Reply) and answers[0].body == b"x" * 1000:
        monkeypatch.setattr(f"{Engine.__module__}._MAX_ANSWER", 999)
    for target, answer in zip([f"/images/{NAME}/json", "/info"], answers):
        server.on("GET", target, answer)
    with pytest.raises(EngineError, match=f"the engine at tcp://127.0.0.1:[0-9]+.*{problem}"):
        Engine(EngineAddress("", "127.0.0.1", server.port), timeout=10).image(NAME)


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (as_json({"message": "no such image"}, 404), "asked for the archive of sha256:.*answered 404: no such image"),
        (Reply(200, b"x" * 1000, cut=500), "does not answer.*broke off"),
        (Reply(200, b"no tar at all" * 100), "docker-daemon:.* is not a whole tar archive"),
        (Hangup(), "broke off"),
    ],
)
def test_archives_that_do_not_come(fake: Fake, reply: Reply | Hangup, problem: str) -> None:
    source = fake.source(digest_of(CONFIG))
    fake.server.on("GET", f"/images/{digest_of(CONFIG)}/get", reply)
    with pytest.raises(RegistryError, match=problem):
        source.root()


def test_another_image_than_was_asked_for(fake: Fake) -> None:
    source = fake.source(digest_of(b"another"), SAVED)
    with pytest.raises(ArchiveError, match=f"sent {digest_of(CONFIG)}, asked for {digest_of(b'another')}"):
        source.root()
    source = fake.source(ONE.root, layout_files({"": MANY}), info=CONTAINERD)
    with pytest.raises(ArchiveError, match="no image"):
        source.root()


def test_a_folder_without_room(fake: Fake) -> None:
    """Before the engine is asked for it."""
    for info, needed in ((GRAPH_DRIVER, 2**39 + 1), (CONTAINERD, 2**40 + 1)):
        source = fake.source(digest_of(CONFIG), size=2**60, info=info)
        with pytest.raises(ArchiveError, match=rf"needs about {needed} MiB in .*temp, which has [0-9]+\. .*remote_tmp"):
            source.root()
    source = fake.source(digest_of(CONFIG))
    (fake.folder / "temp").rmdir()
    with pytest.raises(ArchiveError, match="could not be kept in .*temp: No such file"):
        source.root()


def test_nothing_listens(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "docker.sock"
    with pytest.raises(EngineError, match=f"unix://{path} does not answer: No such file.*No Docker engine is running"):
        Engine(EngineAddress(str(path)), timeout=1).image(NAME)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        with pytest.raises(EngineError, match=f"unix://{path} does not answer: Connection refused.*running there"):
            Engine(EngineAddress(str(path)), timeout=1).image(NAME)


@contextlib.contextmanager
def anyone() -> t.Iterator[None]:
    """Be a user without rights, if the tests run as root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_socket_that_is_not_ours(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        path.chmod(0)
        with anyone(), pytest.raises(
            EngineError, match=f"unix://{path} .*Permission denied.*become: true.*group docker"
        ):
            Engine(EngineAddress(str(path)), timeout=1).image(NAME)


def test_an_engine_that_hangs(tmp_path: pathlib.Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "docker.sock"))
        listener.listen()
        with pytest.raises(EngineError, match="timed out.*slow or hangs"):
            Engine(EngineAddress(str(tmp_path / "docker.sock")), timeout=0.01).image(NAME)


def test_over_a_unix_socket(tmp_path: pathlib.Path) -> None:
    requests: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        for body in (json.dumps({"Id": ONE.root, "Os": "linux", "Architecture": "arm", "Variant": "v7"}), "{}"):
            connection, _address = listener.accept()
            with connection:
                requests.append(connection.recv(4096))
                connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "docker.sock"))
        listener.listen()
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        image = Engine(EngineAddress(str(tmp_path / "docker.sock")), timeout=10).image(NAME)
        thread.join()
    assert (image.id, image.platform, image.diff_ids, image.is_layout) == (ONE.root, "linux/arm/v7", (), False)
    assert requests[0].startswith(f"GET /images/{NAME}/json HTTP/1.1\r\nHost: localhost\r\n".encode())


def test_failures_without_words() -> None:
    assert "does not answer: ValueError" in str(engine_failure(EngineAddress("/x"), ValueError()))


def archive_of(*layers: bytes) -> tuple[dict[str, bytes], bytes]:
    """Return what ``docker save`` writes of an image, and its configuration."""
    files = docker_save_files({"": layers})
    return files, next(files[name] for name in files if name.endswith(".json") and name != "manifest.json")


def both_in_one(*archives: dict[str, bytes]) -> dict[str, bytes]:
    """Return one archive of several images, in which the layers that they share stand once."""
    lists = [entry for files in archives for entry in json.loads(files["manifest.json"])]
    return {**{name: raw for files in archives for name, raw in files.items()}, "manifest.json": json.dumps(lists).encode()}


def test_images_that_are_wanted_together_come_in_one_archive(server: ScriptedServer, tmp_path: pathlib.Path) -> None:
    shared, noise = b"shared " * 5000, bytes(range(256)) * 5000
    tarred = pathlib.Path(write_tar(tmp_path / "layer.tar", {"file": shared})).read_bytes()
    empty = bytes(1024)
    pairs = [archive_of(tarred, b"one", empty), archive_of(tarred, noise)]
    ids = [digest_of(config) for _files, config in pairs]
    for image_id, layers in zip(ids, (3, 2)):
        server.on("GET", f"/images/{image_id}/json", described(image_id, layers=layers)).on("GET", "/info", GRAPH_DRIVER)
    body = pathlib.Path(write_tar(tmp_path / "engine.tar", both_in_one(*(files for files, _config in pairs)))).read_bytes()
    server.on("GET", f"/images/get?names={ids[0]}&names={ids[1]}", Reply(200, body, {"Content-Length": ""}, close=True))
    engine = Engine(EngineAddress("", "127.0.0.1", server.port), timeout=10)
    exports = EngineExports(engine, str(tmp_path))
    sources = [EngineSource(exports, image_id, owns=False) for image_id in ids]
    assert all(source.want() for source in sources)
    images = [load_image(source, source.root()) for source in sources]
    assert [image.root.config and image.root.config.digest for image in images] == ids
    assert images[0].root.layers[0] == images[1].root.layers[0]
    for source, image, (files, config) in zip(sources, images, pairs):
        unpacked = [digest_of(gzip.decompress(read_all(source.open_blob(layer)))) for layer in image.root.layers]
        assert unpacked == json.loads(config)["rootfs"]["diff_ids"]
        source.close()
    sources[0].want()  # is there already, and not asked for again
    assert EngineSource.root(sources[0]) == images[0].root
    exports.close()


def test_the_digest_is_that_of_the_archive_in_a_file(fake: Fake, tmp_path: pathlib.Path) -> None:
    """Compressed on its way or out of a file, a layer is the same bytes."""
    tarred = pathlib.Path(write_tar(tmp_path / "layer.tar", {"file": b"content " * 300_000})).read_bytes()
    files, config = archive_of(tarred, bytes(1024), b"no tar")
    path = write_tar(tmp_path / "saved.tar", files)
    source = fake.source(digest_of(config), files)
    saved = DockerArchiveSource(TarTree(path), temp_dir=str(tmp_path))
    assert source.root() == saved.root()
    saved.close()


def test_a_layer_that_is_not_what_the_image_says(fake: Fake, tmp_path: pathlib.Path) -> None:
    tarred = pathlib.Path(write_tar(tmp_path / "layer.tar", {"file": b"content"})).read_bytes()
    files, config = archive_of(tarred)
    (name,) = [name for name in files if name.endswith("/layer.tar")]
    source = fake.source(digest_of(config), {**files, name: tarred.replace(b"content", b"another")})
    with pytest.raises(ArchiveError, match="has the digest sha256:.*, its image says"):
        source.root()
