# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a list of images, as the module ``images`` reads it, to what a bundle is to hold."""

from __future__ import annotations

import dataclasses
import typing as t

from ..batch.jobs import Extra
from ..batch.problems import BadList, Problem
from ..batch.sources import Sources
from ..batch.travellers import Travellers
from ..batch.wishes import Wish, read_wishes
from ..errors import RegistryError
from ..location import Location, RegistryLocation
from ..platforms import parse_platform
from ..reference import Reference, RepositoryTag
from .documents import full_name
from .planning import Wanted


def read_wanted(
    entries: t.Sequence[t.Mapping[str, t.Any]],
    platforms: t.Sequence[str],
    sources: Sources,
    *,
    referrers: bool = False,
) -> list[Wanted]:
    """Return each image of a list once, those that tags are chosen of by the tags there are now.

    :param platforms: for entries that have none.
    :param referrers: whether signatures and the like go in with entries that do not say so.
    :raises BadList: with all that is wrong with the list.
    """
    default = tuple(parse_platform(text) for text in platforms)
    wishes, problems = read_wishes(entries, referrers=referrers)
    travellers = Travellers(sources)
    wanted: list[Wanted] = []
    for wish in wishes:
        try:
            wanted += _expand(wish, default, sources, travellers)
        except RegistryError as error:
            problems.append(Problem(wish.where, str(error)))
    single, contradictions = _once(wanted)
    problems += contradictions
    if problems:
        raise BadList(problems)
    return single


def _expand(wish: Wish, default: t.Sequence[t.Any], sources: Sources, travellers: Travellers) -> list[Wanted]:
    platforms = wish.platforms or tuple(default)

    def one(target: RepositoryTag, location: Location) -> Wanted:
        def about(digests: t.Sequence[str]) -> t.Sequence[Extra]:
            around = travellers.around(location)
            return travellers.find(around, digests) if around else ()

        opened = Wanted(wish.where, target, location, lambda: sources.open(location, platforms), platforms)
        return dataclasses.replace(opened, about=about) if wish.referrers else opened

    if wish.choice is None:
        return [one(wish.target, wish.location)]
    reference = t.cast(RegistryLocation, wish.location).reference
    there = sources.tags(reference) or ()
    tags = list(wish.choice.listed) or wish.choice.choose(there)
    if not tags:
        raise RegistryError(f"no tag of docker://{reference.registry}/{reference.repository} is what is chosen.")
    return [
        one(RepositoryTag(wish.repository, tag), RegistryLocation(Reference(reference.registry, reference.repository, tag)))
        for tag in tags
    ]


def _once(wanted: t.Iterable[Wanted]) -> tuple[list[Wanted], list[Problem]]:
    """Return one a target, and the contradictions: of registries' names, and of engines'."""
    first: dict[RepositoryTag, Wanted] = {}
    called: dict[str, Wanted] = {}
    problems: list[Problem] = []
    for one in wanted:
        other = first.setdefault(one.target, one)
        if (other.location, set(other.platforms)) != (one.location, set(one.platforms)):
            problems.append(
                Problem(one.where, f"{one.target} is to be {one.location} here, and {other.location} at {other.where}.")
            )
        if other.about is None and one.about is not None:
            first[one.target] = dataclasses.replace(other, about=one.about)
        full = full_name(one.target, one.location)
        same = called.setdefault(full, one)
        if same.target != one.target:
            problems.append(Problem(one.where, f"engines would call {one.target} {full}, and {same.target}, too."))
    return list(first.values()), problems
