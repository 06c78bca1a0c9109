# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk that all hosts begin with: a Debian with systemd, sshd and Docker Engine, made once for each recipe."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .commands import HostsError, run, say

SUITE = "trixie"
PACKAGES = [
    "ca-certificates", "curl", "dbus", "docker-cli", "docker.io", "e2fsprogs", "iproute2", "iptables", "iputils-ping", "kmod", "netbase",
    "openssh-server", "openssl", "procps", "python3", "python3-apt", "python3-cryptography", "python3-docker", "python3-requests",
    "sudo", "systemd", "systemd-sysv",
]  # fmt: skip
FILES = {
    "host-setup": "/usr/local/sbin/host-setup",
    "host-setup.service": "/etc/systemd/system/host-setup.service",
    "modules.conf": "/etc/modules-load.d/swarm.conf",
}
# Nothing on these hosts is to wake up by itself, and a start need not look for devices that there cannot be (20 s).
MASKED = [
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer",
    "modprobe@.service", "sys-kernel-config.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount",
]  # fmt: skip
KERNEL_MODULES = Path("/usr/lib/uml/modules")
TRUSTED = Path("/usr/local/share/ca-certificates")
SIZE = "8G"  # of the disk as its host sees it; the file has holes


def recipe(here: Path) -> str:
    """A hash of all that goes into the disk: packages, files, kernel, this machine's own CAs, and this builder."""
    found = hashlib.sha256()
    for text in (SUITE, SIZE, *PACKAGES, *MASKED, run(["dpkg-query", "-W", "user-mode-linux"])):
        found.update(text.encode() + b"\0")
    for path in [*(here / "files" / name for name in sorted(FILES)), Path(__file__), *sorted(TRUSTED.glob("*.crt"))]:
        found.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]


def base_image(here: Path, cache: Path) -> Path:
    """The disk's file, made (2 to 4 minutes) unless it is there; a second builder waits for the first."""
    wanted = cache / f"base-{recipe(here)}.img"
    with alone(cache):
        if not wanted.exists():
            say(f"{wanted.name}: making the hosts' disk from Debian {SUITE}'s packages (2 to 4 minutes)")
            remove_stale(cache)
            with tempfile.TemporaryDirectory(prefix=".build-", dir=cache) as scratch:
                build(here, Path(scratch))
                (Path(scratch) / "disk").rename(wanted)
    return wanted


@contextmanager
def alone(cache: Path) -> Iterator[None]:
    """Hold the cache."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another build of the hosts' disk to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def remove_stale(cache: Path) -> None:
    """Remove what builds left that were killed, and disks of other recipes that no hosts stand on."""
    for scratch in cache.glob(".build-*"):
        shutil.rmtree(scratch)
    used = {note.read_text(encoding="utf-8").strip() for note in cache.glob("*/base")}
    for disk in cache.glob("base-*.img"):
        if str(disk) not in used:
            disk.unlink()


def build(here: Path, scratch: Path) -> None:
    """Write the disk into `scratch`/disk."""
    root, disk = scratch / "root", scratch / "disk"
    command = [
        "mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory", "--aptopt=Acquire::Languages none",
        "--include=" + ",".join(PACKAGES), SUITE, str(root), *mirror(),
    ]  # fmt: skip
    run(command, {"TMPDIR": str(scratch)})
    furnish(here, root)
    run(["truncate", "--size", SIZE, str(disk)])
    run(["mkfs.ext4", "-q", "-F", "-d", str(root), str(disk)])


def mirror() -> list[str]:
    """The Debian archive that this machine's apt uses, [] to leave it to mmdebstrap."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(SUITE)", "Created-By: Packages", "Origin: Debian", "Component: main"]
    lines = (line.split() for line in run(asked).splitlines())
    return [uri for uri, suite in lines if "-" not in suite][:1]


def furnish(here: Path, root: Path) -> None:
    """Put in what makes a Debian such a host. No secret is in it: keys come when a host starts for the first time."""

    def inside(*command: str) -> None:
        run(["chroot", str(root), *command])

    kernels = [path.name for path in KERNEL_MODULES.iterdir()]
    if len(kernels) != 1:
        raise HostsError(f"{KERNEL_MODULES} is of {len(kernels)} kernels, one is expected: {', '.join(kernels)}")
    shutil.copytree(KERNEL_MODULES, root / "usr/lib/modules", dirs_exist_ok=True)
    inside("depmod", kernels[0])
    for name, path in FILES.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(here / "files" / name, target)
    own = sorted(TRUSTED.glob("*.crt"))
    for authority in own:
        shutil.copy(authority, root / str(TRUSTED).lstrip("/"))
    if own:
        inside("update-ca-certificates")
    # This kernel lacks nf_tables' address families.
    inside("update-alternatives", "--set", "iptables", "/usr/sbin/iptables-legacy")
    inside("update-alternatives", "--set", "ip6tables", "/usr/sbin/ip6tables-legacy")
    inside("systemctl", "enable", "host-setup.service")
    inside("systemctl", "mask", *MASKED)
    # The kernel mounts the one disk; it plays back the journal after a power cut.
    (root / "etc/fstab").write_text("", encoding="utf-8")
    # No way out, so no name server: a look-up fails at once instead of after its time-out.
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").touch()
    for key in root.glob("etc/ssh/ssh_host_*"):
        key.unlink()
    (root / "etc/machine-id").write_text("", encoding="utf-8")
    # What apt fetched: gone, so that the disk stays small.
    shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)


def make_key(folder: Path) -> str:
    """A key of the run's own for SSH; returns its public half in one word."""
    private = folder / "id"
    if not private.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(private)], check=True, stdin=subprocess.DEVNULL)
    return private.with_suffix(".pub").read_text(encoding="utf-8").split()[1]
