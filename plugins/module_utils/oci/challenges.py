# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a 401 asks for: the WWW-Authenticate header (RFC 9110, 11.6.1)."""

from __future__ import annotations

import dataclasses
import re
import typing as t

_PARAMETER = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^",\s]+))')
_CHALLENGE = re.compile(r"(?:^|,)\s*(Bearer|Basic)(?=[\s,]|$)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Challenge:
    """One challenge of a WWW-Authenticate header; ``scheme`` is lower-case, as are the names of ``parameters``."""

    scheme: str
    parameters: t.Mapping[str, str]


def parse_challenges(values: t.Iterable[str]) -> list[Challenge]:
    """Return the Basic and Bearer challenges of WWW-Authenticate headers (RFC 9110, 11.6.1), others left out."""
    challenges: list[Challenge] = []
    for value in values:
        starts = list(_CHALLENGE.finditer(_without_quoted(value)))
        for start, following in zip(starts, [*starts[1:], None]):
            text = value[start.end() : following.start() if following else None]
            parameters = {
                name.lower(): re.sub(r"\\(.)", r"\1", quoted) or bare for name, quoted, bare in _PARAMETER.findall(text)
            }
            challenges.append(Challenge(start.group(1).lower(), parameters))
    return challenges


def _without_quoted(value: str) -> str:
    """Return the header with quoted strings blanked, same length, so that their text is not taken for a challenge."""
    return re.sub(r'"(?:[^"\\]|\\.)*"', lambda match: " " * len(match.group()), value)
