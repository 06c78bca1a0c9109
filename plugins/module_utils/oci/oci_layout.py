# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images in an OCI image layout (OCI image spec, "Image Layout"), as a directory or in a tar archive."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

from .errors import ArchiveError, ContentError, RegistryError
from .file_tree import FileTree, read_small
from .layout_choice import choose
from .media_types import MAX_MANIFEST_SIZE, Descriptor, Manifest, parse_json_object, parse_manifest
from .origin import Origin
from .streams import Readable, VerifyingReader, drain, read_all

_CHECK_THREADS = 4


class LayoutReader:
    """Reads content of a layout by its digest."""

    def __init__(self, tree: FileTree) -> None:
        self._tree = tree

    def has(self, descriptor: Descriptor) -> bool:
        """Tell whether there is a blob of that name, whatever is in it."""
        return self._tree.size(blob_name(descriptor.digest)) is not None

    def manifest(self, descriptor: Descriptor) -> Manifest:
        """Return a manifest or index."""
        raw = self.small_blob(descriptor, limit=MAX_MANIFEST_SIZE)
        where = f"{self._tree.path}: {blob_name(descriptor.digest)}"
        return parse_manifest(raw, descriptor.media_type, where=where, digest=descriptor.digest)

    def small_blob(self, descriptor: Descriptor, *, limit: int) -> bytes:
        """Return a blob of at most ``limit`` bytes."""
        if descriptor.size > limit:
            raise ContentError(f"{self._tree.path}: {blob_name(descriptor.digest)} is larger than {limit} bytes.")
        return read_all(self.open_blob(descriptor))

    def open_blob(self, descriptor: Descriptor) -> Readable:
        """Open a blob; its digest is verified while it is read."""
        name = blob_name(descriptor.digest)
        if self._tree.size(name) is None:
            raise self._missing(descriptor)
        return VerifyingReader(self._tree.open(name), descriptor, where=f"{self._tree.path}: {name}")

    def _missing(self, descriptor: Descriptor) -> RegistryError:
        platform = f" ({descriptor.platform})" if descriptor.platform else ""
        return ArchiveError(
            f"{self._tree.path} lacks the blob {descriptor.digest}{platform} that its image names.",
            hint="Choose the platforms that it has with platforms, or export all of them.",
        )


class LayoutSource(LayoutReader):
    """One image of a layout. Blobs are verified before anything is sent, and once more on their way."""

    def __init__(self, tree: FileTree, selector: str = "") -> None:
        """Find the image.

        :param selector: a tag or name that the index annotates, or a digest; may be empty if there is one image. What is
            about another image need not be told apart by a name.
        :raises ArchiveError: if it is no layout, or not exactly one image is chosen; the hint lists the choices.
        """
        super().__init__(tree)
        self._descriptor = choose(read_index(tree), selector, self.manifest, tree.path)

    def known_digest(self) -> str:
        """Return the digest that the layout's index names."""
        return self._descriptor.digest

    def want(self) -> bool:
        """Return false: it is at hand."""
        return False

    def unpacked(self) -> None:
        """Return None: layers stay as they are."""

    def is_same(self, present: Manifest) -> bool:
        """Tell whether a manifest is this image, by its digest."""
        return present.digest == self._descriptor.digest

    def platform(self) -> str:
        """Return an empty string: the root tells, and is at hand."""
        return ""

    def root(self) -> Manifest:
        """Return the manifest or index that the image is."""
        return self.manifest(self._descriptor)

    def check(self, blobs: t.Sequence[Descriptor]) -> None:
        """Verify blobs by reading them: a damaged archive fails before anything is sent."""
        with ThreadPoolExecutor(_CHECK_THREADS) as executor:
            for _done in executor.map(lambda blob: drain(self.open_blob(blob)), blobs):
                pass

    def mountable_from(self, _origin: Origin) -> str:
        """Return an empty string: a file is on no registry."""
        return ""

    def place(self) -> tuple[str, str]:
        """Return the path of the layout."""
        return "", self._tree.path

    def close(self) -> None:
        """Close the archive."""
        self._tree.close()


def blob_name(digest: str) -> str:
    """Return the name of a blob's file in a layout."""
    algorithm, _colon, encoded = digest.partition(":")
    return f"blobs/{algorithm}/{encoded}"


def read_index(tree: FileTree) -> tuple[Descriptor, ...]:
    """Return what index.json names.

    :raises ArchiveError: if it is no layout, or one that cannot be read.
    """
    marker = read_small(tree, "oci-layout", 64 * 1024)
    index = read_small(tree, "index.json", MAX_MANIFEST_SIZE)
    if marker is None or index is None:
        other = "It looks like docker-archive:." if tree.size("manifest.json") is not None else "Check the path."
        raise ArchiveError(f"{tree.path} is not an OCI layout: oci-layout or index.json is missing.", hint=other)
    try:
        version = parse_json_object(marker, where=f"{tree.path}: oci-layout").get("imageLayoutVersion")
        if not str(version).startswith("1."):
            raise ArchiveError(f"{tree.path} is an OCI layout of version {str(version)[:20]!r}; 1.x can be read.")
        document = parse_json_object(index, where=f"{tree.path}: index.json")
        # An index.json may lack its media type, and one that only lists images is no image itself.
        media_type = str(document.get("mediaType") or "application/vnd.oci.image.index.v1+json")
        return parse_manifest(index, media_type, where=f"{tree.path}: index.json").children
    except ContentError as error:
        raise ArchiveError(error.message, hint=error.hint or "Export the image again.") from error
