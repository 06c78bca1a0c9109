# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text that is shown in a diff, without what must not be seen."""

from __future__ import annotations

import re

_SECRET_KEY = re.compile(
    r"^(?P<head>\s*(?:- )?[\"']?[\w.\-]*(?:secret|password|passwd|token|accesskey|secretkey|accountkey|credentials|"
    r"private_key)[\w.\-]*[\"']?\s*:\s*)(?P<value>\S.*)$",
    re.IGNORECASE,
)
_HASHED_USER = re.compile(r"^(?P<name>[^:\s]+):(?P<hash>\$2[aby]?\$.*)$")


def redact(text: str, other: str = "") -> str:
    """The text with the values of secrets hidden; where the same line of `other` differs, that is said.

    :param other: the other side of the diff, so that a change of a secret shows as a change.
    """
    theirs = {_key(line): line for line in other.splitlines()}
    return "".join(_line(line, theirs) + "\n" for line in text.splitlines())


def _key(line: str) -> str:
    found = _SECRET_KEY.match(line) or _HASHED_USER.match(line)
    return found[1] if found else line


def _line(line: str, theirs: dict[str, str]) -> str:
    found = _SECRET_KEY.match(line) or _HASHED_USER.match(line)
    if not found:
        return line
    twin = theirs.get(found[1])
    mark = "(hidden)" if twin is None or twin == line else "(hidden, differs)"
    return found[1] + ("" if found[1].endswith((" ", ":")) else ":") + mark
