# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credential helpers: small scripts that stand where docker-credential-NAME is looked for."""

from __future__ import annotations

import json
import pathlib


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
