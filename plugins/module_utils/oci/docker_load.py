# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``docker load`` takes, of all that a registry may hold."""

from __future__ import annotations

import re

from .describe import ContentReader
from .errors import ContentError
from .media_types import CONFIG_TYPES, MAX_CONFIG_SIZE, Manifest, parse_json_object

_LAYER = re.compile(
    r"application/vnd\.(?:oci\.image\.layer\.v1|docker\.image\.rootfs\.diff)\.tar(?:[.+](?:gzip|zstd))?"
)
"""Compressed layers are taken by Docker 20.10 and newer, with zstd as well."""

_INSTEAD = "Use oci-archive: or oci:, which hold any image."


def check_loadable(reader: ContentReader, manifest: Manifest) -> None:
    """Fail if ``docker load`` would not take an image, or would make another of it.

    :raises ContentError: with the reason and what to use instead.
    """
    problem = _problem(reader, manifest)
    if problem:
        raise ContentError(f"docker load does not take the image {manifest.digest}: {problem}.", hint=_INSTEAD)


def _problem(reader: ContentReader, manifest: Manifest) -> str:
    config = manifest.config
    if config is None or config.media_type not in CONFIG_TYPES:
        kind = config.media_type[:100] if config else "nothing"
        return f"it is an artifact, whose configuration is {kind}"
    for layer in manifest.layers:
        if layer.urls:
            return f"its layer {layer.digest} may not be distributed and stands at {layer.urls[0][:200]}"
        if not _LAYER.fullmatch(layer.media_type):
            return f"its layer {layer.digest} is of type {layer.media_type[:100]}"
    digests = [manifest.digest, config.digest, *(layer.digest for layer in manifest.layers)]
    diff_ids = _diff_ids(reader, manifest)
    if len(diff_ids) != len(manifest.layers):
        return f"its configuration names {len(diff_ids)} layers, its manifest {len(manifest.layers)}"
    others = [digest for digest in (*digests, *diff_ids) if not digest.startswith("sha256:")]
    return f"the engine knows sha256 only, and a part of it is {others[0][:140]}" if others else ""


def _diff_ids(reader: ContentReader, manifest: Manifest) -> list[str]:
    if manifest.config is None:
        return []
    raw = reader.small_blob(manifest.config, limit=MAX_CONFIG_SIZE)
    rootfs = parse_json_object(raw, where=f"the image configuration {manifest.config.digest}").get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    return [str(diff_id) for diff_id in diff_ids] if isinstance(diff_ids, list) else []
