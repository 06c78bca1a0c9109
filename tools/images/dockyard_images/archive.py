# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the archive of an image: an OCI image layout and a docker-archive in one tar, as `docker save` of Docker 25 does.

`docker load` of any engine reads manifest.json, an OCI reader reads index.json; both find the same blobs.
"""

from __future__ import annotations

import json
import os
import tarfile
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .layers import Blob, open_tar, write_blob

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Image:
    """What an archive holds: tags as `name:tag`, the config blob's bytes, the layers that it lists, in its order.

    `epoch` (seconds since 1970) is the time stamp of the archive's own members.
    """

    tags: list[str]
    architecture: str
    config: bytes
    layers: list[Blob]
    annotations: dict[str, str] = field(default_factory=dict)
    epoch: int = 0


def as_json(value: Any) -> bytes:
    """JSON with one spelling only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def rfc3339(epoch: int) -> str:
    """Seconds since 1970 as the OCI writes times."""
    return datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def image_config(
    architecture: str, config: dict[str, Any], layers: list[tuple[Blob, str]], epoch: int
) -> bytes:
    """The config blob of an image with these OCI config keys; each layer comes with its line of history."""
    created = rfc3339(epoch)
    history = [{"created": created, "created_by": line, "comment": "dockyard.registry"} for _layer, line in layers]
    return as_json(
        {
            "architecture": architecture,
            "os": "linux",
            "created": created,
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer, _line in layers]},
            "history": history,
        }
    )


def descriptor(media_type: str, blob: Blob, **more: Any) -> dict[str, Any]:
    """How OCI documents point to a blob."""
    return {"mediaType": media_type, "digest": blob.digest, "size": blob.size, **more}


def tag_descriptor(tag: str, manifest: Blob, architecture: str) -> dict[str, Any]:
    """One line of index.json. The full name is what containerd reads, the bare tag what others read."""
    annotations = {
        "io.containerd.image.name": full_name(tag),
        "org.opencontainers.image.ref.name": tag.rpartition(":")[2],
    }
    platform = {"architecture": architecture, "os": "linux"}
    return descriptor(MANIFEST, manifest, annotations=annotations, platform=platform)


def full_name(tag: str) -> str:
    """Docker's long form of a short name: registry:3 is docker.io/library/registry:3."""
    first, slash, _rest = tag.partition("/")
    if not slash:
        return "docker.io/library/" + tag
    is_host = "." in first or ":" in first or first == "localhost"
    return tag if is_host else "docker.io/" + tag


def write_archive(target: Path, blobs: Path, image: Image) -> Blob:
    """Write `target` from the layers in the folder `blobs`; returns the manifest's digest. Replaces `target` as a whole."""
    config = write_blob(blobs, image.config)
    manifest_json = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, config),
        "layers": [descriptor(LAYER, layer) for layer in image.layers],
    }
    if image.annotations:
        manifest_json["annotations"] = image.annotations
    manifest = write_blob(blobs, as_json(manifest_json))
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [tag_descriptor(tag, manifest, image.architecture) for tag in image.tags],
    }
    docker = [
        {
            "Config": blob_path(config),
            "RepoTags": image.tags,
            "Layers": [blob_path(layer) for layer in image.layers],
        }
    ]
    documents = {"index.json": index, "manifest.json": docker, "oci-layout": {"imageLayoutVersion": "1.0.0"}}
    used = {blob.digest for blob in (config, manifest, *image.layers)}
    write_tar(target, blobs, used, {name: as_json(value) for name, value in documents.items()}, image.epoch)
    return manifest


def blob_path(blob: Blob) -> str:
    """Where a blob is inside the archive."""
    return "blobs/" + blob.digest.replace(":", "/")


def write_tar(target: Path, blobs: Path, digests: set[str], documents: dict[str, bytes], mtime: int) -> None:
    """The archive's outer tar: blobs first, then the three documents, all sorted."""
    partial = target.with_name(target.name + ".partial")
    with partial.open("wb") as out, open_tar(out) as tar:
        for folder in ("blobs", "blobs/sha256"):
            add(tar, folder, mtime)
        for digest in sorted(digests):
            name = digest.removeprefix("sha256:")
            add(tar, f"blobs/sha256/{name}", mtime, blobs / name)
        for name in sorted(documents):
            document = write_blob(blobs, documents[name])
            add(tar, name, mtime, blobs / document.digest.removeprefix("sha256:"))
    os.replace(partial, target)


def add(tar: tarfile.TarFile, name: str, mtime: int, source: Path | None = None) -> None:
    """Add a folder, or a file with the content of `source`."""
    info = tarfile.TarInfo(name)
    info.mtime = mtime
    if source is None:
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(info)
        return
    info.size, info.mode = source.stat().st_size, 0o644
    with source.open("rb") as content:
        tar.addfile(info, content)
