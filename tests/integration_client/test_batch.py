# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of images between real registries: what moves, what is left when it is cut off, and what survives a restart."""

from __future__ import annotations

import gzip
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.describe import RepositoryReader, load_image
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ContentError, RegistryError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.referrers import find_referrers
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import drain
from ansible_collections.dockyard.registry.tests.integration_client.conftest import USER, Running, started
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    SampleImage,
    add_entry,
    artifact_of,
    index_image,
    index_of,
    layout_files,
    platform_image,
    write_tar,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.relay import Relay
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

IMAGES = 50
KILLS = [(4, 0), (40, 0), (90, 2), (90, 10), (90, 20)]
"""The blobs and tags that are there at least before each: among large blobs, among small ones, among tags."""

BASE = random.Random(7).randbytes(3_000_000)
"""A layer that all images of :func:`many` share; random, so that it stays as large when it is compressed."""


def many(number: int) -> dict[str, SampleImage]:
    """Return images by ``repository:tag``: a few repositories, one base, some indexes."""
    generator = random.Random(8)
    found = {}
    for count in range(number):
        layers = (BASE, generator.randbytes(400_000), b"small %d" % count)
        image = platform_image("amd64", layers=layers)
        if count % 5 == 0:
            image = index_of(
                (image, {"platform": {"os": "linux", "architecture": "amd64"}}),
                (platform_image("arm64", layers=layers[1:]), {"platform": {"os": "linux", "architecture": "arm64"}}),
            )
        found[f"team{count % 7}/app{count % 20}:1.{count}"] = image
    return found


def fill(running: Running, images: t.Mapping[str, SampleImage], folder: pathlib.Path, prefix: str) -> None:
    """Put images on a registry by one run of the module, out of one archive."""
    path = write_tar(folder / f"{prefix.strip('/') or 'x'}.tar", layout_files({f"i{n}": image for n, image in enumerate(images.values())}))
    entries = [{"name": f"{prefix}{name}", "source": f"oci-archive:{path}:i{n}"} for n, name in enumerate(images)]
    result = modules.run("images", url=running.url, images=entries)
    assert result["totals"]["copied"] == len(images), result


def unwhole(client: RegistryClient, names: t.Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the tags that are there, and those of them that lack a manifest or a blob, as whoever pulls them finds out."""
    read: set[str] = set()
    there, broken = [], []
    for name in names:
        repository, _colon, tag = name.rpartition(":")
        if client.head_manifest(repository, tag) is None:
            continue
        there.append(name)
        try:
            image = load_image(RepositoryReader(client, repository), client.get_manifest(repository, tag))
            for blob in image.blobs:
                # The repository must have it, and what it has must be right; that is read once.
                if not client.head_blob(repository, blob.digest):
                    raise ContentError(f"{repository} lacks {blob.digest}.")
                if blob.digest not in read:
                    drain(client.open_blob(repository, blob))
                    read.add(blob.digest)
        except RegistryError as error:
            print(f"{name}: {error}")
            broken.append(name)
    return there, broken


@pytest.fixture
def source(binary: str, tmp_path: pathlib.Path) -> t.Iterator[Running]:
    """Return a registry to copy from."""
    folder = tmp_path / "source"
    folder.mkdir()
    with started(binary, folder) as registry:
        yield registry


@pytest.fixture
def target(binary: str, tmp_path: pathlib.Path) -> t.Iterator[Running]:
    """Return an empty registry to copy to."""
    folder = tmp_path / "target"
    folder.mkdir()
    with started(binary, folder) as registry:
        yield registry


def start(arguments: t.Mapping[str, t.Any]) -> subprocess.Popen[str]:
    """Run the module images in a process of its own."""
    program = (
        "import json, sys\n"
        "from ansible_collections.dockyard.registry.tests.unit.plugins.modules.registry_modules import run\n"
        "print(json.dumps(run('images', **json.load(sys.stdin))))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    stdin = t.cast("t.IO[str]", process.stdin)
    json.dump(arguments, stdin)
    stdin.close()
    return process


def finish(process: subprocess.Popen[str]) -> dict[str, t.Any]:
    with t.cast("t.IO[str]", process.stdout) as output:
        printed = output.read()
    assert process.wait() == 0
    result: dict[str, t.Any] = json.loads(printed)
    return result


def test_a_seed_that_is_killed_five_times(source: Running, target: Running, tmp_path: pathlib.Path) -> None:
    """It goes on each time, no tag ever names what is not whole, and nothing that arrived is sent again."""
    images = many(IMAGES)
    fill(source, images, tmp_path, "")
    entries = [{"name": f"seed/{name}", "source": f"docker://{source.authority}/{name}"} for name in images]
    names = [entry["name"] for entry in entries]
    corpus = {digest: len(content) for image in images.values() for digest, content in image.blobs.items()}
    relay = Relay(int(target.authority.rpartition(":")[2]))
    arguments = {
        "url": f"http://127.0.0.1:{relay.port}",
        "images": entries,
        "registries": [{"registry": source.authority, "plain_http": True}],
    }
    in_flight = 0
    print(f"corpus: {IMAGES} images, {len(corpus)} blobs, {sum(corpus.values())} bytes")
    print("run        sent    blobs there  tags there  whole")
    with RegistryClient(parse_registry_url(target.url)) as client:
        for kill, (blobs, tags) in enumerate(KILLS, 1):
            process, sent = start(arguments), relay.sent
            # As soon as so much is there: in the middle of the work, however fast the machine.
            while process.poll() is None and (stored(target) < blobs or tags_of(target) < tags):
                time.sleep(0.002)
            time.sleep(random.uniform(0, 0.02))
            assert process.poll() is None, "it ended before it was killed"
            process.send_signal(signal.SIGKILL)
            process.wait()
            t.cast("t.IO[str]", process.stdout).close()
            there, broken = unwhole(client, names)
            print(f"{kill}, killed {relay.sent - sent:9} {stored(target):8} {len(there):12} {len(there) - len(broken):9}")
            assert not broken and tags <= len(there) < IMAGES
            # Four large blobs and four small ones were on their way at the most.
            left = sorted((size for digest, size in corpus.items() if digest not in stored_digests(target)), reverse=True)
            in_flight += sum(left[:8])
        blobs_before, sent = stored(target), relay.sent
        result = finish(start(arguments))
        there, broken = unwhole(client, names)
        print(f"6, to its end {relay.sent - sent:6} {stored(target):8} {len(there):12} {len(there) - len(broken):9}")
    assert not broken and len(there) == IMAGES
    assert result["totals"]["failed"] == 0 and result["changed"]
    assert blobs_before + result["totals"]["uploaded"] == len(corpus), result["totals"]
    most = sum(corpus.values()) + in_flight
    print(f"all runs: {relay.sent} bytes sent, of at most {most} and the requests' heads and manifests")
    assert relay.sent < most * 1.05
    again = modules.run("images", **arguments)
    relay.close()
    assert not again["changed"] and again["totals"]["skipped"] == IMAGES
    # One question for each tag, and one whether this is a registry.
    assert again["totals"]["requests"] == IMAGES + 1


def stored(running: Running) -> int:
    """Return the number of configs and layers in a registry's storage."""
    return len(stored_digests(running))


def tags_of(running: Running) -> int:
    """Return the number of tags in a registry's storage."""
    repositories = running.root / "docker/registry/v2/repositories"
    return len(list(repositories.glob("*/*/*/_manifests/tags/*/current/link")))


def stored_digests(running: Running) -> set[str]:
    """Return the digests of the configs and layers in a registry's storage."""
    found = set()
    for path in (running.root / "docker/registry/v2/blobs/sha256").glob("*/*/data"):
        try:
            with path.open("rb") as file:
                start = file.read(2000)
        except OSError:
            continue  # it is being written
        if b"schemaVersion" not in start:
            found.add(f"sha256:{path.parent.name}")
    return found


def test_each_blob_goes_once(source: Running, target: Running, tmp_path: pathlib.Path) -> None:
    images = many(20)
    fill(source, images, tmp_path, "")
    entries = [{"source": f"docker://{source.authority}/{name}"} for name in images]
    foretold = modules.run("images", url=target.url, images=entries, check=True)
    result = modules.run("images", url=target.url, images=entries)
    distinct = {digest: len(content) for image in images.values() for digest, content in image.blobs.items()}
    assert result["totals"]["uploaded"] == len(distinct)
    assert result["totals"]["uploaded_bytes"] == sum(distinct.values())
    assert [image["digest"] for image in result["images"]] == [image.root for image in images.values()]
    assert {**foretold["totals"], "requests": 0, "source_requests": 0, "seconds": 0} == {
        **result["totals"],
        "requests": 0,
        "source_requests": 0,
        "seconds": 0,
    }


def test_promotion_moves_no_byte(source: Running, tmp_path: pathlib.Path) -> None:
    images = many(10)
    fill(source, images, tmp_path, "staging/")
    entries = [
        {"name": f"production/{name}", "source": f"docker://{source.authority}/staging/{name}"} for name in images
    ]
    result = modules.run("images", url=source.url, images=entries)
    assert result["totals"]["uploaded"] == 0 and result["totals"]["copied"] == 10
    assert result["totals"]["source_requests"] == 0
    with RegistryClient(parse_registry_url(source.url)) as client:
        there, broken = unwhole(client, [entry["name"] for entry in entries])
    assert len(there) == 10 and not broken


def test_a_new_image_takes_what_others_have(source: Running, target: Running, tmp_path: pathlib.Path) -> None:
    """Its base is in another repository, of an image that is there and is not touched."""
    first, second = platform_image(layers=(BASE, b"one")), platform_image(layers=(BASE, b"two"))
    fill(source, {"a/one:1": first, "b/two:1": second}, tmp_path, "")
    one, two = ({"source": f"docker://{source.authority}/{name}"} for name in ("a/one:1", "b/two:1"))
    modules.run("images", url=target.url, images=[one])
    result = modules.run("images", url=target.url, images=[one, two])
    assert result["totals"]["mounted_bytes"] >= len(BASE)
    assert result["totals"]["uploaded_bytes"] < 10_000


def test_signatures_travel_along(source: Running, target: Running, tmp_path: pathlib.Path) -> None:
    image = index_image()
    signature, sbom = artifact_of(image, "application/x-signature"), artifact_of(image, "application/x-sbom")
    cosign = platform_image("none", layers=(b"cosign's own",))
    tag = f"sha256-{image.root[7:]}.sig"
    fill(source, {"team/app:1": image, f"team/app:{tag}": cosign}, tmp_path, "")
    with RegistryClient(parse_registry_url(source.url)) as client:
        fill(source, {"team/app:signature": signature, "team/app:sbom": sbom}, tmp_path, "")
        listed = client.get_manifest("team/app", f"sha256-{image.root[7:]}")
        assert {child.digest for child in listed.children} == {signature.root, sbom.root}
    entries = [{"source": f"docker://{source.authority}/team/app:1", "referrers": True}]
    results = [modules.run("images", url=target.url, images=entries) for _time in range(2)]
    assert [result["changed"] for result in results] == [True, False]
    with RegistryClient(parse_registry_url(target.url)) as client:
        listed = client.get_manifest("team/app", f"sha256-{image.root[7:]}")
        assert {child.digest for child in listed.children} == {signature.root, sbom.root}
        assert client.get_manifest("team/app", tag).digest == cosign.root
        # The signature is lost, and comes back though the image is there.
        client.delete_manifest("team/app", cosign.root)
        result = modules.run("images", url=target.url, images=entries)
        assert result["changed"] and client.get_manifest("team/app", tag).digest == cosign.root


def test_signatures_travel_along_from_an_archive(target: Running, tmp_path: pathlib.Path) -> None:
    """One of OCI 1.1, one of that, and a tag of cosign: one archive, into the registry and out of it again."""
    image = index_image()
    signature = artifact_of(image, "application/x-signature")
    second = artifact_of(signature, "application/x-signature")
    cosign = platform_image("none", layers=(b"cosign's own",))
    tag = f"sha256-{image.root[7:]}"
    blobs = {**image.blobs, **signature.blobs, **second.blobs, **cosign.blobs}
    files = add_entry(add_entry(layout_files({"": image}), signature), second)
    files = add_entry(files, cosign, annotations={"org.opencontainers.image.ref.name": f"{tag}.sig"})
    path = write_tar(tmp_path / "signed.tar", files)
    entries = [{"name": "team/app:1", "source": f"oci-archive:{path}", "referrers": True}]
    foretold = modules.run("images", check=True, url=target.url, images=entries)
    with RegistryClient(parse_registry_url(target.url)) as client:
        assert client.find_tags("team/app") is None
        results = [modules.run("images", url=target.url, images=entries) for _time in range(2)]
        assert [result["changed"] for result in (foretold, *results)] == [True, True, False]
        assert [result["totals"]["uploaded"] for result in (foretold, *results)] == [len(blobs), len(blobs), 0]
        assert sorted(client.tags("team/app")) == sorted(["1", tag, f"{tag}.sig", f"sha256-{signature.root[7:]}"])
        for subject, about in ((image, signature), (signature, second)):
            (found,) = [one for one in find_referrers(client, "team/app", subject.root) if not one.tag]
            assert (found.descriptor.digest, found.descriptor.artifact_type) == (about.root, "application/x-signature")
            manifest = client.get_manifest("team/app", about.root)
            assert manifest.subject is not None and manifest.subject.digest == subject.root
            for blob in manifest.blobs:
                assert client.get_blob("team/app", blob, limit=1000) == about.blobs[blob.digest]
        assert client.get_manifest("team/app", f"{tag}.sig").digest == cosign.root
    # From the registry they travel on, the same as from the archive.
    assert not modules.run("images", url=target.url, images=entries)["changed"]
    onward = [{"name": "other/app:1", "source": f"docker://{target.authority}/team/app:1", "referrers": True}]
    modules.run("images", url=target.url, images=onward)
    again = [{**entries[0], "name": "other/app:1"}]
    assert not modules.run("images", url=target.url, images=again)["changed"]


def test_signatures_travel_along_in_a_bundle(source: Running, target: Running, tmp_path: pathlib.Path) -> None:
    image, cosign = index_image(), platform_image("none", layers=(b"cosign's own",))
    signature = artifact_of(image, "application/x-signature")
    tag = f"sha256-{image.root[7:]}"
    fill(source, {"team/app:1": image, f"team/app:{tag}.sig": cosign, "team/app:x": signature}, tmp_path, "")
    path = str(tmp_path / "bundle.tar")
    listed = [{"source": f"docker://{source.authority}/team/app:1", "referrers": True}]
    made = [modules.run("bundle", dest=path, images=listed) for _time in range(2)]
    assert [(result["changed"], result["referrers"]) for result in made] == [(True, 2), (False, 2)]
    found = modules.run("bundle_info", path=path)["images"]
    entries = [{"name": image["name"], "source": image["source"]} for image in found]
    results = [modules.run("images", url=target.url, images=entries, referrers=True) for _time in range(2)]
    assert [result["changed"] for result in results] == [True, False]
    with RegistryClient(parse_registry_url(target.url)) as client:
        assert sorted(client.tags("team/app")) == sorted(["1", tag, f"{tag}.sig"])
        referrers = find_referrers(client, "team/app", image.root)
        assert [(one.descriptor.digest, one.tag) for one in referrers] == [(signature.root, ""), (cosign.root, f"{tag}.sig")]


def test_a_password_on_both_sides(guarded: Running, target: Running, tmp_path: pathlib.Path) -> None:
    login = {"username": USER.username, "password": USER.password}
    path = write_tar(tmp_path / "x.tar", layout_files({"": platform_image()}))
    modules.run("images", url=guarded.url, **login, images=[{"name": "batch/x:1", "source": f"oci-archive:{path}"}])
    entries = [{"source": f"docker://{guarded.authority}/batch/x:1"}]
    refused = modules.run("images", url=target.url, images=entries)
    assert refused["failed"] and "401" in refused["images"][0]["error"]
    result = modules.run("images", url=target.url, images=entries, registries=[{"registry": guarded.authority, **login}])
    assert result["totals"]["copied"] == 1
    assert USER.password not in json.dumps(result)


@pytest.mark.parametrize("who", ["source", "target"])
def test_a_registry_that_restarts(binary: str, tmp_path: pathlib.Path, who: str) -> None:
    """It is away for three seconds in the middle of the copy."""
    images = many(30)
    folders = {name: tmp_path / name for name in ("source", "target")}
    for folder in folders.values():
        folder.mkdir()
    with started(binary, folders["source"]) as source, started(binary, folders["target"]) as target:
        fill(source, images, tmp_path, "")
        away = source if who == "source" else target
        entries = [{"name": f"x/{name}", "source": f"docker://{source.authority}/{name}"} for name in images]
        restarted = Restart(binary, away, folders[who])
        process = start({"url": target.url, "images": entries})
        while stored(target) < 5:
            time.sleep(0.005)
        restarted.go()
        try:
            result = finish(process)
            assert result["totals"]["failed"] == 0, result["images"]
            with RegistryClient(parse_registry_url(target.url)) as client:
                there, broken = unwhole(client, [entry["name"] for entry in entries])
            assert len(there) == 30 and not broken
        finally:
            restarted.end()


class Restart:
    """Ends the registry that listens at an address, and starts it again there a while later."""

    def __init__(self, binary: str, running: Running, folder: pathlib.Path) -> None:
        self._binary = binary
        self._running = running
        self._folder = folder
        self._thread = threading.Thread(target=self._again)
        self._process: subprocess.Popen[bytes] | None = None

    def go(self) -> None:
        """End it now."""
        port = self._running.authority.rpartition(":")[2]
        for line in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if str(self._folder / "config.yml").encode() in line.read_bytes() and f":{port}" in (self._folder / "config.yml").read_text():
                    os.kill(int(line.parent.name), signal.SIGKILL)
            except OSError:
                continue  # it has ended meanwhile
        self._thread.start()

    def end(self) -> None:
        """End the second one."""
        self._thread.join()
        if self._process:
            self._process.terminate()
            self._process.wait(30)

    def _again(self) -> None:
        time.sleep(3)
        environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
        with (self._folder / "log2").open("wb") as log:
            self._process = subprocess.Popen(
                [self._binary, "serve", str(self._folder / "config.yml")], stdout=log, stderr=log, env=environment
            )


def test_an_altered_archive_is_refused(target: Running, tmp_path: pathlib.Path) -> None:
    good, bad = platform_image(layers=(b"good",)), platform_image(layers=(b"bad", b"worse"))
    files = layout_files({"good": good, "bad": bad})
    layer = gzip.compress(b"worse", mtime=0)
    name = next(name for name, content in files.items() if content == layer)
    path = write_tar(tmp_path / "x.tar", {**files, name: layer[:-1] + b"!"})
    entries = [{"name": f"x/{tag}:1", "source": f"oci-archive:{path}:{tag}"} for tag in ("good", "bad")]
    result = modules.run("images", url=target.url, images=entries)
    assert result["failed"] and [problem["where"] for problem in result["error"]["problems"]] == ["images[1]"]
    assert stored(target) == 0
