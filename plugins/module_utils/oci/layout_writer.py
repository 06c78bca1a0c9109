# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An image exported into an OCI image layout in a directory, beside the images that are there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import typing as t

from .copy import in_parallel, StoppableReader
from .describe import Image
from .errors import ArchiveError, ContentError
from .export_state import Entry, image_at, read_entries
from .file_tree import DirectoryTree, read_small
from .image_name import ImageName
from .layout_documents import OCI_LAYOUT, contents_of, index_entry, index_json
from .layout_names import REF_NAME
from .local_files import (
    PREFIX,
    abandoned_size,
    check_room,
    check_writable,
    explained,
    new_file,
    remove_abandoned,
    sync_directory,
)
from .media_types import MAX_MANIFEST_SIZE, Descriptor, parse_json_object
from .oci_layout import blob_name
from .source import BlobSource
from .streams import Readable, VerifyingReader, bytes_body, drain, read_chunks

_OURS = frozenset({"oci-layout", "blobs"})
"""What stands in a directory whose first export did not come to its end."""


class LayoutDirectory:
    """A layout that an image goes into: blobs first, each as a whole, and index.json last."""

    def __init__(self, path: str, name: ImageName) -> None:
        """Look at the directory.

        :raises ArchiveError: if it is something else, cannot be written, or has another image under the same tag that
            was not asked to be moved.
        """
        self._path = path
        self._root = os.path.realpath(path)
        self._name = name
        self._there = os.path.lexists(self._root)
        check_writable(self._root if self._there else os.path.dirname(self._root))
        self._entries = self._read_entries() if self._there else ()

    def before(self) -> str:
        """Return the digest that the tag names now, empty if there is no such tag."""
        return next((entry.digest for entry in self._entries if entry.ref == self._name.ref), "")

    def whole(self, digest: str) -> Image | None:
        """Return the image that the tag names if it is this one and every file of it is there in its size."""
        if not digest or self.before() != digest:
            return None
        with self._unchanging():
            return image_at(DirectoryTree(self._root), digest)

    def present(self, contents: t.Sequence[Descriptor]) -> frozenset[str]:
        """Return the digests of what is there; each is read and verified."""
        if not self._there:
            return frozenset()
        tree = DirectoryTree(self._root)
        verified = in_parallel(lambda content: _is_there(tree, content), contents)
        return frozenset(content.digest for content, there in zip(contents, verified) if there)

    def check_room(self, image: Image, missing: t.Sequence[Descriptor]) -> None:
        """Fail if the disk has no room for what is missing."""
        folders = [os.path.join(self._root, name) for name in ("", *_folders(image))]
        freed = sum(abandoned_size(folder) for folder in folders if os.path.isdir(folder))
        directory = self._root if self._there else os.path.dirname(self._root)
        check_room(directory, sum(content.size for content in missing), freed=freed)

    def write(self, image: Image, missing: t.Sequence[Descriptor], source: BlobSource) -> None:
        """Write what is missing, several files at a time, then the tag. What is written stays if a later one fails."""
        manifests = {manifest.digest: manifest.raw for manifest in image.manifests}
        stopped = threading.Event()

        def write(content: Descriptor) -> None:
            raw = manifests.get(content.digest)
            stream = source.open_blob(content) if raw is None else bytes_body(raw).open()
            self._write_blob(content, StoppableReader(stream, stopped))

        self._prepare(_folders(image))
        largest_first = sorted(missing, key=lambda content: (-content.size, content.digest))
        in_parallel(write, largest_first, on_failure=stopped.set)
        self._write_index(image)

    def _read_entries(self) -> tuple[Entry, ...]:
        with self._unchanging():
            with explained(self._path):
                names = {name for name in os.listdir(self._root) if not name.startswith(PREFIX)}
            if "index.json" not in names and names <= _OURS:
                return ()
            entries = read_entries(DirectoryTree(self._root))
        if entries is None:
            raise ArchiveError(
                f"{self._path} holds {', '.join(sorted(names)[:5])} and is no OCI layout.",
                hint="Choose another path, or an empty directory.",
            )
        for entry in entries:
            if entry.ref == self._name.ref and not self._name.chosen and not entry.is_named(self._name):
                raise ArchiveError(
                    f"{self._path} has {entry.full} under the tag {entry.ref}, not {self._name}.",
                    hint="Give this image another tag behind the path; the same one behind the path moves it.",
                )
        return entries

    def _prepare(self, folders: t.Iterable[str]) -> None:
        with explained(self._path):
            for name in folders:
                os.makedirs(os.path.join(self._root, name), exist_ok=True)
                remove_abandoned(os.path.join(self._root, name))
        with self._locked():
            remove_abandoned(self._root)

    def _write_blob(self, content: Descriptor, stream: Readable) -> None:
        try:
            with new_file(os.path.join(self._root, blob_name(content.digest))) as file:
                for chunk in read_chunks(stream):
                    file.write(chunk)
        finally:
            stream.close()

    def _write_index(self, image: Image) -> None:
        """Name the image in index.json, as it is at this moment: another run may have changed it meanwhile."""
        entry = index_entry(image.root.descriptor, self._name)
        with self._locked():
            raw = read_small(DirectoryTree(self._root), "index.json", MAX_MANIFEST_SIZE)
            document = parse_json_object(raw, where=f"{self._path}: index.json") if raw else {}
            entries = list(document.get("manifests") or [])
            places = [place for place, other in enumerate(entries) if _ref(other) == self._name.ref]
            kept = [other for other in entries if _ref(other) != self._name.ref]
            kept.insert(places[0] if places else len(kept), entry)
            with new_file(os.path.join(self._root, "index.json")) as file:
                file.write(index_json(kept, document))

    @contextlib.contextmanager
    def _unchanging(self) -> t.Iterator[None]:
        """Keep other runs from replacing index.json; nothing is written for that, for this may be check mode."""
        with contextlib.ExitStack() as stack:
            # Without that file there is no layout yet, and nothing to wait for.
            with explained(self._path), contextlib.suppress(FileNotFoundError):
                file = stack.enter_context(open(os.path.join(self._root, "oci-layout"), "rb"))
                fcntl.flock(file, fcntl.LOCK_SH)
            yield

    @contextlib.contextmanager
    def _locked(self) -> t.Iterator[None]:
        """Hold the layout's lock: its file ``oci-layout``, which is made once and never replaced."""
        path = os.path.join(self._root, "oci-layout")
        with explained(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        with open(descriptor, "r+b") as file:
            with explained(path):
                fcntl.flock(file, fcntl.LOCK_EX)
                if not os.fstat(descriptor).st_size:
                    file.write(OCI_LAYOUT)
                    file.flush()
                    os.fsync(descriptor)
            yield
        sync_directory(self._root)


def _folders(image: Image) -> list[str]:
    """Return the directories that the files of an image stand in, one for each algorithm of its digests."""
    return sorted({os.path.dirname(blob_name(content.digest)) for content in contents_of(image)})


def _is_there(tree: DirectoryTree, content: Descriptor) -> bool:
    name = blob_name(content.digest)
    if tree.size(name) != content.size:
        return False
    try:
        drain(VerifyingReader(tree.open(name), content, where=name))
    except ContentError:
        return False  # a damaged file is written again
    return True


def _ref(entry: object) -> str | None:
    annotations = entry.get("annotations") if isinstance(entry, dict) else None
    return annotations.get(REF_NAME) if isinstance(annotations, dict) else None
