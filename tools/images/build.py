# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the images that dockyard.registry uses, as archives that any engine loads.

    python3 tools/images/build.py [--output DIR] [--list] [--hub] [--force] [NAME...]

Plain Python 3.11 or later; docs/images.md tells what is built and how. Exit 1 if an image could not be built.
"""

from __future__ import annotations

import argparse
import fcntl
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.version_info < (3, 11):
    sys.exit("tools/images/build.py needs Python 3.11 or later")

from dockyard_images import imagelist  # noqa: E402
from dockyard_images.builder import Builder  # noqa: E402
from dockyard_images.errors import BuildError, say  # noqa: E402

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache" / "images"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Builds the images that dockyard.registry uses.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to build; without any, all that --list shows")
    parser.add_argument("--output", type=Path, default=CACHE, metavar="DIR", help="where the archives go (.cache/images)")
    parser.add_argument("--list", action="store_true", help="show what can be built, build nothing")
    parser.add_argument("--hub", action="store_true", help="take from Docker Hub what it has, where it answers")
    parser.add_argument("--force", action="store_true", help="build also what is up to date")
    return parser.parse_args()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the cache: a second builder waits, and says so."""
    folder.mkdir(parents=True, exist_ok=True)
    with folder.joinpath(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another build of images to end", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_all(builder: Builder, specs: list[imagelist.Spec]) -> list[tuple[str, ...]]:
    """Build one after the other; a row of the final table each, its last cell "failed" where that is so."""
    rows = []
    for spec in specs:
        start = time.monotonic()
        try:
            record = builder.build(spec)
        except (BuildError, OSError) as problem:
            say(spec.name, f"FAILED: {problem}")
            rows.append((spec.name, "-", "-", "-", "-", "failed"))
            continue
        took = f"{time.monotonic() - start:.1f} s"
        size = f"{record.size / 1e6:.1f} MB"
        rows.append((spec.name, f"{spec.name}.tar", size, " ".join(record.tags), record.digest, took))
    return rows


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows as text, each column as wide as it must be."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def main() -> int:
    """Run the command line; returns the exit code."""
    options = arguments()
    try:
        specs = imagelist.read(HERE / "images.toml")
    except imagelist.ListError as problem:
        print(problem, file=sys.stderr)
        return 1
    if options.list:
        print(table([(spec.name, " ".join(spec.tags), spec.title) for spec in specs.values()]))
        return 0
    unknown = [name for name in options.names if name not in specs]
    if unknown:
        print(f"no image {unknown[0]!r}; there are: {', '.join(specs)}", file=sys.stderr)
        return 1
    chosen = [specs[name] for name in dict.fromkeys(options.names)] or list(specs.values())
    with alone(CACHE):
        for stale in CACHE.glob(".build-*"):  # of a build that was killed
            shutil.rmtree(stale, ignore_errors=True)
        builder = Builder(HERE, options.output.resolve(), CACHE, options.hub, options.force)
        rows = build_all(builder, chosen)
    print(f"\nin {builder.output}:")
    print(table([("name", "file", "size", "tags", "digest", "took"), *rows]))
    return 1 if any(row[-1] == "failed" for row in rows) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; what is finished stays")
    except PermissionError as problem:
        sys.exit(f"{problem}: another user built here before? Give the folder to this user, or use that one")
