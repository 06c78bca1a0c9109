# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images in an archive of ``docker save``: manifest.json names a configuration and layers, but no registry's manifest.

So one is made, of Docker's schema 2, and the same archive always gives the same one: layers are compressed the same way
each time, the configuration is kept byte for byte. Docker 25 and newer write an OCI layout into the same file; it is
left alone here, ``oci-archive:`` reads it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import typing as t
from concurrent.futures import ThreadPoolExecutor

from .errors import ArchiveError, ContentError, InvalidReference, RegistryError
from .file_tree import FileTree, read_small, shown
from .layer_files import Layer, close_layer, linked_layer, packed_layer, prepare_layer
from .media_types import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    MAX_CONFIG_SIZE,
    Descriptor,
    Manifest,
    digest_of,
    parse_json_object,
    parse_manifest,
    platform_of,
)
from .origin import Origin
from .reference import parse_digest, parse_reference
from .streamed_archive import StreamedArchive
from .streams import Readable, VerifyingReader, bytes_body

_MAX_LIST = 8 * 1024 * 1024
_MAX_LAYERS = 1000
_DAMAGED = "The archive is damaged or no docker save archive: export the image again."


_Job = t.Tuple[str, str]
"""A layer's file in the archive, and the digest its image gives it."""


@dataclasses.dataclass(frozen=True)
class _Entry:
    config: str
    layers: tuple[str, ...]
    names: tuple[str, ...]


class DockerArchiveSource:
    """One image of a docker-archive. Its layers are read and verified when its manifest is first asked for."""

    def __init__(
        self,
        tree: FileTree,
        selector: str = "",
        *,
        image_id: str = "",
        temp_dir: str | None = None,
        streamed: StreamedArchive | None = None,
        known: t.Mapping[str, Descriptor] | None = None,
    ) -> None:
        """Find the image.

        :param selector: ``name:tag`` as ``docker save`` was told; may be empty if there is one image.
        :param image_id: the digest of the image's configuration, if it is chosen by that.
        :param streamed: where layers may stand that were compressed while the archive came.
        :param temp_dir: where compressed layers may be kept; the system's folder if None.
        :param known: layers that a registry has compressed already, by the digests of their content: they are not read.
        :raises ArchiveError: if it is no such archive, its image is damaged as far as that shows without its layers,
            or not exactly one image is chosen; the hint lists the choices.
        """
        self._tree = tree
        self._temp_dir = temp_dir
        self._streamed = streamed
        self._known = known or {}
        self._entry = _choose(tree, _entries(tree), selector, image_id)
        self._layers: dict[_Job, Layer] = {}
        self._config = self._read_config()
        self._diff_ids = self._read_diff_ids()
        self._manifest: Manifest | None = None

    @property
    def image_id(self) -> str:
        """The digest of the configuration, which decides the image down to the last byte of its layers."""
        return digest_of(self._config)

    def known_digest(self) -> str:
        """Return an empty string: the manifest is made here, and takes all layers."""
        return ""

    def want(self) -> bool:
        """Return false: it is at hand."""
        return False

    def unpacked(self) -> None:
        """Return None: a file's layers are read in any case, for it may be damaged."""

    def is_same(self, present: Manifest) -> bool:
        """Tell whether a manifest is this image, however its layers are compressed."""
        return is_image(present, self.image_id, len(self._diff_ids))

    def platform(self) -> str:
        """Return the platform of the image."""
        return platform_of(parse_json_object(self._config, where=f"{self._tree.path}: its configuration"))

    def root(self) -> Manifest:
        """Return the manifest that is made of the image."""
        if self._manifest is None:
            self._manifest = self._make_manifest()
        return self._manifest

    def manifest(self, descriptor: Descriptor) -> Manifest:
        """Refuse: the image is one manifest that names no other."""
        raise ContentError(f"{self._tree.path} has no manifest {descriptor.digest}.")

    def small_blob(self, descriptor: Descriptor, *, limit: int) -> bytes:
        """Return the image's configuration, the only small blob there is; it was bounded when it was read."""
        if descriptor.digest != self.image_id or descriptor.size > limit:
            raise ContentError(f"{self._tree.path} has no small blob {descriptor.digest}.")
        return self._config

    def open_blob(self, descriptor: Descriptor) -> Readable:
        """Open the configuration or a layer as a registry gets it; its digest is verified while it is read."""
        if descriptor.digest == self.image_id:
            return bytes_body(self._config).open()
        layer = next(layer for layer in self._layers.values() if layer.descriptor.digest == descriptor.digest)
        if layer.trusted:
            return layer.open()
        return VerifyingReader(layer.open(), layer.descriptor, where=f"{self._tree.path}: layer {descriptor.digest}")

    def check(self, blobs: t.Sequence[Descriptor]) -> None:
        """Do nothing: making the manifest has verified every layer."""

    def mountable_from(self, _origin: Origin) -> str:
        """Return an empty string: a file is on no registry."""
        return ""

    def place(self) -> tuple[str, str]:
        """Return the archive and the image in it: each has layers of its own, as they are compressed."""
        return "", f"{self._tree.path} {self.image_id}"

    def close(self) -> None:
        """Remove the compressed layers and close the archive."""
        for layer in self._layers.values():
            close_layer(layer)
        self._tree.close()

    def _make_manifest(self) -> Manifest:
        # Equal layers share a file or a link to one: each is read once.
        jobs = [(self._tree.identity(name), diff_id) for name, diff_id in zip(self._entry.layers, self._diff_ids)]
        self._prepare(dict.fromkeys(jobs))
        layers = [self._layers[job].descriptor for job in jobs]
        config = Descriptor(DOCKER_CONFIG, self.image_id, len(self._config))
        document = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": config.as_dict(),
            "layers": [layer.as_dict() for layer in layers],
        }
        raw = json.dumps(document, indent=3).encode()
        return parse_manifest(raw, DOCKER_MANIFEST, where=f"the manifest made of {self._tree.path}")

    def _prepare(self, jobs: t.Iterable[_Job]) -> None:
        """Make layers ready, several at a time; those that succeed are kept, so that ``close`` finds their files."""
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as executor:
            futures = {job: executor.submit(self._prepare_one, *job) for job in jobs}
        self._layers = {job: future.result() for job, future in futures.items() if future.exception() is None}
        for future in futures.values():
            future.result()

    def _prepare_one(self, name: str, diff_id: str) -> Layer:
        where = f"{self._tree.path}: {shown(name)}"
        if diff_id in self._known:
            return linked_layer(self._known[diff_id], where=where)
        if self._streamed and self._streamed.passed(name):
            raise ArchiveError(f"{where} is not the layer that its name says.", hint=_DAMAGED)
        packed = self._streamed.packed(name) if self._streamed else None
        if self._streamed is None or packed is None:
            return prepare_layer(self._tree, name, diff_id, self._temp_dir)
        return packed_layer(self._streamed, packed, diff_id, where=where)

    def _read_config(self) -> bytes:
        name = self._entry.config
        content = read_small(self._tree, name, MAX_CONFIG_SIZE)
        if content is None:
            raise ArchiveError(f"{self._tree.path} lacks {shown(name)}.", hint=_DAMAGED)
        # Docker names the file after its digest: an archive that breaks this was changed after it was written.
        named = re.fullmatch(r"(?:.*/)?([0-9a-f]{64})(?:\.json)?", name)
        if named and digest_of(content) != f"sha256:{named[1]}":
            raise ArchiveError(f"{self._tree.path}: {name} has the digest {digest_of(content)}.", hint=_DAMAGED)
        return content

    def _read_diff_ids(self) -> list[str]:
        where = f"{self._tree.path}: {shown(self._entry.config)}"
        try:
            rootfs = parse_json_object(self._config, where=where).get("rootfs")
            diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
            known = [parse_digest(str(diff_id)) for diff_id in diff_ids or ()]
        except (ContentError, InvalidReference) as error:
            raise ArchiveError(f"{where}: {error.message}", hint=_DAMAGED) from error
        if len(known) != len(self._entry.layers):
            raise ArchiveError(
                f"{where} names {len(known)} layers, manifest.json {len(self._entry.layers)}.", hint=_DAMAGED
            )
        return known


def is_image(present: Manifest, image_id: str, layers: int) -> bool:
    """Tell whether a manifest is the image of this ID with so many layers.

    A configuration names the digest of each uncompressed layer, and engines verify them. So two manifests with one
    configuration are one image, though their digests differ with the compression. An index is never one image.
    """
    return present.config is not None and present.config.digest == image_id and len(present.layers) == layers


def _entries(tree: FileTree) -> list[_Entry]:
    content = read_small(tree, "manifest.json", _MAX_LIST)
    if content is None:
        other = "It looks like oci-archive:." if tree.size("index.json") is not None else "Is it made by docker save?"
        raise ArchiveError(f"{tree.path} is not a docker archive: manifest.json is missing.", hint=other)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"{tree.path}: manifest.json is not JSON.", hint=_DAMAGED) from error
    if not isinstance(document, list):
        raise ArchiveError(f"{tree.path}: manifest.json is not a list.", hint=_DAMAGED)
    return [_entry(tree, entry) for entry in document]


def _entry(tree: FileTree, entry: object) -> _Entry:
    fields = entry if isinstance(entry, dict) else {}
    config, layers, names = fields.get("Config"), fields.get("Layers") or [], fields.get("RepoTags") or []
    texts = [config, *layers, *names] if isinstance(layers, list) and isinstance(names, list) else [None]
    if not all(isinstance(text, str) and text for text in texts) or len(layers) > _MAX_LAYERS:
        raise ArchiveError(f"{tree.path}: manifest.json has an entry that is no image.", hint=_DAMAGED)
    for name in layers:
        if tree.size(name) is None:
            raise ArchiveError(f"{tree.path} lacks the layer {shown(name)}.", hint=_DAMAGED)
    return _Entry(str(config), tuple(layers), tuple(names))


def _choose(tree: FileTree, entries: list[_Entry], selector: str, image_id: str) -> _Entry:
    matching = [entry for entry in entries if not selector or _matches(entry, selector)]
    # Docker names the file of a configuration after its digest.
    matching = [entry for entry in matching if image_id.partition(":")[2] in entry.config] or matching
    distinct = {entry.config: entry for entry in matching}
    if len(distinct) == 1:
        return next(iter(distinct.values()))
    choices = ", ".join(
        shown(name) for entry in entries for name in entry.names or (f"one without a name ({entry.config})",)
    )
    if selector:
        problem = f"no image {selector!r}" if not distinct else f"{len(distinct)} images {selector!r}"
    else:
        problem = f"{len(distinct)} images and none was chosen"
    hint = f"Choose one with :name:tag after the path. There is: {choices or 'none'}."
    raise ArchiveError(f"{tree.path} holds {problem}.", hint=hint)


def _matches(entry: _Entry, selector: str) -> bool:
    if selector in entry.names:
        return True
    try:
        wanted = parse_reference(selector)
        return any(parse_reference(name) == wanted for name in entry.names)
    except RegistryError:
        return False  # a name that is no reference can only be equal, letter by letter
