# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which manifest of an image is the one for a platform."""

from __future__ import annotations

import re
import typing as t

from .describe import MAX_MANIFESTS, ContentReader, load_image
from .errors import ContentError, InvalidReference
from .media_types import INDEX_TYPES, UNKNOWN_PLATFORM, Manifest

_PLATFORM = re.compile(r"[a-z0-9_.-]+/[a-z0-9_.-]+(?:/[a-z0-9_.-]+)?")
_DEFAULT_VARIANTS = {"linux/amd64/v1": "linux/amd64", "linux/arm64/v8": "linux/arm64", "linux/arm": "linux/arm/v7"}


def parse_wanted(text: str) -> str:
    """Return a platform that a user asks for, to be compared with :func:`is_for`.

    :raises InvalidReference: if it is none.
    """
    if not _PLATFORM.fullmatch(text.lower()):
        raise InvalidReference(
            f"{text[:80]!r} is not a platform.",
            hint="It looks like os/architecture[/variant], for example linux/amd64 or linux/arm/v7.",
        )
    return text


def is_for(platform: str, wanted: str) -> bool:
    """Tell whether two names are of the same platform; a default variant, such as v8 of arm64, may be left out."""
    return _normal(platform) == _normal(wanted)


def digest_for(reader: ContentReader, root: Manifest, wanted: str, *, where: str) -> str:
    """Return the digest of an image's manifest for a platform. Manifests whose index names their platform are not read.

    :param where: the image, for messages.
    :raises ContentError: if it has none; the hint names the platforms there are.
    """
    there: dict[str, None] = {}
    for platform, digest in _platforms(reader, root, set()):
        if is_for(platform, wanted):
            return digest
        there[platform] = None
    names = ", ".join(name for name in there if name not in ("", UNKNOWN_PLATFORM)) or "none that is named"
    raise ContentError(f"{where} has no platform {wanted}.", hint=f"It has: {names}.")


def _platforms(reader: ContentReader, manifest: Manifest, seen: set[str]) -> t.Iterator[tuple[str, str]]:
    if len(seen) > MAX_MANIFESTS:
        raise ContentError(f"an image has more than {MAX_MANIFESTS} manifests.", hint="No more are read.")
    seen.add(manifest.digest)
    if not manifest.is_index:
        yield "".join(load_image(reader, manifest).platforms), manifest.digest
    for entry in manifest.children:
        if entry.platform and entry.media_type not in INDEX_TYPES:
            yield entry.platform, entry.digest
        elif entry.digest not in seen:
            yield from _platforms(reader, reader.manifest(entry), seen)


def _normal(platform: str) -> str:
    name = platform.lower()
    return _DEFAULT_VARIANTS.get(name, name)
