# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registries' storage written straight to disk: thousands of repositories in seconds (Distribution's layout)."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from . import corpus


def write_tags(data: Path, repositories: int, tags: int) -> dict[str, str]:
    """Write repositories with tags, each on a manifest of its own; return ``repository:tag`` with the digests."""
    layer = corpus.make_layer(corpus.Layer(1, 500))
    image = corpus.Image("any", "any", ())
    config = corpus.make_config(image, [layer.diff_id])
    manifest = corpus.make_manifest(config, [(layer.digest, len(layer.data))]).data
    for blob in (layer, config):
        _write_blob(data, blob.digest, blob.data)
    found = {}
    for number in range(repositories):
        repository = name(number)
        folder = _repository(data, repository)
        for blob in (layer, config):
            _link(folder / "_layers" / "sha256", blob.digest)
        for tag_number in range(tags):
            tag = f"1.{tag_number}"
            unique = manifest[:-1] + f',"annotations":{{"n":"{repository}:{tag}"}}}}'.encode()
            digest = corpus.digest_of(unique)
            _write_blob(data, digest, unique)
            _link(folder / "_manifests" / "revisions" / "sha256", digest)
            _link(folder / "_manifests" / "tags" / tag / "index" / "sha256", digest)
            _write(folder / "_manifests" / "tags" / tag / "current" / "link", digest.encode())
            found[f"{repository}:{tag}"] = digest
    return found


def write_empty(data: Path, repositories: int) -> list[str]:
    """Write repositories that hold nothing but their names; return these, sorted."""
    names = [name(number) for number in range(repositories)]
    for repository in names:
        _repository(data, repository)
    return sorted(names)


def name(number: int) -> str:
    """Return a repository's name: a hundred of them in each team."""
    return f"team{number // 100:03}/app{number % 100:02}"


def problems(data: Path, wanted: t.Iterable[corpus.Reference]) -> list[str]:
    """Return what lacks in a registry's storage of what was to be copied there."""
    found = []
    for reference in wanted:
        where = f"{reference.repository}:{reference.tag}"
        folder = _repository_folder(data, reference.repository)
        tag = folder / "_manifests" / "tags" / reference.tag / "current" / "link"
        if not tag.is_file() or tag.read_text() != reference.digest:
            found.append(f"{where} is not {reference.digest}")
        for digest, size in (*reference.blobs, (reference.digest, 0)):
            blob = _blob(data, digest)
            if not blob.is_file() or (size and blob.stat().st_size != size):
                found.append(f"{where}: {digest} is not there whole")
        for digest, _size in reference.blobs:
            if not (folder / "_layers" / "sha256" / digest[7:] / "link").is_file():
                found.append(f"{where}: {digest} is not in its repository")
    return found


def incomplete(data: Path, names: t.Iterable[str]) -> list[str]:
    """Return which of the tags ``repository:tag`` are not there with all that their manifests name."""
    wanted, found = [], []
    for name_of_tag in names:
        repository, _colon, tag = name_of_tag.rpartition(":")
        link = _repository_folder(data, repository) / "_manifests" / "tags" / tag / "current" / "link"
        if not link.is_file():
            found.append(f"{name_of_tag} is not there")
            continue
        digest = link.read_text()
        manifest = json.loads(_blob(data, digest).read_bytes())
        parts = (manifest["config"], *manifest["layers"])
        wanted.append(
            corpus.Reference(repository, tag, digest, tuple((part["digest"], part["size"]) for part in parts))
        )
    return found + problems(data, wanted)


def _repository_folder(data: Path, repository: str) -> Path:
    return data / "docker" / "registry" / "v2" / "repositories" / repository


def _repository(data: Path, repository: str) -> Path:
    folder = _repository_folder(data, repository)
    for part in ("_layers", "_manifests"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    return folder


def _blob(data: Path, digest: str) -> Path:
    return data / "docker" / "registry" / "v2" / "blobs" / "sha256" / digest[7:9] / digest[7:] / "data"


def _write_blob(data: Path, digest: str, content: bytes) -> None:
    _write(_blob(data, digest), content)


def _link(folder: Path, digest: str) -> None:
    _write(folder / digest[7:] / "link", digest.encode())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
