# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manifests as values: media types, descriptors, and the strict reading of a manifest or index.

Shapes are those of the OCI image spec 1.1 ("Image Manifest", "Image Index", "Content Descriptors") and of Docker's
image manifest version 2, schema 2, which differ only in media types.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
import types
import typing as t

from .errors import ContentError, InvalidReference
from .reference import parse_digest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
ALL_TYPES = INDEX_TYPES | MANIFEST_TYPES

ACCEPT = ", ".join((OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST))
"""Always sent whole: with a shorter list a registry answers 404, or one platform with another digest."""

MAX_MANIFEST_SIZE = 4 * 1024 * 1024
"""Bytes; OCI distribution spec, "Pushing Manifests": registries should accept at least this, Distribution no more."""

MAX_CONFIG_SIZE = 8 * 1024 * 1024
"""Bytes of an image configuration that is read into memory."""

CONFIG_TYPES = frozenset({DOCKER_CONFIG, OCI_CONFIG})
"""Configs that name a platform; an artifact's config may be anything."""

UNKNOWN_PLATFORM = "unknown/unknown"
"""Marks an index entry that is no image, such as an attestation."""

_MAX_ENTRIES = 10_000

_NO_ANNOTATIONS: t.Mapping[str, str] = types.MappingProxyType({})
"""Most descriptors have none, and lists of images have many descriptors."""


@dataclasses.dataclass(frozen=True)
class Descriptor:
    """A piece of content: what it is, its digest, its size in bytes.

    ``platform`` is ``os/architecture[/variant]`` or empty; ``urls`` are set for layers that stand elsewhere;
    ``annotations`` are those of an index entry; ``artifact_type`` says what an entry of a referrers list is.
    """

    media_type: str
    digest: str
    size: int
    platform: str = ""
    urls: tuple[str, ...] = ()
    annotations: t.Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False, compare=False)
    artifact_type: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return the three fields a manifest needs, in the order Docker writes them."""
        return {"mediaType": self.media_type, "size": self.size, "digest": self.digest}


@dataclasses.dataclass(frozen=True)
class Manifest:
    """A manifest or index: its exact bytes, and what they say.

    An index has ``children`` only; an image has a ``config`` and ``layers`` (an artifact may have other blobs there).
    ``artifact_type`` is empty for images; ``subject`` is the manifest that this one is about, such as a signature's
    image (OCI image spec 1.1, "Guidelines for Artifact Usage").
    """

    raw: bytes = dataclasses.field(repr=False)
    media_type: str
    digest: str
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    children: tuple[Descriptor, ...] = ()
    artifact_type: str = ""
    subject: Descriptor | None = None
    annotations: t.Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False, compare=False)

    @property
    def is_index(self) -> bool:
        """Whether this names other manifests instead of blobs."""
        return self.media_type in INDEX_TYPES

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of the manifest itself."""
        return Descriptor(self.media_type, self.digest, len(self.raw))

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The config and layers that the registry must hold, each digest once.

        Layers with ``urls`` are not among them: they may not be distributed (OCI image spec, "Non-Distributable
        Layers") and registries accept the manifest without them.
        """
        every = ((self.config,) if self.config else ()) + self.layers
        return tuple({blob.digest: blob for blob in every if not blob.urls}.values())


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """Return the digest of bytes, ``algorithm:hex``."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def parse_manifest(raw: bytes, media_type: str, *, where: str, digest: str = "") -> Manifest:
    """Read a manifest or index.

    :param media_type: the Content-Type or the descriptor's type; may be empty if the document has its own.
    :param where: what is read, for messages.
    :param digest: the digest it must have, if known; otherwise its sha256 is taken.
    :raises ContentError: if it has another digest, is no JSON, of a type not known, or breaks the schema.
    """
    if len(raw) > MAX_MANIFEST_SIZE:
        raise ContentError(
            f"{where} is larger than {MAX_MANIFEST_SIZE} bytes.", hint="No registry accepts such a manifest."
        )
    actual = digest_of(raw, digest.partition(":")[0] or "sha256")
    if digest and actual != digest:
        raise ContentError(
            f"{where} has the digest {actual}, not {digest}.", hint="It was damaged or changed on the way."
        )
    document = parse_json_object(raw, where=where)
    declared = document.get("mediaType") or media_type
    media_type = media_type or str(declared)
    if document.get("schemaVersion") != 2 or media_type not in ALL_TYPES:
        raise ContentError(
            f"{where} is of type {media_type[:100]!r}, schema version {str(document.get('schemaVersion'))[:10]}.",
            hint="Only OCI and Docker schema 2 images and indexes can be read: push the image again with a newer tool.",
        )
    if declared != media_type:
        raise ContentError(f"{where} says it is {str(declared)[:100]!r} but was served as {media_type!r}.")
    if ("manifests" in document) != (media_type in INDEX_TYPES) or ("manifests" in document and "layers" in document):
        # CVE-2021-41190: a document that is both may be read as either, by different clients.
        raise ContentError(f"{where} is of type {media_type!r}, but does not have its fields.")
    is_index = media_type in INDEX_TYPES
    config = None if is_index else _descriptor(document.get("config"), f"config of {where}")
    subject = document.get("subject")
    return Manifest(
        raw,
        media_type,
        actual,
        config=config,
        layers=() if is_index else _descriptors(document, "layers", where),
        children=_descriptors(document, "manifests", where) if is_index else (),
        artifact_type=_artifact_type(document, config),
        subject=None if subject is None else _descriptor(subject, f"subject of {where}"),
        annotations=_annotations(document, where),
    )


def parse_json_object(raw: bytes, *, where: str) -> dict[str, t.Any]:
    """Return a JSON object.

    :raises ContentError: if the bytes are anything else; the hint shows how they begin.
    """
    start = " ".join(raw[:120].decode("utf-8", "replace").split())
    hint = f"It begins with {start!r}." if start else "It is empty."
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ContentError(f"{where} is not JSON.", hint=hint) from error
    if not isinstance(document, dict):
        raise ContentError(f"{where} is JSON, but not an object.", hint=hint)
    return document


def platform_of(document: object) -> str:
    """Return ``os/architecture[/variant]`` of a platform object or an image configuration; empty if it has none."""
    if not isinstance(document, dict):
        return ""
    names = [document.get(key) for key in ("os", "architecture", "variant")]
    if not (isinstance(names[0], str) and isinstance(names[1], str) and names[0] and names[1]):
        return ""
    return "/".join(name for name in names if isinstance(name, str) and name)


def _descriptors(document: t.Mapping[str, t.Any], key: str, where: str) -> tuple[Descriptor, ...]:
    entries = document.get(key)
    if entries is None and key == "layers":
        entries = []
    if not isinstance(entries, list) or len(entries) > _MAX_ENTRIES:
        raise ContentError(f"{where} has no usable list of {key}.")
    return tuple(_descriptor(entry, f"an entry of {key} in {where}") for entry in entries)


def _descriptor(entry: object, where: str) -> Descriptor:
    if not isinstance(entry, dict):
        raise ContentError(f"{where} is not a descriptor.")
    media_type, size, urls = entry.get("mediaType"), entry.get("size"), entry.get("urls") or []
    try:
        digest = parse_digest(str(entry.get("digest")))
    except InvalidReference as error:
        raise ContentError(f"{where}: {error}") from error
    if not isinstance(media_type, str) or not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ContentError(f"{where} lacks a media type or a size.")
    if not isinstance(urls, list):
        raise ContentError(f"{where} has urls that are no list.")
    # A type once, however many descriptors have it. Digests are too many: Python's table of such texts only grows.
    return Descriptor(
        sys.intern(media_type),
        digest,
        size,
        platform_of(entry.get("platform")),
        tuple(str(url) for url in urls),
        _annotations(entry, where),
        str(entry.get("artifactType") or ""),
    )


def _annotations(document: t.Mapping[str, t.Any], where: str) -> t.Mapping[str, str]:
    annotations = document.get("annotations")
    if not annotations:
        return _NO_ANNOTATIONS
    if not isinstance(annotations, dict):
        raise ContentError(f"{where} has annotations that are no object.")
    return {str(key): str(value) for key, value in annotations.items()}


def _artifact_type(document: t.Mapping[str, t.Any], config: Descriptor | None) -> str:
    """Return what kind of artifact a manifest is; before OCI 1.1 its config's media type said so."""
    named = str(document.get("artifactType") or "")
    return named or (config.media_type if config and config.media_type not in CONFIG_TYPES else "")
