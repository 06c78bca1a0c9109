# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What refers to an image: signatures, SBOMs, attestations (OCI distribution spec 1.1, "Listing Referrers").

Distribution has no referrers API, neither 2.8 nor 3. There the clients keep the list themselves, as an index under the
fallback tag ``sha256-<hex>``, and cosign its own tags beside it, ``sha256-<hex>.sig``, ``.att`` and ``.sbom``.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t

from .client import RegistryClient
from .errors import NotFound
from .media_types import OCI_INDEX, Descriptor, Manifest, parse_manifest

COSIGN_SUFFIXES = (".sig", ".att", ".sbom")
"""Of cosign's own tags: signatures, attestations, software bills of materials."""


@dataclasses.dataclass(frozen=True)
class Referrer:
    """A manifest that is about another; ``tag`` is cosign's tag that names it, empty if the list of referrers does."""

    descriptor: Descriptor
    tag: str = ""


def fallback_tag(digest: str) -> str:
    """Return the tag that stands in for the referrers API (spec: "Referrers Tag Schema")."""
    algorithm, _colon, encoded = digest.partition(":")
    return f"{algorithm[:32]}-{encoded[:64]}"


def find_referrers(
    client: RegistryClient, repository: str, digest: str, *, artifact_type: str = ""
) -> tuple[Referrer, ...]:
    """Return all that refers to a manifest, each digest once, in the registry's order and then cosign's.

    :param artifact_type: only those of this type. What cosign's tags name has none in a list, so it is read for it.
    """
    listed = client.referrers(repository, digest, artifact_type=artifact_type)
    if listed is None:
        index = _fallback_index(client, repository, digest)
        listed = index.children if index else ()
    found = {descriptor.digest: Referrer(descriptor) for descriptor in listed}
    for suffix in COSIGN_SUFFIXES:
        tag = fallback_tag(digest) + suffix
        named = client.head_manifest(repository, tag)
        if named and named.digest not in found:
            manifest = client.get_manifest(repository, named.digest)
            described = dataclasses.replace(named, artifact_type=manifest.artifact_type)
            found[named.digest] = Referrer(described, tag)
    return tuple(
        referrer for referrer in found.values() if artifact_type in ("", referrer.descriptor.artifact_type)
    )


def add_to_fallback(client: RegistryClient, repository: str, manifest: Manifest) -> None:
    """Have the fallback tag list a manifest with a subject (spec: "Pushing Manifests with Subject").

    To be called when the registry has not answered that it does so itself. Changes nothing if it is listed already.
    """
    if manifest.subject is None:
        return
    index = _fallback_index(client, repository, manifest.subject.digest)
    entries = [] if index is None else json.loads(index.raw)["manifests"]
    if any(entry["digest"] == manifest.digest for entry in entries):
        return
    entry: dict[str, t.Any] = manifest.descriptor.as_dict()
    if manifest.artifact_type:
        entry["artifactType"] = manifest.artifact_type
    if manifest.annotations:
        entry["annotations"] = dict(manifest.annotations)
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*entries, entry]}
    raw = json.dumps(document, separators=(",", ":")).encode()
    tag = fallback_tag(manifest.subject.digest)
    client.put_manifest(repository, tag, parse_manifest(raw, OCI_INDEX, where=f"{repository}:{tag}"))


def _fallback_index(client: RegistryClient, repository: str, digest: str) -> Manifest | None:
    try:
        found = client.get_manifest(repository, fallback_tag(digest))
    except NotFound as error:
        if not error.is_registrys_own:
            raise
        return None
    return found if found.is_index else None
