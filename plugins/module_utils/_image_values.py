# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images as plain values for a module's result.

Private to this collection: it may change with any release.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.dockyard.registry.plugins.module_utils.oci.image_config import ImageConfig
from ansible_collections.dockyard.registry.plugins.module_utils.oci.inspection import InspectedImage, Part
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import Reference
from ansible_collections.dockyard.registry.plugins.module_utils.oci.referrers import Referrer

_UNKNOWN = {field.name: None for field in dataclasses.fields(ImageConfig)}


def image_values(name: str, reference: Reference, image: InspectedImage) -> dict[str, t.Any]:
    """Return an image as the module image_info documents it."""
    root = image.root
    described = {
        "name": name,
        "reference": str(reference),
        "pinned": str(dataclasses.replace(reference, tag=None, digest=root.digest)),
        "digest": root.digest,
        "media_type": root.media_type,
        "artifact_type": root.artifact_type or None,
        "annotations": dict(root.annotations),
        "size": image.size,
        "platforms": [_platform(part) for part in image.parts],
        "attestations": [_attestation(part) for part in image.attestations],
    }
    if image.referrers is not None:
        described["referrers"] = [_referrer(referrer) for referrer in image.referrers]
    return t.cast("dict[str, t.Any]", _printable(described))


def _platform(part: Part) -> dict[str, t.Any]:
    manifest = part.manifest
    return {
        **(dataclasses.asdict(part.config) if part.config else _UNKNOWN),
        "platform": part.platform or None,
        "present": manifest is not None,
        "digest": part.entry.digest,
        "media_type": part.entry.media_type,
        "artifact_type": (manifest.artifact_type if manifest else "") or None,
        "annotations": dict(manifest.annotations) if manifest else {},
        "size": part.size if manifest else None,
        "config_digest": manifest.config.digest if manifest and manifest.config else None,
        "layers": [
            {"digest": layer.digest, "size": layer.size, "media_type": layer.media_type, "urls": list(layer.urls)}
            for layer in (manifest.layers if manifest else ())
        ],
    }


def _attestation(part: Part) -> dict[str, t.Any]:
    return {
        "digest": part.entry.digest,
        "about": part.about or None,
        "predicates": list(part.predicates),
        "size": part.size if part.manifest else None,
    }


def _referrer(referrer: Referrer) -> dict[str, t.Any]:
    descriptor = referrer.descriptor
    return {
        "digest": descriptor.digest,
        "media_type": descriptor.media_type,
        "artifact_type": descriptor.artifact_type or None,
        "size": descriptor.size,
        "annotations": dict(descriptor.annotations),
        "tag": referrer.tag or None,
    }


def _printable(value: t.Any) -> t.Any:
    """Return plain values that can be written as UTF-8: JSON can hold halves of characters, which Ansible cannot show."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_printable(key): _printable(part) for key, part in value.items()}
    return [_printable(part) for part in value] if isinstance(value, list) else value
