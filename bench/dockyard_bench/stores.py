# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storages that are made once, kept under .cache/bench, and never written by a run."""

from __future__ import annotations

import json
import shutil
import typing as t
from pathlib import Path

from . import fill, registries, storage
from .jobs import Stores

FORM = 1
"""Goes up when the same numbers mean other content."""

TAGS = 5


def made(
    cache: Path, program: Path, *, scale: float, repositories: int, names: int, say: t.Callable[[str], None]
) -> Stores:
    """Return the storages, made now unless they are there from an earlier run."""
    images = cache / f"images-{FORM}-{scale:g}"
    tagged = cache / f"tagged-{FORM}-{repositories}"
    named = cache / f"named-{FORM}-{names}"
    if not images.is_dir():
        say(f"writing {scale * 1500:.0f} MB of images (once)")
        _build(images, lambda folder: _write_images(folder, program, scale))
    if not tagged.is_dir():
        say(f"writing {repositories} repositories with {TAGS} tags each (once)")
        _build(tagged, lambda folder: _write_tagged(folder, repositories))
    if not named.is_dir():
        say(f"writing {names} repositories (once)")
        _build(named, lambda folder: _write_named(folder, names))
    return Stores(
        images / "data",
        fill.load(images / "references.json"),
        tagged / "data",
        json.loads((tagged / "digests.json").read_text()),
        named / "data",
        tuple(json.loads((named / "names.json").read_text())),
    )


def _build(folder: Path, write: t.Callable[[Path], None]) -> None:
    """Make a folder whole or not at all."""
    scratch = folder.with_suffix(".new")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    write(scratch)
    scratch.rename(folder)


def _write_images(folder: Path, program: Path, scale: float) -> None:
    with registries.running(program, folder) as registry:
        references = fill.write(registry.authority, scale)
    lacking = storage.problems(folder / "data", references)
    if lacking:
        raise RuntimeError(f"the registry does not hold what was written: {lacking[0]}")
    fill.save(references, folder / "references.json")


def _write_tagged(folder: Path, repositories: int) -> None:
    digests = storage.write_tags(folder / "data", repositories, TAGS)
    (folder / "digests.json").write_text(json.dumps(digests))


def _write_named(folder: Path, names: int) -> None:
    (folder / "names.json").write_text(json.dumps(storage.write_empty(folder / "data", names)))
