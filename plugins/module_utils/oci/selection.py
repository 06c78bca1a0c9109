# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choosing names by names and shell patterns."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
import typing as t

from .errors import InvalidReference


@dataclasses.dataclass(frozen=True)
class Selection:
    """Names and patterns, of which one has to fit, and patterns of which none may.

    In a pattern ``*`` stands for any characters, ``/`` too, ``?`` for one, ``[ab]`` for one of these.
    """

    includes: tuple[str, ...] = ("*",)
    excludes: tuple[str, ...] = ()

    @property
    def has_patterns(self) -> bool:
        """Whether it takes a list of all names to know which are meant."""
        return any(is_pattern(text) for text in self.includes)

    def wants(self, name: str) -> bool:
        """Tell whether a name is selected."""
        return any(self.fits(text, name) for text in self.includes) and not any(
            self.fits(text, name) for text in self.excludes
        )

    @staticmethod
    def fits(text: str, name: str) -> bool:
        """Tell whether a name is the given one, or fits the pattern."""
        return fnmatch.fnmatchcase(name, text)


EVERYTHING = Selection()


def is_pattern(text: str) -> bool:
    """Tell whether a text is a pattern: names have none of its signs."""
    return bool(re.search(r"[*?\[]", text))


def parse_selection(texts: t.Iterable[str], parse_name: t.Callable[[str], str]) -> Selection:
    """Return the selection of names and patterns; those with a ``!`` in front exclude, and if there are only such, all
    others are meant.

    :param parse_name: checks a name that is no pattern.
    :raises InvalidReference: if it refuses one, or a pattern is empty.
    """
    includes: dict[str, None] = {}
    excludes: dict[str, None] = {}
    for text in texts:
        chosen, pattern = (excludes, text[1:]) if text.startswith("!") else (includes, text)
        if not pattern:
            raise InvalidReference(f"{text!r} is no name and no pattern.", hint="Leave it out, or use * for all.")
        chosen[pattern if is_pattern(pattern) else parse_name(pattern)] = None
    return Selection(tuple(includes) or (("*",) if excludes else ()), tuple(excludes))
