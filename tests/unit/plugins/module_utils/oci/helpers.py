# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A credential helper for tests: keeps logins in a file of the home, and notes how it was called."""

from __future__ import annotations

import pathlib
import sys

FILE_HELPER = f"""\
#!{sys.executable} -I
import json, os, sys
home = os.environ["HOME"]
with open(home + "/calls", "a") as calls:
    print(sys.argv[1:], file=calls)
path = home + "/store.json"
kept = json.load(open(path)) if os.path.exists(path) else {{}}
given = sys.stdin.read()
if sys.argv[1] == "get":
    if given not in kept:
        print("credentials not found in native keychain")
        sys.exit(1)
    print(json.dumps({{"ServerURL": given, "Username": kept[given][0], "Secret": kept[given][1]}}))
    sys.exit()
if sys.argv[1] == "store":
    login = json.loads(given)
    kept[login["ServerURL"]] = [login["Username"], login["Secret"]]
else:
    kept.pop(given)
json.dump(kept, open(path, "w"))
"""


def install_helper(folder: pathlib.Path, name: str, script: str) -> None:
    """Write a helper to a folder that is on the PATH."""
    path = folder / f"docker-credential-{name}"
    path.write_text(script)
    path.chmod(0o755)
