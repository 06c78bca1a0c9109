# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user wants: entries of a list of images, read strictly, with all that is wrong at once."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..errors import InvalidReference, RegistryError
from ..location import Location, RegistryLocation, parse_location
from ..platforms import Platform, parse_platform
from ..reference import RepositoryTag, parse_repository, parse_repository_tag, parse_tag
from ..selection import EVERYTHING, Selection, parse_selection
from ..tag_order import Rules, parse_constraint, sort_tags
from .problems import Problem

CHOOSING = ("tags", "versions", "newest", "flavor", "prereleases", "partial")
"""Keys of an entry that stands for several tags of a repository."""

KEYS = frozenset({"name", "source", "platforms", "referrers", "where", *CHOOSING})


@dataclasses.dataclass(frozen=True)
class TagChoice:
    """Which tags of a repository are wanted: ``rules`` None asks for no versions, ``newest`` 0 for no number of them."""

    names: Selection = EVERYTHING
    rules: Rules | None = None
    newest: int = 0

    @property
    def listed(self) -> tuple[str, ...]:
        """The tags, if they are named one by one, so that no list of all need be read."""
        return () if self.rules or self.names.has_patterns or self.names.excludes else self.names.includes

    def choose(self, tags: t.Iterable[str]) -> list[str]:
        """Return the tags that are wanted: versions the oldest first, others by name."""
        wanted = [tag for tag in tags if self.names.wants(tag)]
        if self.rules is None:
            return sorted(wanted)
        return sort_tags(wanted, self.rules)[-self.newest :]

    def __str__(self) -> str:
        return ", ".join([*self.names.includes, *(f"!{text}" for text in self.names.excludes)])


@dataclasses.dataclass(frozen=True)
class Wish:
    """One entry. ``tag`` is empty if ``choice`` names the tags, which then are the same here and there.

    ``where`` is what messages call the entry; no ``platforms`` are all.
    """

    where: str
    repository: str
    tag: str
    location: Location
    platforms: tuple[Platform, ...] = ()
    choice: TagChoice | None = None
    referrers: bool = False

    @property
    def target(self) -> RepositoryTag:
        """Where the image goes."""
        return RepositoryTag(self.repository, self.tag)


def read_wishes(
    entries: t.Sequence[t.Mapping[str, t.Any]], *, referrers: bool = False, first: str = "images"
) -> tuple[list[Wish], list[Problem]]:
    """Return what can be read, and what is wrong with the rest.

    :param referrers: whether signatures and the like travel along with entries that do not say so.
    :param first: what messages call the list; an entry may have a ``where`` of its own.
    """
    wishes: list[Wish] = []
    problems: list[Problem] = []
    for number, entry in enumerate(entries):
        where = str(entry.get("where") or f"{first}[{number}]")
        reader = _Entry(where, entry)
        wish = reader.read(referrers)
        problems += reader.problems
        if wish:
            wishes.append(wish)
    return wishes, problems


class _Entry:
    """Reads one entry, and goes on after a problem to find the others."""

    def __init__(self, where: str, values: t.Mapping[str, t.Any]) -> None:
        self._where = where
        self._values = {key: value for key, value in values.items() if value is not None}
        self._refused: set[str] = set()
        self.problems: list[Problem] = []

    def read(self, referrers: bool) -> Wish | None:
        unknown = sorted(set(map(str, self._values)) - KEYS)
        if unknown:
            self._problem(f"{', '.join(unknown)} is not known. Use {', '.join(sorted(KEYS - {'where'}))}.")
        for key, kinds in _TYPES.items():
            # In Python true is a whole number, too.
            given = self._values.get(key)
            if given is not None and (not isinstance(given, kinds) or (kinds is int and isinstance(given, bool))):
                self._problem(f"{key} is {given!r}. {_MEANT[key]}")
                self._refused.add(key)
                del self._values[key]
        location = self._try(self._location)
        choosing = any(key in self._values or key in self._refused for key in CHOOSING)
        choice = self._try(self._choice) if choosing else None
        target = self._try(lambda: self._target(location, choosing))
        platforms = self._platforms()
        if self.problems or location is None or target is None:
            return None
        wanted = self._values.get("referrers", referrers)
        return Wish(self._where, *target, location, platforms, choice, wanted)

    def _location(self) -> Location | None:
        if "source" in self._refused:
            return None
        if "source" not in self._values:
            raise InvalidReference("source is missing.", hint="It looks like docker://nginx:1.27 or oci-archive:/path.")
        return parse_location(self._values["source"])

    def _platforms(self) -> tuple[Platform, ...]:
        found = [self._try(lambda text=text: parse_platform(text)) for text in self._texts("platforms")]  # type: ignore[misc]
        return tuple(dict.fromkeys(platform for platform in found if platform))

    def _target(self, location: Location | None, choosing: bool) -> RepositoryTag | None:
        name = self._values.get("name", "")
        if "name" in self._refused:
            return None
        if not choosing:
            if name:
                return parse_repository_tag(name)
            if not isinstance(location, RegistryLocation) or not location.reference.tag:
                self._refuse_nameless(location)
                return None
            return RepositoryTag(location.reference.repository, location.reference.tag)
        if location is not None and not isinstance(location, RegistryLocation):
            self._problem(f"tags can be chosen of a docker:// source only, and source is {location}.")
            return None
        if location and re.search(r":[^/]*$|@", self._values["source"][len("docker://") :]):
            self._problem(f"source names one image, {location}, and tags are chosen. Leave the tag or digest out.")
        if name and ":" in name:
            self._problem(f"name is {name!r}, and tags are chosen, which keep their names. Leave its tag out.")
            return None
        if name:
            return RepositoryTag(parse_repository(name), "")
        return RepositoryTag(location.reference.repository, "") if location else None

    def _refuse_nameless(self, location: Location | None) -> None:
        if location is not None:
            self._problem(f"name is missing, and {location} has none that could be taken. It looks like team/app:1.0.")

    def _choice(self) -> TagChoice:
        texts = self._texts("tags")
        names = parse_selection(texts, parse_tag) if texts else EVERYTHING
        newest = self._values.get("newest", 0)
        if "newest" in self._values and newest < 1:
            raise InvalidReference(f"newest is {newest}.", hint="Give the number of tags to take, one at least.")
        if not any(key in self._values for key in CHOOSING if key != "tags"):
            return TagChoice(names)
        bounds = self._values.get("versions")
        rules = Rules(
            constraint=parse_constraint(bounds) if bounds else (),
            flavor=self._values.get("flavor"),
            prereleases=self._values.get("prereleases", False),
            partial=self._values.get("partial", True),
        )
        return TagChoice(names, rules, newest)

    def _texts(self, key: str) -> list[str]:
        value = self._values.get(key, [])
        if isinstance(value, str):
            return [value]
        wrong = [part for part in value if not isinstance(part, str)]
        if wrong:
            self._problem(f"{key} holds {wrong[0]!r}, which is no text. Put it into quotes.")
        return [part for part in value if isinstance(part, str)]

    def _try(self, read: t.Callable[[], T]) -> T | None:
        try:
            return read()
        except RegistryError as error:
            self._problem(str(error))
            return None

    def _problem(self, message: str) -> None:
        self.problems.append(Problem(self._where, message))


T = t.TypeVar("T")

_TEXT = "Give a text, in quotes if it looks like a number."
_BOOL = "Give true or false."
_TYPES: dict[str, t.Any] = {
    "name": str,
    "source": str,
    "platforms": (str, list),
    "tags": (str, list),
    "versions": str,
    "flavor": str,
    "newest": int,
    "prereleases": bool,
    "partial": bool,
    "referrers": bool,
}
_MEANT = {
    **dict.fromkeys(("name", "source", "versions", "flavor"), _TEXT),
    **dict.fromkeys(("prereleases", "partial", "referrers"), _BOOL),
    **dict.fromkeys(("platforms", "tags"), "Give a list of texts."),
    "newest": "Give a whole number.",
}
