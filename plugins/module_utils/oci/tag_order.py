# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags by version: which of them count, and in which order. Pure functions; no request is made."""

from __future__ import annotations

import dataclasses
import fnmatch
import operator
import re
import typing as t

from .errors import InvalidConstraint
from .versions import Suffixes, Version, parse_version

Others = t.Literal["drop", "first", "last"]
"""What becomes of tags that are no version."""

_COMPARE: dict[str, t.Callable[[t.Any, t.Any], bool]] = {
    "": operator.eq,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_BOUND = re.compile(r"\s*(?P<operator>[=!<>]*)\s*(?P<version>[^\s=!<>]+)\s*")


@dataclasses.dataclass(frozen=True)
class Bound:
    """One part of a constraint, such as ``>=1.2``."""

    operator: str
    version: Version

    def allows(self, version: Version) -> bool:
        """Tell whether a version keeps to this; its flavor and build do not matter."""
        if not _COMPARE[self.operator](version.precedence, self.version.precedence):
            return False
        # Who asks for <2 does not want 2.0.0-rc.1, although it is older than 2.0.0 (as in PEP 440, "exclusive ordered").
        same = version.release == self.version.release
        return not (self.operator == "<" and same and version.prerelease and not self.version.prerelease)


@dataclasses.dataclass(frozen=True)
class Rules:
    """Which versions count.

    ``constraint`` must all be kept to; ``flavor`` is a shell pattern for the flavor, None allows any, empty only plain
    versions; ``prereleases`` and ``partial`` say whether those count.
    """

    suffixes: Suffixes = "auto"
    constraint: tuple[Bound, ...] = ()
    flavor: str | None = None
    prereleases: bool = True
    partial: bool = True

    def allow(self, version: Version) -> bool:
        """Tell whether a version counts."""
        return (
            (self.prereleases or not version.prerelease)
            and (self.partial or not version.is_partial)
            and (self.flavor is None or fnmatch.fnmatchcase(version.flavor, self.flavor))
            and all(bound.allows(version) for bound in self.constraint)
        )


def parse_constraint(text: str, suffixes: Suffixes = "auto") -> tuple[Bound, ...]:
    """Parse bounds parted by commas, such as ``>=1.2, <2``; without an operator a version must be equal.

    :raises InvalidConstraint: if a part is no bound.
    """
    return tuple(_parse_bound(part, text, suffixes) for part in text.split(","))


def sort_tags(
    tags: t.Iterable[str], rules: Rules | None = None, *, others: Others = "drop", reverse: bool = False
) -> list[str]:
    """Return the tags whose versions count, the oldest first; the order they came in does not matter.

    :param others: where the tags go that are no version, sorted by name.
    :param reverse: the newest first, and the others from the last name to the first.
    """
    rules = rules or Rules()
    versions: list[Version] = []
    names: list[str] = []
    for tag in tags:
        version = parse_version(tag, rules.suffixes)
        if version is None:
            names.append(tag)
        elif rules.allow(version):
            versions.append(version)
    found = [version.text for version in sorted(versions, key=lambda version: version.sort_key, reverse=reverse)]
    names.sort(reverse=reverse)
    return {"drop": found, "first": names + found, "last": found + names}[others]


def _parse_bound(part: str, whole: str, suffixes: Suffixes) -> Bound:
    match = _BOUND.fullmatch(part)
    version = parse_version(match["version"], suffixes) if match else None
    if not match or match["operator"] not in _COMPARE or version is None:
        raise InvalidConstraint(
            f"{part.strip()!r} in the constraint {whole!r} is not a bound.",
            hint=f"Use one of {' '.join(filter(None, _COMPARE))} and a version, parted by commas, as in '>=1.2, <2'.",
        )
    if version.flavor:
        raise InvalidConstraint(
            f"{part.strip()!r} in the constraint {whole!r} names the flavor {version.flavor!r}.",
            hint="A constraint compares versions only: give the flavor as flavor.",
        )
    return Bound(match["operator"], version)
