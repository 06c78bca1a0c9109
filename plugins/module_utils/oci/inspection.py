# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that a registry can tell of some of its images: manifests, configurations, attestations, referrers."""

from __future__ import annotations

import dataclasses
import functools
import threading
import typing as t
from concurrent.futures import Future, ThreadPoolExecutor

from .client import RegistryClient
from .describe import MAX_DEPTH, MAX_MANIFESTS, Image
from .errors import ContentError, NotFound
from .image_config import ImageConfig, parse_image_config
from .media_types import CONFIG_TYPES, MAX_CONFIG_SIZE, UNKNOWN_PLATFORM, Descriptor, Manifest
from .platforms import ATTESTED, Platform, as_platform
from .reference import Reference
from .referrers import Referrer, find_referrers

THREADS = 8
"""Images, and manifests and configurations of all of them, that are read at a time."""

_ATTESTATION = {"vnd.docker.reference.type": "attestation-manifest"}
_PREDICATE = "in-toto.io/predicate-type"

T = t.TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Part:
    """An entry of an index that is no index itself, or an image that has none.

    ``manifest`` is None if the registry does not have it: lost, or never copied there (a sparse index). ``config`` is
    None also if it is no image's. ``platform`` is empty if none is known.
    """

    entry: Descriptor
    platform: str
    manifest: Manifest | None = None
    config: ImageConfig | None = None

    @property
    def size(self) -> int:
        """Bytes of manifest, configuration and layers, each digest once."""
        if self.manifest is None:
            return 0
        return len(self.manifest.raw) + sum(blob.size for blob in self.manifest.blobs)

    @property
    def is_attestation(self) -> bool:
        """Whether it is no image but says something about one, as BuildKit marks that."""
        return self.entry.platform == UNKNOWN_PLATFORM or _ATTESTATION.items() <= self.entry.annotations.items()

    @property
    def about(self) -> str:
        """The digest of the manifest that an attestation is about, empty if it does not say."""
        return self.entry.annotations.get(ATTESTED, "")

    @property
    def predicates(self) -> tuple[str, ...]:
        """The kinds of statements in an attestation, such as an SBOM's."""
        layers = self.manifest.layers if self.manifest else ()
        return tuple(layer.annotations[_PREDICATE] for layer in layers if _PREDICATE in layer.annotations)


@dataclasses.dataclass(frozen=True)
class InspectedImage:
    """An image. ``size`` is of all its platforms, even if only some are in ``parts``; each digest counts once."""

    root: Manifest
    size: int
    parts: tuple[Part, ...]
    attestations: tuple[Part, ...]
    referrers: tuple[Referrer, ...] | None = None


def inspect_images(
    client: RegistryClient,
    references: t.Sequence[Reference],
    *,
    platforms: t.Collection[Platform] = (),
    referrers: bool = False,
) -> list[InspectedImage | None]:
    """Read images, several at a time; None for one that is not there.

    :param platforms: only these; configurations of others are not read. None of them means all.
    :param referrers: whether to ask what refers to the images.
    :raises ContentError: if a configuration is larger than :data:`MAX_CONFIG_SIZE` or no JSON object, or an image has
        too many levels or manifests.
    :raises RegistryError: if something cannot be read, or a configuration is lost.
    """
    # Two pools: those that read whole images wait for those that read single things.
    with ThreadPoolExecutor(THREADS) as images, ThreadPoolExecutor(THREADS) as things:
        inspector = _Inspector(client, _Once(things), platforms, referrers=referrers)
        return list(images.map(inspector.inspect, references))


class _Once:
    """Does each piece of work once, whichever thread asks for it, and keeps its result."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor
        self._futures: dict[t.Hashable, Future[t.Any]] = {}
        self._lock = threading.Lock()

    def start(self, key: t.Hashable, work: t.Callable[[], T]) -> Future[T]:
        """Return the result to come of the work with this key."""
        with self._lock:
            if key not in self._futures:
                self._futures[key] = self._executor.submit(work)
            return self._futures[key]


class _Inspector:
    """Reads images of one registry; threads may share it."""

    def __init__(self, client: RegistryClient, once: _Once, platforms: t.Collection[Platform], *, referrers: bool) -> None:
        self._client = client
        self._once = once
        self._platforms = platforms
        self._referrers = referrers

    def inspect(self, reference: Reference) -> InspectedImage | None:
        """Read one image, None if it is not there."""
        repository = reference.repository
        root = self._read_manifest(repository, reference.target)
        if root is None:
            return None
        known = self._read_tree(repository, root)
        parts = _parts(root, known)
        return InspectedImage(
            root,
            _size(root, known),
            self._wanted(repository, [part for part in parts if not part.is_attestation]),
            tuple(part for part in parts if part.is_attestation),
            find_referrers(self._client, repository, root.digest) if self._referrers else None,
        )

    def _read_tree(self, repository: str, root: Manifest) -> dict[str, Manifest | None]:
        """Return all manifests of an image by digest, None for those that the registry does not have."""
        known: dict[str, Manifest | None] = {root.digest: root}
        level: list[Manifest] = [root]
        for _depth in range(MAX_DEPTH):
            below = dict.fromkeys(child.digest for manifest in level for child in manifest.children)
            wanted = [digest for digest in below if digest not in known]
            if len(known) + len(wanted) > MAX_MANIFESTS:
                break
            futures = [self._start_manifest(repository, digest) for digest in wanted]
            known.update(zip(wanted, [future.result() for future in futures]))
            level = [manifest for manifest in (known[digest] for digest in wanted) if manifest]
        if any(manifest.children for manifest in level):
            raise ContentError(
                f"the image {root.digest} has too many levels or manifests.",
                hint=f"At most {MAX_DEPTH} levels and {MAX_MANIFESTS} manifests are read.",
            )
        return known

    def _start_manifest(self, repository: str, digest: str) -> Future[Manifest | None]:
        return self._once.start(("manifest", repository, digest), lambda: self._read_manifest(repository, digest))

    def _read_manifest(self, repository: str, reference: str) -> Manifest | None:
        try:
            return self._client.get_manifest(repository, reference)
        except NotFound as error:
            if not error.is_registrys_own:
                raise
            return None

    def _wanted(self, repository: str, parts: t.Sequence[Part]) -> tuple[Part, ...]:
        """Return the parts of the platforms that are asked for, with their configurations."""
        asked = [part for part in parts if not part.platform or self._is_wanted(part)]
        # All are asked for before any is waited for.
        futures = [self._start_config(repository, part) for part in asked]
        complete = []
        for part, future in zip(asked, futures):
            config = future.result() if future else None
            name = part.platform or (config.platform if config else "")
            complete.append(dataclasses.replace(part, platform=name, config=config))
        return tuple(part for part in complete if self._is_wanted(part))

    def _is_wanted(self, part: Part) -> bool:
        return not self._platforms or as_platform(part.platform) in self._platforms

    def _start_config(self, repository: str, part: Part) -> Future[ImageConfig] | None:
        config = part.manifest.config if part.manifest else None
        if config is None or config.media_type not in CONFIG_TYPES:
            return None
        return self._once.start(("config", config.digest), functools.partial(self._read_config, repository, config))

    def _read_config(self, repository: str, config: Descriptor) -> ImageConfig:
        raw = self._client.get_blob(repository, config, limit=MAX_CONFIG_SIZE)
        return parse_image_config(raw, where=f"the image configuration {config.digest} in {repository}")


def _size(root: Manifest, known: t.Mapping[str, Manifest | None]) -> int:
    others = (manifest for digest, manifest in known.items() if manifest and digest != root.digest)
    return Image((*others, root), ()).details.size


def _parts(root: Manifest, known: t.Mapping[str, Manifest | None]) -> list[Part]:
    """Return what an image consists of, in the order of its indexes; an index that stands in several is read once."""
    if not root.is_index:
        return [Part(root.descriptor, "", root)]
    found: dict[tuple[str, str], Part] = {}
    seen: set[str] = set()

    def visit(index: Manifest) -> None:
        seen.add(index.digest)
        for entry in index.children:
            manifest = known[entry.digest]
            if manifest is None or not manifest.is_index:
                found.setdefault((entry.platform, entry.digest), Part(entry, entry.platform, manifest))
            elif manifest.digest not in seen:
                visit(manifest)

    visit(root)
    return list(found.values())
