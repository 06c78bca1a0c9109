# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small images made in memory, and the archives and directories they come in."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import pathlib
import tarfile
import typing as t

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest_of(content: bytes) -> str:
    """Return a sha256 digest."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclasses.dataclass
class SampleImage:
    """All content by digest, with the media type of manifests (empty for blobs)."""

    root: str
    media_type: str
    contents: dict[str, tuple[bytes, str]]

    @property
    def size(self) -> int:
        """Bytes of everything, once."""
        return sum(len(content) for content, _media_type in self.contents.values())

    @property
    def blobs(self) -> dict[str, bytes]:
        """Configs and layers."""
        return {digest: content for digest, (content, media_type) in self.contents.items() if not media_type}


def descriptor(content: bytes, media_type: str, **more: object) -> dict[str, object]:
    """Return a descriptor as JSON has it."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content), **more}


def platform_image(
    architecture: str = "amd64", *, layers: t.Sequence[bytes] = (b"base layer", b"top layer"), runs: t.Mapping[str, t.Any] | None = None
) -> SampleImage:
    """Return an image of one platform.

    :param runs: what its configuration says of how it is run.
    """
    packed = [gzip.compress(layer, mtime=0) for layer in layers]
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [digest_of(x) for x in layers]},
            **({"config": runs} if runs else {}),
        }
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(config, OCI_CONFIG),
            "layers": [descriptor(layer, OCI_LAYER) for layer in packed],
        }
    ).encode()
    contents = {digest_of(blob): (blob, "") for blob in (config, *packed)}
    contents[digest_of(manifest)] = (manifest, OCI_MANIFEST)
    return SampleImage(digest_of(manifest), OCI_MANIFEST, contents)


def index_image(architectures: t.Sequence[str] = ("amd64", "arm64")) -> SampleImage:
    """Return an image of several platforms that share their first layer, with an attestation beside them."""
    children = [platform_image(name, layers=(b"shared base", name.encode() * 50)) for name in architectures]
    attestation = platform_image("unknown", layers=(b"attestation",))
    contents: dict[str, tuple[bytes, str]] = {}
    entries = []
    for name, child in [*zip(architectures, children), ("unknown", attestation)]:
        contents.update(child.contents)
        platform = {"os": "unknown" if name == "unknown" else "linux", "architecture": name}
        entries.append(descriptor(child.contents[child.root][0], OCI_MANIFEST, platform=platform))
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    contents[digest_of(index)] = (index, OCI_INDEX)
    return SampleImage(digest_of(index), OCI_INDEX, contents)


def index_of(
    *entries: SampleImage | tuple[SampleImage, t.Mapping[str, t.Any]], media_type: str = OCI_INDEX, **fields: object
) -> SampleImage:
    """Return an index of images, each with what its entry may say beside the descriptor; ``fields`` are the index's own."""
    pairs = [(entry, {}) if isinstance(entry, SampleImage) else entry for entry in entries]
    contents = {digest: content for image, _entry in pairs for digest, content in image.contents.items()}
    listed = [descriptor(image.contents[image.root][0], image.media_type, **entry) for image, entry in pairs]
    raw = json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": listed, **fields}).encode()
    return SampleImage(digest_of(raw), media_type, {**contents, digest_of(raw): (raw, media_type)})


def artifact_of(image: SampleImage, artifact_type: str) -> SampleImage:
    """Return an artifact that is about an image."""
    parts = f"{artifact_type} of {image.root}".encode()
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": descriptor(b"{}", "application/vnd.oci.empty.v1+json"),
        "layers": [descriptor(parts, "text/plain")],
        "subject": descriptor(image.contents[image.root][0], image.media_type),
    }
    manifest = json.dumps(document).encode()
    contents = {digest_of(blob): (blob, "") for blob in (b"{}", parts)}
    contents[digest_of(manifest)] = (manifest, OCI_MANIFEST)
    return SampleImage(digest_of(manifest), OCI_MANIFEST, contents)


def layout_files(images: t.Mapping[str, SampleImage]) -> dict[str, bytes]:
    """Return the files of an OCI layout; the keys are ref names, empty for none."""
    entries = []
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    for name, image in images.items():
        more = {"annotations": {"org.opencontainers.image.ref.name": name}} if name else {}
        entries.append(descriptor(image.contents[image.root][0], image.media_type, **more))
        for digest, (content, _media_type) in image.contents.items():
            files[f"blobs/{digest.replace(':', '/')}"] = content
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
    return files


def add_entry(files: t.Mapping[str, bytes], image: SampleImage, *, listed: bool = True, **more: object) -> dict[str, bytes]:
    """Return the files of a layout with one image more; ``more`` is what its entry says beside the descriptor."""
    added = {f"blobs/{digest.replace(':', '/')}": content for digest, (content, _media_type) in image.contents.items()}
    index = json.loads(files["index.json"])
    if listed:
        index["manifests"].append(descriptor(image.contents[image.root][0], image.media_type, **more))
    return {**files, **added, "index.json": json.dumps(index).encode()}


def docker_save_files(images: t.Mapping[str, t.Sequence[bytes]]) -> dict[str, bytes]:
    """Return the files of a docker-archive: name to layers. Equal layers share a file."""
    files: dict[str, bytes] = {}
    entries = []
    for name, layers in images.items():
        diff_ids = [digest_of(gzip.decompress(layer) if layer.startswith(b"\x1f\x8b") else layer) for layer in layers]
        config = json.dumps(
            {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
        ).encode()
        names = [f"{digest_of(layer)[7:]}/layer.tar" for layer in layers]
        config_name = f"{digest_of(config)[7:]}.json"
        entries.append({"Config": config_name, "RepoTags": [name] if name else None, "Layers": names})
        files[config_name] = config
        files.update(zip(names, layers))
    files["manifest.json"] = json.dumps(entries).encode()
    return files


def write_directory(path: pathlib.Path, files: t.Mapping[str, bytes]) -> str:
    """Write files below a directory and return its path."""
    for name, content in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return str(path)


def write_tar(path: pathlib.Path, files: t.Mapping[str, bytes], *special: tarfile.TarInfo) -> str:
    """Write a tar archive of files, and of members made by hand, and return its path."""
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in special:
            archive.addfile(member)
    return str(path)


def link(name: str, target: str, *, hard: bool = False) -> tarfile.TarInfo:
    """Return a member that is a link."""
    member = tarfile.TarInfo(name)
    member.type = tarfile.LNKTYPE if hard else tarfile.SYMTYPE
    member.linkname = target
    return member
