# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a registry holds: repositories, tags, and for each tag digest, type, size and platforms.

Reading goes on past failures: what could not be read stands in :attr:`Catalog.failures` beside what could. A catalog of
any length is read with a few requests at a time, and only what the patterns leave is asked for.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
import time
import typing as t
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

from ..progress import Report, watching
from .client import RegistryClient
from .describe import Describer, ImageDetails
from .errors import ConnectionFailed, InvalidSettings, RegistryError, ResponseError
from .media_types import Descriptor
from .paging import PAGE_SIZE
from .selection import EVERYTHING, Selection

THREADS = 8

_AHEAD = 4
"""Requests that wait for each thread, so that none is idle while results are put together."""

_UNANSWERED = 16
"""Requests in a row without an answer, each tried several times, after which the registry is taken to be gone."""

Gather = t.Literal["repositories", "names", "digests", "sizes"]

A = t.TypeVar("A")
B = t.TypeVar("B")


class Tag(t.NamedTuple):
    """A tag, as small as can be, for there may be hundreds of thousands.

    ``digest`` and ``media_type`` are empty, and ``details`` None, if not asked for or not to be read.
    """

    name: str
    digest: str = ""
    media_type: str = ""
    details: ImageDetails | None = None


@dataclasses.dataclass(frozen=True)
class Repository:
    """A repository and those of its tags that were asked for, sorted; ``empty`` if it was seen to have no tags at all."""

    name: str
    tags: tuple[Tag, ...]
    empty: bool = False


_ALONE = 32
"""Tags that are asked for one by one: a short list is then read by all threads at the same time."""

_TOGETHER = 8
"""Tags of a repository that a thread is given at a time from then on: to hand over one costs as much as to ask for it."""


@dataclasses.dataclass(frozen=True)
class Failure:
    """What could not be read. Without a tag it is the repository's list of tags; without a repository, the catalog."""

    error: RegistryError
    repository: str = ""
    tag: str = ""


@dataclasses.dataclass(frozen=True)
class Catalog:
    """Repositories and failures, sorted by name.

    ``next`` is the name to go on after, empty if all were read. The unmatched are the patterns and names that fitted
    nothing in what was read.
    """

    repositories: tuple[Repository, ...]
    failures: tuple[Failure, ...]
    next: str = ""
    unmatched_repositories: tuple[str, ...] = ()
    unmatched_tags: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Query:
    """What to read.

    ``repositories`` are all or some; if they are all names, the registry's catalog is not read. ``tags`` are those of
    each repository. ``gather`` says what of each tag: ``names`` costs no request, ``digests`` a HEAD, ``sizes`` all its
    manifests; with ``repositories`` the catalog is all that is read. At most ``limit`` repositories are read, behind
    the name ``after`` in the catalog's order.

    :raises InvalidSettings: if a number is not positive, or tags are chosen that are not read.
    """

    repositories: Selection = EVERYTHING
    tags: Selection = EVERYTHING
    gather: Gather = "sizes"
    limit: int | None = None
    after: str = ""
    page_size: int = PAGE_SIZE

    def __post_init__(self) -> None:
        for name, number in (("limit", self.limit), ("page_size", self.page_size)):
            if number is not None and number < 1:
                raise InvalidSettings(f"{name} is {number}.", hint="Give a positive number, or leave it out.")
        if self.gather == "repositories" and self.tags != EVERYTHING:
            raise InvalidSettings(
                "tags chooses among tags, and with gather=repositories none are read.",
                hint="Leave out tags, or gather names.",
            )

    @property
    def reads_catalog(self) -> bool:
        """Whether the registry's catalog is read: names alone say where to look, but not what is there."""
        return self.repositories.has_patterns or self.gather == "repositories"


def read_catalog(
    client: RegistryClient,
    query: Query | None = None,
    *,
    threads: int = THREADS,
    report: Report = lambda _line: None,
) -> Catalog:
    """Read a registry's content with several requests at a time.

    :param query: None is everything.
    :param report: is told how far it is, about once a second, by another thread.
    :raises RegistryError: the first failure, if nothing at all could be read.
    """
    with ThreadPoolExecutor(threads) as executor:
        reader = _Reader(client, query or Query(), executor, ahead=threads * _AHEAD)
        try:
            with watching(report, reader.line):
                catalog = reader.read()
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
    if catalog.failures and not catalog.repositories:
        raise catalog.failures[0].error
    return catalog


class _Reader:
    """Names lead to tags and tags to details, each step a few requests ahead of the next."""

    def __init__(self, client: RegistryClient, query: Query, executor: ThreadPoolExecutor, *, ahead: int) -> None:
        self._client = client
        self._query = query
        self._executor = executor
        self._ahead = ahead
        self._describer = Describer(client)
        self._found: dict[str, list[Tag]] = {}
        self._empty: set[str] = set()
        self._failures: list[Failure] = []
        self._next = ""
        self._unanswered = 0
        self._repositories_read = self._tags_read = 0
        self._began = time.monotonic()
        self._names = _Matches(query.repositories)
        self._tags = _Matches(query.tags)

    def read(self) -> Catalog:
        """Read it all, and put it into an order that does not depend on the registry's."""
        if self._query.gather == "repositories":
            self._found = {name: [] for name in self._wanted_names()}
        else:
            for repository, tag in self._described_tags():
                self._found[repository].append(tag)
                self._tags_read += 1
        return Catalog(
            tuple(Repository(name, tuple(self._found[name]), name in self._empty) for name in sorted(self._found)),
            tuple(sorted(self._failures, key=lambda failure: (failure.repository, failure.tag))),
            self._next,
            self._names.unmatched,
            self._tags.unmatched,
        )

    def line(self) -> str:
        """Return how far it is. How many there are in all is known only when the last page of the catalog is."""
        parts = [f"{self._repositories_read:,} repositories"]
        if self._query.gather != "repositories":
            parts.append(f"{self._tags_read:,} tags")
        if self._failures:
            parts.append(f"{len(self._failures):,} failures")
        return f"read {', '.join(parts)} in {time.monotonic() - self._began:.0f} s"

    def _described_tags(self) -> t.Iterator[tuple[str, Tag]]:
        if self._query.gather == "names":
            yield from ((repository, Tag(tag)) for repository, tag in self._wanted_tags())
            return
        for (repository, _tags), described in self._each(self._describe_some, _grouped(self._wanted_tags())):
            for tag in described.result():
                if isinstance(tag, Failure):
                    self._failures.append(tag)
                    yield repository, Tag(tag.tag)
                else:
                    yield repository, tag

    def _wanted_tags(self) -> t.Iterator[tuple[str, str]]:
        for repository, listed in self._each(self._list, self._wanted_names()):
            try:
                tags = listed.result()
            except RegistryError as error:
                self._failures.append(Failure(_bare(error), repository))
                continue
            if tags is None and not self._query.reads_catalog:
                self._names.forget(repository)
                continue
            # One that the catalog names is there, even if it has nothing but manifests without a tag.
            self._found[repository] = []
            if not tags:
                self._empty.add(repository)
            yield from ((repository, tag) for tag in sorted(set(tags or ())) if self._tags.add(tag))

    def _wanted_names(self) -> t.Iterator[str]:
        """Yield the repositories that are wanted, no more than the window has; and note where to go on."""
        number, last = 0, ""
        try:
            for name in self._all_names():
                if not self._names.add(name):
                    continue
                if number == self._query.limit:
                    self._next = last
                    return
                number, last = number + 1, name
                self._repositories_read = number
                yield name
        except RegistryError as error:
            self._failures.append(Failure(_explained(error)))

    def _all_names(self) -> t.Iterator[str]:
        query = self._query
        if not query.reads_catalog:
            yield from (name for name in sorted(query.repositories.includes) if name > query.after)
            return
        names = self._client.repositories(page_size=query.page_size, after=query.after)
        # The next page is on its way while the tags of this one are read.
        coming = self._executor.submit(_take, names, query.page_size)
        seen: set[str] = set()
        while True:
            page, failure = coming.result()
            coming = self._executor.submit(_take, names, query.page_size)
            for name in page:
                if name not in seen:
                    seen.add(name)
                    yield name
            if failure:
                raise failure
            if not page:
                return

    def _list(self, repository: str) -> list[str] | None:
        return self._asked(lambda: self._client.find_tags(repository, page_size=self._query.page_size))

    def _describe_some(self, place: tuple[str, list[str]]) -> list[Tag | Failure]:
        repository, tags = place
        found: list[Tag | Failure] = []
        several = self._query.gather == "digests" and len(tags) > 1 and not self._unanswered
        known = self._client.head_manifests(repository, tags) if several else [None] * len(tags)
        for tag, named in zip(tags, known):
            try:
                if named:
                    found.append(_named(tag, named))
                else:
                    found.append(self._asked(lambda tag=tag: self._describe(repository, tag)))  # type: ignore[misc]
            except RegistryError as error:
                found.append(Failure(_bare(error), repository, tag))
        return found

    def _describe(self, repository: str, tag: str) -> Tag:
        if self._query.gather == "digests":
            # A HEAD has no body: if there is nothing, the GET raises the registry's own words.
            named = self._client.head_manifest(repository, tag)
            return _named(tag, named or self._client.get_manifest(repository, tag).descriptor)
        details = self._describer.by_reference(repository, tag)
        return Tag(tag, details.digest, details.media_type, details)

    def _each(self, work: t.Callable[[A], B], items: t.Iterable[A]) -> t.Iterator[tuple[A, Future[B]]]:
        """Yield each item with its finished or coming result, in order, with only a few under way."""
        waiting: deque[tuple[A, Future[B]]] = deque()
        for item in items:
            waiting.append((item, self._executor.submit(work, item)))
            if len(waiting) > self._ahead:
                yield waiting.popleft()
        yield from waiting

    def _asked(self, ask: t.Callable[[], B]) -> B:
        """Ask, unless the registry went away meanwhile: thousands of requests would each wait for it in vain."""
        if self._unanswered >= _UNANSWERED:
            raise RegistryError(
                f"{self._client.origin} was not asked: {_UNANSWERED} requests in a row got no answer.",
                hint="Is the registry still running? Read the rest when it is.",
            )
        try:
            result = ask()
        except RegistryError as error:
            self._unanswered = self._unanswered + 1 if isinstance(error, ConnectionFailed) else 0
            raise
        self._unanswered = 0
        return result


class _Matches:
    """Tells what a selection wants, and which of its names and patterns have not fitted anything so far."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._left = set(selection.includes)

    def add(self, name: str) -> bool:
        """Tell whether a name is wanted."""
        self._left -= {text for text in self._left if self._selection.fits(text, name)}
        return self._selection.wants(name)

    def forget(self, name: str) -> None:
        """Take back that a name was there."""
        self._left.add(name)

    @property
    def unmatched(self) -> tuple[str, ...]:
        """The names and patterns that have fitted nothing, in the order given."""
        return tuple(text for text in self._selection.includes if text in self._left)


def _named(tag: str, named: Descriptor) -> Tag:
    return Tag(tag, named.digest, sys.intern(named.media_type))


def _grouped(tags: t.Iterable[tuple[str, str]]) -> t.Iterator[tuple[str, list[str]]]:
    """Yield repositories with one or some of their tags each, in the order given."""
    group: list[str] = []
    current = ""
    for number, (repository, tag) in enumerate(tags):
        if group and (repository != current or len(group) == (_TOGETHER if number > _ALONE else 1)):
            yield current, group
            group = []
        current = repository
        group.append(tag)
    if group:
        yield current, group


def _take(names: t.Iterator[str], number: int) -> tuple[list[str], RegistryError | None]:
    """Return the next names, and what broke the list off, if anything did."""
    taken: list[str] = []
    try:
        for name in itertools.islice(names, number):
            taken.append(name)
    except RegistryError as error:
        return taken, error
    return taken, None


def _bare(error: RegistryError) -> RegistryError:
    """Return an error without the frames that it went through, which would keep alive much more than itself."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _explained(error: RegistryError) -> RegistryError:
    """Say what helps if it is the catalog that a registry does not hand out."""
    if isinstance(error, ResponseError) and error.status in (401, 403, 404, 405):
        hint = "The registry does not hand out its catalog to this user: name the repositories, without patterns."
        error.hint = f"{error.hint} {hint}".strip()
    return error
