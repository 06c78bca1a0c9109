# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the images into a registry, by its API; only what is needed is in memory, one layer at a time."""

from __future__ import annotations

import http.client
import json
import typing as t
from pathlib import Path

from . import corpus


def write(authority: str, scale: float) -> tuple[corpus.Reference, ...]:
    """Write all images, each blob once and by mount to other repositories; return what is there then."""
    connection = http.client.HTTPConnection(authority, timeout=300)
    made: dict[int, tuple[str, int, str, str]] = {}
    references = []
    for image in corpus.plan(scale):
        layers = []
        for layer in image.layers:
            if layer.number in made:
                digest, size, diff_id, home = made[layer.number]
                _mount(connection, image.repository, digest, home)
            else:
                blob = corpus.make_layer(layer)
                _upload(connection, image.repository, blob)
                digest, size, diff_id = blob.digest, len(blob.data), blob.diff_id
                made[layer.number] = (digest, size, diff_id, image.repository)
            layers.append((digest, size, diff_id))
        references.append(_finish(connection, image, layers))
    connection.close()
    return tuple(references)


def save(references: t.Iterable[corpus.Reference], path: Path) -> None:
    """Keep what was written."""
    path.write_text(json.dumps([[one.repository, one.tag, one.digest, one.blobs] for one in references]))


def load(path: Path) -> tuple[corpus.Reference, ...]:
    """Read what :func:`save` kept."""
    return tuple(
        corpus.Reference(repository, tag, digest, tuple((name, size) for name, size in blobs))
        for repository, tag, digest, blobs in json.loads(path.read_text())
    )


def _finish(
    connection: http.client.HTTPConnection, image: corpus.Image, layers: t.Sequence[tuple[str, int, str]]
) -> corpus.Reference:
    config = corpus.make_config(image, [diff_id for _digest, _size, diff_id in layers])
    _upload(connection, image.repository, config)
    manifest = corpus.make_manifest(config, [(digest, size) for digest, size, _diff_id in layers])
    target = f"/v2/{image.repository}/manifests/{image.tag}"
    _ask(connection, "PUT", target, 201, manifest.data, {"Content-Type": corpus.MANIFEST_TYPE})
    blobs = ((config.digest, len(config.data)), *((digest, size) for digest, size, _diff_id in layers))
    return corpus.Reference(image.repository, image.tag, manifest.digest, blobs)


def _upload(connection: http.client.HTTPConnection, repository: str, blob: corpus.Blob) -> None:
    answer = _ask(connection, "POST", f"/v2/{repository}/blobs/uploads/", 202)
    place = answer["Location"].partition("://")[2].partition("/")[2] if "://" in answer["Location"] else answer["Location"]
    query = "&" if "?" in place else "?"
    _ask(connection, "PUT", f"/{place.lstrip('/')}{query}digest={blob.digest}", 201, blob.data)


def _mount(connection: http.client.HTTPConnection, repository: str, digest: str, home: str) -> None:
    _ask(connection, "POST", f"/v2/{repository}/blobs/uploads/?mount={digest}&from={home}", 201)


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    expected: int,
    body: bytes = b"",
    headers: t.Mapping[str, str] | None = None,
) -> http.client.HTTPMessage:
    connection.request(method, target, body, dict(headers or {}))
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != expected:
        raise RuntimeError(f"{method} {target} answered {answer.status}: {text[:300]!r}")
    return answer.headers
