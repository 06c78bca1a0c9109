# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The images that are copied: 23 references in 15 repositories, 77 layers, some of them shared; always the same bytes.

Layers are real ones (a tar in gzip, stored, for random bytes do not compress), so that engines take them, too.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import random
import struct
import tarfile
import typing as t
import zlib

TOTAL = 1_500_000_000
"""Bytes of all layers at scale 1."""

BASES = 4
BASE_LAYERS = 3
REPOSITORIES = 15
REFERENCES = 23
OWN_LAYERS = 65

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"

_STORED = 65_535
_SMALLEST = 2_000


class Layer(t.NamedTuple):
    """A layer that is still to be made: what its random bytes grow from, and how many there are."""

    number: int
    size: int


class Image(t.NamedTuple):
    """An image that is still to be made."""

    repository: str
    tag: str
    layers: tuple[Layer, ...]


class Blob(t.NamedTuple):
    """Bytes with their digest; ``diff_id`` is the digest of a layer's tar."""

    data: bytes
    digest: str
    diff_id: str = ""


@dataclasses.dataclass(frozen=True)
class Reference:
    """What stands in the registry at the end: a tag, the manifest's digest, and the blobs it needs with their sizes."""

    repository: str
    tag: str
    digest: str
    blobs: tuple[tuple[str, int], ...]


def plan(scale: float) -> tuple[Image, ...]:
    """Return the images whose layers have about ``scale`` times :data:`TOTAL` bytes together."""
    chance = random.Random("dockyard")
    weights = [chance.lognormvariate(0, 1.1) for _each in range(BASES * BASE_LAYERS + OWN_LAYERS)]
    factor = TOTAL * scale / sum(weights)
    layers = [Layer(number, max(_SMALLEST, int(weight * factor))) for number, weight in enumerate(weights)]
    bases = [tuple(layers[base * BASE_LAYERS:(base + 1) * BASE_LAYERS]) for base in range(BASES)]
    own = layers[BASES * BASE_LAYERS:]
    images = []
    for number in range(REFERENCES):
        place = number % REPOSITORIES
        share = own[number * OWN_LAYERS // REFERENCES:(number + 1) * OWN_LAYERS // REFERENCES]
        name = f"team{place % 3}/app{place // 3}"
        images.append(Image(name, f"1.{number // REPOSITORIES}", (*bases[place % BASES], *share)))
    return tuple(images)


def make_layer(layer: Layer) -> Blob:
    """Return a layer's bytes."""
    content = random.Random(layer.number).randbytes(layer.size)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        member = tarfile.TarInfo(f"data/{layer.number}")
        member.size = layer.size
        tar.addfile(member, io.BytesIO(content))
    plain = buffer.getvalue()
    packed = store(plain)
    return Blob(packed, digest_of(packed), digest_of(plain))


def store(plain: bytes) -> bytes:
    """Return bytes as gzip without compression (RFC 1951, 3.2.4), the same with every zlib."""
    parts = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    for start in range(0, len(plain), _STORED):
        chunk = plain[start:start + _STORED]
        final = start + _STORED >= len(plain)
        parts += [struct.pack("<BHH", final, len(chunk), len(chunk) ^ 0xFFFF), chunk]
    if not plain:
        parts.append(struct.pack("<BHH", 1, 0, 0xFFFF))
    parts.append(struct.pack("<II", zlib.crc32(plain), len(plain) & 0xFFFFFFFF))
    return b"".join(parts)


def make_config(image: Image, diff_ids: t.Sequence[str]) -> Blob:
    """Return the configuration of an image."""
    document = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": {"name": f"{image.repository}:{image.tag}"}},
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        "history": [{"created_by": "bench"} for _each in diff_ids],
    }
    return _json_blob(document)


def make_manifest(config: Blob, layers: t.Sequence[tuple[str, int]]) -> Blob:
    """Return the manifest of an image whose layers have these digests and sizes."""
    return _json_blob(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": CONFIG_TYPE, "digest": config.digest, "size": len(config.data)},
            "layers": [
                {"mediaType": LAYER_TYPE, "digest": digest, "size": size} for digest, size in layers
            ],
        }
    )


def digest_of(data: bytes) -> str:
    """Return a digest as registries write it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _json_blob(document: t.Mapping[str, t.Any]) -> Blob:
    data = json.dumps(document, separators=(",", ":")).encode()
    return Blob(data, digest_of(data))
