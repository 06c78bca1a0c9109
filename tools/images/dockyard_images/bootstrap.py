# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a whole Debian into one layer, with mmdebstrap."""

from __future__ import annotations

import io
import os
import re
import shutil
import tarfile
from pathlib import Path

from .commands import as_root, run
from .errors import BuildError, say
from .imagelist import Spec
from .layers import Blob, LayerStream, keep_blob, open_tar
from .stamps import trusted

# Left out of the layer: what apt fetches again, logs, what the engine mounts, manuals (licences stay).
DROPPED = re.compile(
    r"(var/lib/apt/lists|var/cache/(apt|debconf|ldconfig|man)|var/log|dev|proc|sys|run|tmp|usr/share/(man|info|lintian))/."
    r"|usr/share/doc/(?!.*/copyright$|[^/]+$)"
    r"|var/lib/dpkg/[\w-]+-old$"
    r"|etc/(passwd|group|shadow|gshadow)-$"
)
TRUST = "usr/local/share/ca-certificates"


def require() -> None:
    """Have mmdebstrap; installs it with apt where it is missing."""
    if os.geteuid() != 0:
        raise BuildError("a whole Debian is built as root: run `sudo python3 tools/images/build.py node`")
    if shutil.which("mmdebstrap"):
        return
    if not shutil.which("apt-get"):
        raise BuildError("needs mmdebstrap, which comes with Debian and Ubuntu")
    say("apt", "installing mmdebstrap (about 10 s)")
    command = ["apt-get", "-q", "-y", "--no-install-recommends", "install", "mmdebstrap", "debian-archive-keyring"]
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        run(as_root(command), env=env)
    except BuildError:
        run(as_root(["apt-get", "-q", "update"]))
        run(as_root(command), env=env)


def mirror() -> list[str]:
    """The Debian archive that this machine's apt uses, [] to leave it to mmdebstrap."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(SUITE)", "Created-By: Packages", "Origin: Debian", "Component: main"]
    try:
        lines = run(asked).splitlines()
    except BuildError:
        return []
    plain = [line.split()[0] for line in lines if re.search(r" [\w]+$", line)]
    return plain[:1]


def build(spec: Spec, blobs: Path, epoch: int) -> tuple[Blob, dict[str, str], str]:
    """Write the layer into `blobs`; returns it, the packages in it with versions, and Debian's version."""
    require()
    suite = spec.bootstrap["suite"]
    say(spec.name, f"bootstrapping {suite} with {len(spec.bootstrap['include'])} packages and what they need (1 to 2 minutes)")
    rootfs = blobs / "rootfs.partial"
    run(
        [
            "mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=tar",
            "--include=" + ",".join(spec.bootstrap["include"]), *trust_hooks(spec), suite, str(rootfs), *mirror(),
        ],
        env={"SOURCE_DATE_EPOCH": str(epoch), "TMPDIR": str(blobs)},
    )  # fmt: skip
    say(spec.name, f"packing {rootfs.stat().st_size >> 20} MiB (about 30 s)")
    try:
        return repack(rootfs, blobs, epoch)
    finally:
        rootfs.unlink()


def trust_hooks(spec: Spec) -> list[str]:
    """Have the image trust the CAs that this machine's owner added."""
    own = [str(path) for path in trusted(spec)]
    if not own:
        return []
    return [
        f"--customize-hook=mkdir -p \"$1/{TRUST}\"",
        f"--customize-hook=copy-in {' '.join(own)} /{TRUST}",
        "--customize-hook=chroot \"$1\" update-ca-certificates",
    ]  # fmt: skip


def repack(rootfs: Path, blobs: Path, epoch: int) -> tuple[Blob, dict[str, str], str]:
    """Write the layer from mmdebstrap's tar: sorted, one time stamp, without what is not wanted."""
    partial = blobs / "layer.partial"
    with tarfile.open(rootfs) as source, partial.open("wb") as out:
        wanted = {name(member): member for member in source if name(member) and not DROPPED.match(name(member))}
        stream = LayerStream(out)
        with open_tar(stream) as tar:
            first: dict[str, str] = {}
            for path in sorted(wanted):
                copy_member(source, tar, wanted[path], path, epoch, first)
        status = source.extractfile("./var/lib/dpkg/status")
        release = source.extractfile("./etc/debian_version")
        versions = read_status(status.read().decode()) if status else {}
        debian = release.read().decode().strip() if release else ""
        blob = stream.finish()
    return keep_blob(partial, blob), versions, debian


def name(member: tarfile.TarInfo) -> str:
    """A member's path without the leading ./"""
    return member.name.removeprefix(".").strip("/")


def copy_member(
    source: tarfile.TarFile, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str, epoch: int, first: dict[str, str]
) -> None:
    """Copy a member under its new header. `first` tells where in the new tar the content of hard links is."""
    info = tarfile.TarInfo(path)
    info.mode, info.uid, info.gid, info.mtime, info.type = member.mode, member.uid, member.gid, epoch, member.type
    info.devmajor, info.devminor = member.devmajor, member.devminor
    info.pax_headers = {key: value for key, value in sorted(member.pax_headers.items()) if key.startswith("SCHILY.xattr.")}
    if member.issym():
        info.linkname = member.linkname
    if member.isreg() or member.islnk():
        home = member.linkname.removeprefix(".").strip("/") if member.islnk() else path
        if home in first:
            info.type, info.linkname = tarfile.LNKTYPE, first[home]
        else:
            first[home] = path
            add_file(source, tar, member, info)
            return
    tar.addfile(info)


def add_file(source: tarfile.TarFile, tar: tarfile.TarFile, member: tarfile.TarInfo, info: tarfile.TarInfo) -> None:
    """Copy a file's content. Compiled Python names its source's time, which is now `info.mtime`."""
    content = source.extractfile(member)
    if content is None:
        raise BuildError(f"mmdebstrap wrote no content for {member.name}")
    info.type = tarfile.REGTYPE
    data = content.read()
    if info.name.endswith(".pyc") and data[4:8] == b"\0\0\0\0":
        data = data[:8] + int(info.mtime).to_bytes(4, "little") + data[12:]
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def read_status(text: str) -> dict[str, str]:
    """Package to version, from dpkg's status file."""
    return dict(re.findall(r"^Package: (\S+)$.*?^Version: (\S+)$", text, flags=re.MULTILINE | re.DOTALL))
