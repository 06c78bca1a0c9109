# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of an image's platforms are exported."""

from __future__ import annotations

import json
import typing as t

from .describe import ContentReader, load_image
from .errors import ContentError, InvalidReference
from .media_types import INDEX_TYPES, UNKNOWN_PLATFORM, Descriptor, Manifest, parse_json_object, parse_manifest

_ATTESTED = "vnd.docker.reference.digest"
"""Annotation of BuildKit: the entry is an attestation for the manifest of this digest."""


def select_platforms(reader: ContentReader, root: Manifest, wanted: t.Sequence[str], *, single: bool) -> Manifest:
    """Return what is exported of an image: all of it, one platform's own manifest, or an index of the wanted ones.

    The index of some platforms has the entries of the original as they are, with the attestations of those that stay.

    :param wanted: platforms as ``os/architecture[/variant]``, compared letter by letter; none means all.
    :param single: whether exactly one platform is needed: the wanted one, or the only one there is.
    :raises InvalidReference: if a platform is not there, or one of several is to be chosen; the hint names them.
    """
    leaves = _leaves(reader, root)
    there = dict.fromkeys(name for name, _manifest in leaves)
    hint = f"There is: {', '.join(name or 'one without a name' for name in there) or 'none'}."
    missing = [name for name in wanted if name not in there]
    if missing:
        raise InvalidReference(f"the image {root.digest} has no platform {', '.join(missing)}.", hint=hint)
    chosen = [manifest for name, manifest in leaves if not wanted or name in wanted]
    if single and len(chosen) != 1:
        raise InvalidReference(
            f"a docker-archive takes exactly one platform, and {len(chosen)} of the image {root.digest} are meant.",
            hint=f"Name one in platforms. {hint}",
        )
    if single or (wanted and len(chosen) == 1):
        return root if chosen[0].digest == root.digest else reader.manifest(chosen[0])
    return root if len(chosen) == len(leaves) else _index_of(root, {manifest.digest for manifest in chosen})


def _leaves(reader: ContentReader, manifest: Manifest) -> list[tuple[str, Descriptor]]:
    """Return the images below, with their platforms; an index usually tells those without reading more."""
    if not manifest.is_index:
        return [("".join(load_image(reader, manifest).platforms), manifest.descriptor)]
    found: dict[str, tuple[str, Descriptor]] = {}
    for entry in manifest.children:
        if entry.platform == UNKNOWN_PLATFORM:
            continue
        known = entry.platform and entry.media_type not in INDEX_TYPES
        for name, leaf in [(entry.platform, entry)] if known else _leaves(reader, reader.manifest(entry)):
            found.setdefault(leaf.digest, (name, leaf))
    return list(found.values())


def _index_of(root: Manifest, kept: set[str]) -> Manifest:
    document = parse_json_object(root.raw, where=root.digest)
    entries = [
        entry
        for entry in document["manifests"]
        if entry["digest"] in kept or (entry.get("annotations") or {}).get(_ATTESTED) in kept
    ]
    if not kept.issubset(entry["digest"] for entry in entries):
        raise ContentError(
            f"the platforms of {root.digest} stand in indexes of their own.", hint="Choose one platform, or all."
        )
    raw = json.dumps({**document, "manifests": entries}, separators=(",", ":")).encode()
    return parse_manifest(raw, root.media_type, where=f"the index made of {root.digest}")
