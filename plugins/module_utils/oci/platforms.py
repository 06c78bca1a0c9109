# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Platforms: their names, and the part of an image that is for some of them.

Names are compared as containerd's platforms package normalises them. What is chosen of an index keeps its digests:
one platform is its own manifest; several are the same index without the other entries.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

from .describe import MAX_DEPTH, MAX_MANIFESTS, ContentReader, load_image
from .errors import ContentError, InvalidReference
from .media_types import INDEX_TYPES, UNKNOWN_PLATFORM, Descriptor, Manifest, parse_json_object, parse_manifest

ATTESTED = "vnd.docker.reference.digest"
"""BuildKit's annotation of an entry that is no image: the digest of the image it belongs to."""

_PART = re.compile(r"[a-z0-9_.-]+")
_OS = {"macos": "darwin"}
_ARCHITECTURES = {
    "i386": ("386", ""),
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_DEFAULT_VARIANTS = {("amd64", "v1"): "", ("arm64", "v8"): "", ("arm", ""): "v7"}


@dataclasses.dataclass(frozen=True)
class Platform:
    """A platform, normalised: two are equal exactly if they are the same."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class MissingPlatform(ContentError):
    """A platform that an image does not have."""

    def as_dict(self) -> dict[str, object]:
        """Return the failure as plain values, for a module's result."""
        return {**super().as_dict(), "kind": "ContentError"}


def parse_platform(text: str) -> Platform:
    """Parse ``os/architecture[/variant]``.

    :raises InvalidReference: if it has another shape.
    """
    parts = text.lower().split("/")
    if not 2 <= len(parts) <= 3 or not all(_PART.fullmatch(part) for part in parts):
        raise InvalidReference(
            f"{text[:80]!r} is not a platform.",
            hint="It looks like os/architecture[/variant], for example linux/amd64 or linux/arm/v7.",
        )
    return _normalise(*parts)


def _normalise(os: str, architecture: str, variant: str = "") -> Platform:
    """Return the platform by its one name (containerd, ``platforms.Normalize``)."""
    architecture, known_variant = _ARCHITECTURES.get(architecture, (architecture, ""))
    variant = known_variant or variant
    if architecture == "386":
        variant = ""
    elif architecture in ("amd64", "arm", "arm64") and variant.isdigit():
        variant = f"v{variant}"
    return Platform(_OS.get(os, os), architecture, _DEFAULT_VARIANTS.get((architecture, variant), variant))


@dataclasses.dataclass(frozen=True)
class Selection:
    """What was chosen of an image. ``made`` are the indexes that stand for others, by digest; most often none."""

    root: Manifest
    made: t.Mapping[str, Manifest] = dataclasses.field(default_factory=dict)


def select(reader: ContentReader, root: Manifest, wanted: t.Collection[Platform], *, where: str) -> Selection:
    """Return what an image has for some platforms.

    If that is one manifest, it is the result, whatever depth of indexes it stands at. If it is all images that the index
    names, the result is the index as it is. Else indexes are made of the original ones, always the same way: entries for
    other platforms are left out, and those without a platform unless they are attestations of what stays.

    :param where: the image, for messages.
    :raises ContentError: if a platform is not there; the hint names those that are.
    """
    parts = _read_parts(reader, root)
    _refuse_missing(parts, wanted, where)
    chosen = {part.digest for part in parts if part.platform in wanted}
    if len(chosen) == 1:
        return Selection(_read(reader, root, next(part for part in parts if part.digest in chosen)))
    if all(part.digest in chosen for part in parts if part.platform):
        return Selection(root)
    attestations = {part.digest for part in parts if part.platform is None and part.attested in chosen}
    shortened = _Filter(reader, chosen | attestations)
    return Selection(shortened.run(root), shortened.made)


def select_one(reader: ContentReader, root: Manifest, platform: Platform | None = None, *, where: str) -> Manifest:
    """Return the one manifest of an image, or the one for a platform.

    :raises ContentError: if there is none, or more than one; the hint names the platforms.
    """
    parts = _read_parts(reader, root)
    if platform:
        _refuse_missing(parts, (platform,), where)
    # An artifact alone has no platform, and is one manifest all the same.
    images = [part for part in parts if part.platform] or ([] if root.is_index else parts)
    fitting = {part.digest: part for part in images if platform in (None, part.platform)}
    if len(fitting) != 1:
        number = f"{len(fitting)} images" if fitting else "no image"
        what = f"for {platform}" if platform else "of its platforms"
        raise ContentError(f"{where} has {number} {what}, and one is needed.", hint=_choices(parts))
    return _read(reader, root, next(iter(fitting.values())))


@dataclasses.dataclass(frozen=True)
class _Part:
    """A manifest below an index, or the root itself; ``platform`` is None if it is no image."""

    descriptor: Descriptor
    platform: Platform | None

    @property
    def digest(self) -> str:
        return self.descriptor.digest

    @property
    def attested(self) -> str:
        return self.descriptor.annotations.get(ATTESTED, "")


def _read_parts(reader: ContentReader, root: Manifest) -> list[_Part]:
    """Return all manifests of an image that are no index. Those whose entry names a platform are not read."""
    parts: list[_Part] = []
    seen: set[str] = set()

    def visit(index: Manifest, depth: int) -> None:
        if depth > MAX_DEPTH or len(seen) + len(index.children) > MAX_MANIFESTS:
            raise ContentError(
                f"the image {root.digest} has too many levels or manifests.",
                hint=f"At most {MAX_DEPTH} levels and {MAX_MANIFESTS} manifests are read.",
            )
        for child in index.children:
            if child.media_type not in INDEX_TYPES:
                parts.append(_Part(child, _platform_of(reader, child)))
            elif child.digest not in seen:
                visit(reader.manifest(child), depth + 1)
            seen.add(child.digest)

    if not root.is_index:
        return [_Part(root.descriptor, as_platform(*load_image(reader, root).platforms))]
    visit(root, 0)
    return parts


def _platform_of(reader: ContentReader, entry: Descriptor) -> Platform | None:
    if entry.platform or ATTESTED in entry.annotations:
        return as_platform(entry.platform)
    return as_platform(*load_image(reader, reader.manifest(entry)).platforms)


def as_platform(text: str = "") -> Platform | None:
    """Return the platform that an image claims; what breaks the grammar is no platform that anyone could choose."""
    try:
        return None if text in ("", UNKNOWN_PLATFORM) else parse_platform(text)
    except InvalidReference:
        return None


def _refuse_missing(parts: t.Iterable[_Part], wanted: t.Collection[Platform], where: str) -> None:
    present = {part.platform for part in parts}
    missing = [str(platform) for platform in wanted if platform not in present]
    if missing:
        raise MissingPlatform(f"{where} has no {', no '.join(missing)}.", hint=_choices(parts))


def _choices(parts: t.Iterable[_Part]) -> str:
    names = list(dict.fromkeys(str(part.platform) for part in parts if part.platform))
    return f"It has {', '.join(names[:50])}." if names else "It names no platform."


def _read(reader: ContentReader, root: Manifest, part: _Part) -> Manifest:
    return root if part.digest == root.digest else reader.manifest(part.descriptor)


class _Filter:
    """Makes indexes without the entries that are not to be kept; what is asked for twice is made once."""

    def __init__(self, reader: ContentReader, keep: t.Collection[str]) -> None:
        self._reader = reader
        self._keep = keep
        self._results: dict[str, Manifest] = {}

    @property
    def made(self) -> dict[str, Manifest]:
        """The indexes that are not the original ones, by digest."""
        return {index.digest: index for original, index in self._results.items() if index.digest != original}

    def run(self, index: Manifest) -> Manifest:
        """Return an index with nothing but what is to be kept: itself if that is all of it."""
        if index.digest not in self._results:
            self._results[index.digest] = self._shorten(index)
        return self._results[index.digest]

    def _shorten(self, index: Manifest) -> Manifest:
        document = parse_json_object(index.raw, where=index.digest)
        entries: list[object] = []
        for entry, child in zip(document["manifests"], index.children):
            if child.media_type in INDEX_TYPES:
                below = self.run(self._reader.manifest(child))
                if below.children:
                    entries.append(entry if below.digest == child.digest else _renamed(entry, below))
            elif child.digest in self._keep:
                entries.append(entry)
        if entries == document["manifests"]:
            return index
        try:
            raw = json.dumps({**document, "manifests": entries}, indent=2, allow_nan=False).encode()
        except (ValueError, RecursionError) as error:
            raise ContentError(f"{index.digest} cannot be written again as JSON ({error}).") from error
        return parse_manifest(raw, index.media_type, where=f"the index made of {index.digest}")


def _renamed(entry: t.Mapping[str, object], index: Manifest) -> dict[str, object]:
    """Return an entry that names another index; a copy of the old one's content is left out."""
    others = {key: value for key, value in entry.items() if key != "data"}
    return {**others, "digest": index.digest, "size": len(index.raw)}
