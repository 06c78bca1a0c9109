# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unpacks single collections from the wheel of the PyPI package `ansible`.

The whole wheel has 20,000 files; the four collections that are needed have 400, and each brings its MANIFEST.json, so that
ansible-galaxy knows them as installed.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

COLLECTIONS = ("ansible/posix", "community/crypto", "community/docker", "community/library_inventory_filtering_v1")


def unpack(wheel: Path, target: Path) -> int:
    """Unpack the collections into a folder that Python finds them in; returns the number of files."""
    wanted = tuple(f"ansible_collections/{name}/" for name in COLLECTIONS)
    with zipfile.ZipFile(wheel) as archive:
        members = [name for name in archive.namelist() if name.startswith(wanted)]
        missing = [name for name in COLLECTIONS if f"ansible_collections/{name}/MANIFEST.json" not in members]
        if missing:
            raise SystemExit(f"{wheel} does not hold {', '.join(missing)}.")
        archive.extractall(target, members)
    return len(members)


if __name__ == "__main__":
    print(unpack(Path(sys.argv[1]), Path(sys.argv[2])), "files")
