# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes the registry's program, and the libraries that it needs, out of an archive, for tests without an engine."""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
from pathlib import Path


def extract(archive: Path, target: Path) -> Path:
    """Unpack the layers of an archive that this project built; returns the program, callable from the host."""
    root = target / "root"
    shutil.rmtree(target, ignore_errors=True)
    root.mkdir(parents=True)
    with tarfile.open(archive) as outer:
        manifest = json.load(outer.extractfile("manifest.json"))  # type: ignore[arg-type]
        for layer in manifest[0]["Layers"]:
            with tarfile.open(fileobj=outer.extractfile(layer)) as inner:
                inner.extractall(root, filter="tar")
    program = target / "registry"
    loader = next(iter(sorted(root.glob("usr/lib*/ld-linux*.so.*")) + sorted(root.glob("lib*/ld-linux*.so.*"))), None)
    binary = root / "bin" / "registry"
    if loader is None:
        program.write_text(f'#!/bin/sh\nexec "{binary}" "$@"\n')
    else:
        folders = ":".join(sorted({str(path.parent) for path in root.rglob("*.so.*")}))
        program.write_text(f'#!/bin/sh\nexec "{loader}" --library-path "{folders}" "{binary}" "$@"\n')
    program.chmod(0o755)
    return program


if __name__ == "__main__":
    print(extract(Path(sys.argv[1]), Path(sys.argv[2])))
