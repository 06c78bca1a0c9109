# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credential helpers: small scripts that stand where docker-credential-NAME is looked for."""

from __future__ import annotations

import json
import pathlib
import sys


def write_helper(folder: pathlib.Path, name: str, script: str) -> pathlib.Path:
    """Write a helper that runs a shell script, and return its path."""
    folder.mkdir(exist_ok=True)
    path = folder / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def helper_with(folder: pathlib.Path, name: str, logins: dict[str, tuple[str, str]]) -> pathlib.Path:
    """Write a helper that knows these logins by their servers, and says of others what real helpers say."""
    cases = "".join(
        f"'{server}') echo '{json.dumps({'ServerURL': server, 'Username': user, 'Secret': secret})}';;\n"
        for server, (user, secret) in logins.items()
    )
    script = f'[ "$1" = get ] || exit 2\nread -r server\ncase "$server" in\n{cases}'
    return write_helper(folder, name, f"{script}*) echo 'credentials not found in native keychain'; exit 1;; esac")


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
