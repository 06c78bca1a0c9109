# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The small files of a layout or docker-archive, always the same bytes for the same image under the same name."""

from __future__ import annotations

import json
import typing as t

from .describe import Image
from .errors import ContentError
from .image_name import ImageName
from .layout_names import CONTAINERD_NAME, REF_NAME
from .media_types import OCI_INDEX, Descriptor, Manifest
from .oci_layout import blob_name

OCI_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


def contents_of(image: Image) -> tuple[Descriptor, ...]:
    """Return all that a layout holds of an image: its manifests and its blobs, each digest once."""
    manifests = [manifest.descriptor for manifest in image.manifests]
    return tuple({content.digest: content for content in (*manifests, *image.blobs)}.values())


def index_entry(root: Descriptor, name: ImageName) -> dict[str, object]:
    """Return the entry of index.json that names an image (OCI image spec, "Image Layout")."""
    annotations = {CONTAINERD_NAME: name.full} if name.full else {}
    return {**root.as_dict(), "annotations": {**annotations, REF_NAME: name.ref}}


def index_json(entries: t.Sequence[object], more: t.Mapping[str, object] | None = None) -> bytes:
    """Return index.json with these entries, and the other fields of one that was there before."""
    return _as_json({"schemaVersion": 2, "mediaType": OCI_INDEX, **(more or {}), "manifests": entries})


def manifest_json(*images: tuple[Manifest, ImageName]) -> bytes:
    """Return manifest.json, by which ``docker load`` finds images."""
    return _as_json([_docker_entry(manifest, name) for manifest, name in images])


def _docker_entry(manifest: Manifest, name: ImageName) -> dict[str, object]:
    if manifest.config is None:
        raise ContentError(f"{manifest.digest} has no configuration, so docker load cannot take it.")
    return {
        "Config": blob_name(manifest.config.digest),
        "RepoTags": [name.docker],
        "Layers": [blob_name(layer.digest) for layer in manifest.layers],
    }


def _as_json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
