# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands already at the place that an image is exported to: whose it is, and whether it is whole."""

from __future__ import annotations

import dataclasses
import typing as t

from .describe import Image, load_image
from .errors import ArchiveError, ContentError, RegistryError
from .file_tree import FileTree, read_small
from .image_name import ImageName
from .layout_documents import contents_of
from .layout_names import CONTAINERD_NAME, REF_NAME
from .media_types import MAX_MANIFEST_SIZE, OCI_INDEX, parse_json_object, parse_manifest
from .oci_layout import LayoutSource, blob_name
from .reference import parse_reference

_MAX_MARKER = 64 * 1024


@dataclasses.dataclass(frozen=True)
class Entry:
    """An image that an index.json names. ``ref`` and ``full`` are empty if it has no such name."""

    digest: str
    ref: str
    full: str

    def __str__(self) -> str:
        return self.full or self.ref or self.digest

    def is_named(self, name: ImageName) -> bool:
        """Tell whether this is the image's place: the same tag and, if both have a whole name, that too."""
        if self.ref and self.ref != name.ref:
            return False
        if not (self.full and name.full):
            return bool(self.ref)
        return self.full == name.full or same_name(self.full, name.full)


def read_entries(tree: FileTree) -> tuple[Entry, ...] | None:
    """Return the images of a layout, None if it is none.

    :raises ArchiveError: if it is of another version or index.json cannot be read, so that nobody knows what would be
        lost.
    """
    raw = read_small(tree, "index.json", MAX_MANIFEST_SIZE)
    marker = read_small(tree, "oci-layout", _MAX_MARKER)
    if raw is None or marker is None:
        return None
    try:
        version = parse_json_object(marker, where=f"{tree.path}: oci-layout").get("imageLayoutVersion")
        if not str(version).startswith("1."):
            raise ContentError(f"{tree.path} is an OCI layout of version {str(version)[:20]!r}; 1.x can be written.")
        return entries_of(raw, where=f"{tree.path}: index.json")
    except ContentError as error:
        raise ArchiveError(error.message, hint="Remove it, or choose another path.") from error


def entries_of(raw: bytes, *, where: str) -> tuple[Entry, ...]:
    """Return the images that an index.json names."""
    media_type = parse_json_object(raw, where=where).get("mediaType")
    children = parse_manifest(raw, str(media_type or OCI_INDEX), where=where).children
    return tuple(
        Entry(child.digest, child.annotations.get(REF_NAME, ""), child.annotations.get(CONTAINERD_NAME, ""))
        for child in children
    )


def image_at(tree: FileTree, digest: str) -> Image | None:
    """Return an image of a layout whose manifests are right and whose files all have their size, None for any other."""
    try:
        source = LayoutSource(tree, digest)
        image = load_image(source, source.root())
        sizes = [(tree.size(blob_name(content.digest)), content.size) for content in contents_of(image)]
    except (ArchiveError, ContentError):
        return None  # damaged: it is written again
    return image if all(there == size for there, size in sizes) else None


def same_name(one: str, other: str) -> bool:
    """Tell whether two names are one to Docker."""
    try:
        return parse_reference(one) == parse_reference(other)
    except RegistryError:
        return one == other


def listed(names: t.Sequence[str]) -> str:
    """Return names for a message, not too many."""
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
