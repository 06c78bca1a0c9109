# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes an image from Docker Hub, with the engine, where both are there."""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import BinaryIO, cast

from .commands import run
from .errors import BuildError, say
from .layers import Blob, LayerStream, keep_blob

PING = "https://registry-1.docker.io/v2/"
PING_SECONDS = 4
CHUNK = 1 << 20


def answers() -> bool:
    """True if Docker Hub answers; it asks for a login, which is an answer."""
    try:
        with urllib.request.urlopen(PING, timeout=PING_SECONDS):
            return True
    except urllib.error.HTTPError as reply:
        return reply.code == 401
    except (OSError, ValueError):
        return False


def why_not() -> str:
    """What stands in the way of Docker Hub, "" if nothing."""
    if not shutil.which("docker"):
        return "there is no docker command"
    try:
        run(["docker", "version", "--format", "{{.Server.Version}}"])
    except BuildError:
        return "no Docker engine answers"
    return "" if answers() else f"Docker Hub does not answer within {PING_SECONDS} s"


def pull(name: str, reference: str) -> str:
    """Pull an image with the engine; returns the digest it has at Docker Hub, "" if the engine does not say."""
    say(name, f"pulling {reference} from Docker Hub (seconds to a minute)")
    run(["docker", "pull", "--quiet", reference])
    digests = json.loads(run(["docker", "image", "inspect", "--format", "{{json .RepoDigests}}", reference])) or []
    return digests[0].partition("@")[2] if digests else ""


def save(reference: str, blobs: Path) -> tuple[bytes, list[Blob]]:
    """The config and the layers of an image that the engine has; the layers, packed anew, are put into `blobs`."""
    saved = blobs / "saved.partial"
    run(["docker", "save", "--output", str(saved), reference])
    try:
        return read_saved(saved, blobs)
    finally:
        saved.unlink()


def read_saved(saved: Path, blobs: Path) -> tuple[bytes, list[Blob]]:
    """Read what `docker save` of any engine wrote: the config as it is, the layers gzipped."""
    with tarfile.open(saved) as tar:
        entry = json.loads(member(tar, "manifest.json").read())[0]
        config = member(tar, entry["Config"]).read()
        layers = [pack(member(tar, path), blobs) for path in entry["Layers"]]
    if [layer.diff_id for layer in layers] != json.loads(config)["rootfs"]["diff_ids"]:
        raise BuildError("the engine saved layers that its own config does not list")
    return config, layers


def member(tar: tarfile.TarFile, path: str) -> BinaryIO:
    """A file inside a tar, to read from; engines before 25 write a layer they have twice as a link."""
    found = tar.extractfile(path)
    if found is None:
        raise BuildError(f"the engine saved no file {path}")
    return cast(BinaryIO, found)


def pack(source: BinaryIO, blobs: Path) -> Blob:
    """Write a layer into `blobs`, gzipped as all of ours are."""
    packed = source.read(2) == b"\x1f\x8b"
    source.seek(0)
    reader = cast(BinaryIO, gzip.GzipFile(fileobj=source)) if packed else source
    partial = blobs / "layer.partial"
    with partial.open("wb") as out:
        stream = LayerStream(out)
        while chunk := reader.read(CHUNK):
            stream.write(chunk)
        blob = stream.finish()
    return keep_blob(partial, blob)
