# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a bundle holds, and whether it is whole."""

from __future__ import annotations

from ..copy import in_parallel
from ..describe import load_image
from ..errors import ArchiveError, ContentError, RegistryError
from ..file_tree import TarTree, read_small
from ..layout_documents import index_json
from ..layout_names import CONTAINERD_NAME, REF_NAME
from ..media_types import (
    MAX_MANIFEST_SIZE,
    OCI_INDEX,
    Descriptor,
    digest_of,
    parse_json_object,
    parse_manifest,
)
from ..oci_layout import LayoutReader, blob_name
from ..reference import parse_reference, parse_repository_tag
from ..streams import Count, CountingReader, Readable, VerifyingReader, drain
from .documents import CHECKSUM, Attached, Bundled, is_loadable
from .layout import lay_out

_AGAIN = "It was cut short or altered on its way: make it again, or bring it over again."


class Bundle:
    """A bundle that is open. Its small files and manifests are right; :meth:`verify` reads the rest."""

    def __init__(self, path: str) -> None:
        """Read what the bundle says of itself.

        :raises ArchiveError: if it is none, or is cut short or altered as far as that shows without its blobs.
        """
        self.path = path
        self._tree = TarTree(path)
        try:
            index = _read_index(self._tree)
            self.images = tuple(self._read_image(entry) for entry in index if CONTAINERD_NAME in entry.annotations)
            self.attached = tuple(self._read_attached(entry) for entry in index if CONTAINERD_NAME not in entry.annotations)
            self.layout = lay_out(self.images, self.attached)
            self._check_layout()
        except ArchiveError:
            self.close()
            raise
        except RegistryError as error:
            self.close()
            raise ArchiveError(f"{path}: {error.message}", hint=_AGAIN) from error

    def __enter__(self) -> Bundle:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._tree.close()

    def has(self, content: Descriptor) -> bool:
        """Tell whether a blob is there, by its digest."""
        return self._tree.size(blob_name(content.digest)) == content.size

    @property
    def size(self) -> int:
        """The bytes of the file."""
        return self.layout.size

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """All configurations and layers, each once."""
        return tuple(slot.content for slot in self.layout.slots)

    def open_blob(self, content: Descriptor) -> Readable:
        """Open a blob; its digest is verified while it is read."""
        name = blob_name(content.digest)
        return VerifyingReader(self._tree.open(name), content, where=f"{self.path}: {name}")

    def verify(self, count: Count) -> None:
        """Read every blob.

        :raises ArchiveError: if one has another digest than its name.
        """

        def read(content: Descriptor) -> None:
            try:
                drain(CountingReader(self.open_blob(content), count))
            except ContentError as error:
                raise ArchiveError(error.message, hint=_AGAIN) from error

        in_parallel(read, sorted(self.blobs, key=lambda blob: (-blob.size, blob.digest)))

    def _read_image(self, entry: Descriptor) -> Bundled:
        reader = LayoutReader(self._tree)
        image = load_image(reader, reader.manifest(entry))
        full = str(parse_reference(entry.annotations.get(CONTAINERD_NAME, "")))
        target = parse_repository_tag(entry.annotations.get(REF_NAME, ""))
        return Bundled(target, full, image, is_loadable(reader, image))

    def _read_attached(self, entry: Descriptor) -> Attached:
        reader = LayoutReader(self._tree)
        return Attached(entry.annotations.get(REF_NAME, ""), load_image(reader, reader.manifest(entry)))

    def _check_layout(self) -> None:
        """Compare all but the blobs with what would be written for these images."""
        size = self._tree.length()
        if size != self.layout.size:
            raise ArchiveError(f"{self.path} has {size} bytes where {self.layout.size} are to be.", hint=_AGAIN)
        for piece in self.layout.pieces:
            if self._tree.read_at(piece.offset, len(piece.data)) != piece.data:
                raise ArchiveError(f"{self.path}: {piece.name} is not as it was written.", hint=_AGAIN)
        for slot in self.layout.slots:
            if self._tree.place(blob_name(slot.content.digest)) != (slot.offset, slot.content.size):
                raise ArchiveError(f"{self.path}: {slot.content.digest} is not at its place.", hint=_AGAIN)


def _read_index(tree: TarTree) -> tuple[Descriptor, ...]:
    raw = read_small(tree, "index.json", MAX_MANIFEST_SIZE)
    if raw is None or tree.size("oci-layout") is None:
        raise ArchiveError(f"{tree.path} is no bundle: it has no index.json.", hint="Make one with the module bundle.")
    document = parse_json_object(raw, where="index.json")
    annotations = document.get("annotations")
    promised = annotations.get(CHECKSUM) if isinstance(annotations, dict) else None
    if promised is None:
        raise ArchiveError(
            f"{tree.path} is no bundle: its index.json lacks the annotation {CHECKSUM}.",
            hint="Make one with the module bundle.",
        )
    entries = document.get("manifests")
    if not isinstance(entries, list) or digest_of(index_json(entries)) != promised:
        raise ArchiveError(f"{tree.path}: index.json has another digest than it says.", hint=_AGAIN)
    return parse_manifest(raw, OCI_INDEX, where="index.json").children
