# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which layer a file of an engine's archive is, told before its bytes come.

Engines from 25 on name the file after the digest of its content. Older ones have a folder for each layer, with a
document ``json`` before ``layer.tar``, and name the folder after a digest of that document with the layer's chain ID in it
(moby, ``image/v1``: ``CreateID``; chain IDs: OCI image spec, "Layer ChainID"). So a folder's name proves which layer the
engine put there, of those that its images have.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import typing as t

from .errors import ContentError
from .media_types import digest_of, parse_json_object

_BLOB = re.compile(r"blobs/(?P<algorithm>[a-z0-9]+)/(?P<hex>[0-9a-f]+)")
_FOLDER = re.compile(r"(?P<hex>[0-9a-f]{64})/(?P<file>json|layer\.tar)")
_ESCAPED = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
"""What Go writes otherwise than Python."""


class LayerNames:
    """The layers of some images, by the names that their files have in one archive."""

    def __init__(self, images: t.Iterable[t.Sequence[str]]) -> None:
        """Have seen no file yet.

        :param images: for each image the digests of its layers' content, the lowest first.
        """
        self._chains = {chain: diff_id for diff_ids in images for chain, diff_id in _chains(diff_ids)}
        self._diff_ids = frozenset(self._chains.values())
        self._folders: dict[str, str] = {}

    @staticmethod
    def is_document(name: str) -> bool:
        """Tell whether a file says which layer is beside it; :meth:`read` takes what is in it."""
        match = _FOLDER.fullmatch(name)
        return match is not None and match["file"] == "json"

    def read(self, name: str, content: bytes) -> None:
        """Take what a document says."""
        folder = posixpath.dirname(name)
        try:
            document = parse_json_object(content, where=name)
        except ContentError:
            return  # another engine's: its layers are not told apart before the end
        for chain, diff_id in self._chains.items():
            if folder in _folder_names(document, chain):
                self._folders[folder] = diff_id
                return

    def diff_id(self, name: str) -> str:
        """Return the digest of the content that a layer's file has by its name, empty if that is not known."""
        match = _BLOB.fullmatch(name)
        if match:
            digest = f"{match['algorithm']}:{match['hex']}"
            return digest if digest in self._diff_ids else ""
        return self._folders.get(posixpath.dirname(name), "") if _FOLDER.fullmatch(name) else ""


def _chains(diff_ids: t.Sequence[str]) -> t.Iterator[tuple[str, str]]:
    """Yield the chain ID of each layer, which names it and all below it, and its own digest."""
    chain = ""
    for diff_id in diff_ids:
        chain = digest_of(f"{chain} {diff_id}".encode()) if chain else diff_id
        yield chain, diff_id


def _folder_names(document: t.Mapping[str, t.Any], chain: str) -> t.Iterator[str]:
    """Yield what an engine may have named the folder of a layer: of all layers but the last it left out the system."""
    fields = {key: value for key, value in document.items() if key != "id"}
    fields["layer_id"] = chain
    if "parent" in fields:
        fields["parent"] = f"sha256:{fields['parent']}"
    for without in ("os", ""):
        ordered = {key: fields[key] for key in sorted(fields) if key != without}
        text = json.dumps(ordered, separators=(",", ":"), ensure_ascii=False).translate(_ESCAPED)
        yield hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
