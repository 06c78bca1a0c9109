# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions in tags: what is one, and which of two is the newer.

The order is that of Semantic Versioning 2.0.0 (section 11), widened to what image tags are in practice: a leading
``v``, one to six numbers, leading zeros (``24.04``), ``_`` for ``+`` as Helm writes it (a tag cannot hold ``+``), and
flavors such as ``-alpine``, which Semantic Versioning would take for pre-releases.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

Suffixes = t.Literal["auto", "flavor", "prerelease"]
"""What follows the numbers: ``auto`` takes well-known words such as ``rc`` for a pre-release and all else for a flavor,
``flavor`` knows flavors only, ``prerelease`` is Semantic Versioning to the letter and knows no flavors."""

Identifier = t.Union[int, str]

Key = t.Tuple[t.Tuple[t.Any, ...], ...]
"""Compares with any other key of the same function."""

_MOST_NUMBERS = 6
_LONGEST = 256
"""Characters; a tag has at most 128."""

_NUMBERS = rf"[vV]?(?P<numbers>[0-9]{{1,18}}(?:\.[0-9]{{1,18}}){{0,{_MOST_NUMBERS - 1}}})"
_WORDS = "alpha|beta|canary|cr|devel|dev|ea|milestone|next|nightly|preview|pre|rc|snapshot"
_MORE = r"[0-9]*(?:\.[0-9A-Za-z]+|-[0-9]+(?![0-9A-Za-z.]))*"
_PRERELEASE = rf"(?:[-._]?(?P<prerelease>(?:{_WORDS})(?![A-Za-z]){_MORE})|(?P<short>[abcm](?=[0-9]){_MORE}))?"
_BUILD = r"(?:\+(?P<plus>[0-9A-Za-z.-]+)|_(?P<underscore>[0-9A-Za-z.]+))?"
# A flavor after a dot begins with a letter, as in 4.8.3.Final: a digit there would be one number too many.
_FLAVOR = r"(?:(?:-|\.(?=[A-Za-z]))(?P<flavor>[0-9A-Za-z][0-9A-Za-z._-]*))?"

_GRAMMARS: dict[str, re.Pattern[str]] = {
    "auto": re.compile(_NUMBERS + _PRERELEASE + _BUILD + _FLAVOR, re.ASCII | re.IGNORECASE),
    "flavor": re.compile(_NUMBERS + _BUILD + _FLAVOR),
    "prerelease": re.compile(
        _NUMBERS + r"(?:-(?P<prerelease>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
        r"(?:[+_](?P<plus>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    ),
}


@dataclasses.dataclass(frozen=True)
class Version:
    """A version, and the text it was read from.

    ``prerelease`` holds the identifiers of a pre-release, none if it is a release; ``flavor`` says which of several
    images of the same version it is, such as ``alpine``, and is empty for the plain one.
    """

    text: str
    numbers: tuple[int, ...]
    prerelease: tuple[Identifier, ...] = ()
    flavor: str = ""
    build: str = ""

    def __str__(self) -> str:
        return self.text

    @property
    def is_partial(self) -> bool:
        """Whether it has fewer than three numbers: such a tag usually moves on to each new release."""
        return len(self.numbers) < 3

    @property
    def precedence(self) -> Key:
        """The key by which versions are newer or older (Semantic Versioning, 11). Missing numbers count as zero."""
        return (self.release, (not self.prerelease,), _key(self.prerelease))

    @property
    def release(self) -> tuple[int, ...]:
        """The numbers, filled up with zeros."""
        return self.numbers + (0,) * (_MOST_NUMBERS - len(self.numbers))

    @property
    def sort_key(self) -> Key:
        """A key that no two different texts share.

        Of equal precedence, flavors come first, sorted by name, then the plain version; then the smaller build, the
        one with fewer numbers, and the text decide.
        """
        flavor, build = (_key(_natural(part)) for part in (self.flavor, self.build))
        return (*self.precedence, (not self.flavor,), flavor, build, (len(self.numbers), self.text))


def parse_version(text: str, suffixes: Suffixes = "auto") -> Version | None:
    """Return the version that a tag is, None if it is none."""
    match = _GRAMMARS[suffixes].fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    parts = match.groupdict(default="")
    short = parts.get("short", "")
    if short and "." not in parts["numbers"]:
        return None  # 12b3456 is the start of a commit's hash rather than beta 3456 of version 12
    prerelease = parts.get("prerelease", "") or short
    return Version(
        text,
        tuple(int(number) for number in parts["numbers"].split(".")),
        _identifiers(prerelease) if suffixes == "prerelease" else _natural(prerelease),
        parts.get("flavor", ""),
        parts["plus"] or parts.get("underscore", ""),
    )


def _identifiers(text: str) -> tuple[Identifier, ...]:
    """Return dot-separated identifiers as Semantic Versioning reads them: digits alone are a number."""
    return tuple(int(part) if _is_number(part) else part for part in text.split(".") if part)


def _natural(text: str) -> tuple[Identifier, ...]:
    """Return the words and numbers of a text, so that rc2 comes before rc10 and alpine3.9 before alpine3.20."""
    return tuple(int(part) if _is_number(part) else part for part in re.findall(r"[0-9]+|[a-z]+", text.lower()))


def _is_number(text: str) -> bool:
    return text.isdigit() and text.isascii()


def _key(identifiers: t.Iterable[Identifier]) -> tuple[tuple[int, int, str], ...]:
    """Return a key by which numbers come before words, and fewer identifiers before more (11.4)."""
    return tuple((0, part, "") if isinstance(part, int) else (1, 0, part) for part in identifiers)
