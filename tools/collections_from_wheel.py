# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes some collections out of the wheel of the package `ansible`: seconds, where installing it all takes minutes.

tools/collections_from_wheel.py WHEEL SITE_PACKAGES NAMESPACE.NAME...
"""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from pathlib import Path


def unpack(wheel: zipfile.ZipFile, site: Path, name: str) -> str:
    """Replace one collection by the wheel's; returns its version."""
    folder = f"ansible_collections/{name.replace('.', '/', 1)}/"
    members = [member for member in wheel.namelist() if member.startswith(folder)]
    if not members:
        raise SystemExit(f"{wheel.filename} has no collection {name}")
    shutil.rmtree(site / folder, ignore_errors=True)
    wheel.extractall(site, members)
    manifest = json.loads(wheel.read(f"{folder}MANIFEST.json"))
    return str(manifest["collection_info"]["version"])


def main(arguments: list[str]) -> None:
    """Run the command line."""
    if len(arguments) < 3:
        raise SystemExit(__doc__)
    with zipfile.ZipFile(arguments[0]) as wheel:
        found = [f"{name} {unpack(wheel, Path(arguments[1]), name)}" for name in arguments[2:]]
    print(f"collections: {', '.join(found)}")


if __name__ == "__main__":
    main(sys.argv[1:])
