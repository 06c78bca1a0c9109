# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The local engine: it gets some of the images once, and loses every name again that a run gave them."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import typing as t

from .corpus import Reference

PREFIX = "dockyard-bench.invalid/"
IMAGES = 8


class Engine:
    """An engine that has the images; ``images`` are their names there."""

    def __init__(self, images: tuple[str, ...]) -> None:
        self.images = images

    @contextlib.contextmanager
    def untagged(self, authority: str) -> t.Iterator[None]:
        """Remove the names that a run gave to images for a registry."""
        try:
            yield
        finally:
            names = _docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
            _remove(name for name in names if name.startswith(f"{authority}/"))


def is_there() -> bool:
    """Tell whether an engine answers."""
    if not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def filled(authority: str, references: t.Sequence[Reference]) -> t.Iterator[Engine]:
    """Return an engine with the first images of a registry, until the block ends."""
    names = []
    try:
        for one in references[:IMAGES]:
            pulled = f"{authority}/{one.repository}:{one.tag}"
            names.append(f"{PREFIX}{one.repository}:{one.tag}")
            _docker("pull", "--quiet", pulled)
            _docker("tag", pulled, names[-1])
            _remove([pulled])
        yield Engine(tuple(names))
    finally:
        _remove(names)


def _remove(names: t.Iterable[str]) -> None:
    chosen = list(names)
    if chosen:
        subprocess.run(["docker", "image", "rm", *chosen], capture_output=True, check=False)


def _docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"docker {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout
