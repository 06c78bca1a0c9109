# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a registry holds: repositories, tags, and for each tag digest, type, size and platforms.

Reading goes on past failures: what could not be read stands in :attr:`Catalog.failures` beside what could.
"""

from __future__ import annotations

import dataclasses
import typing as t
from concurrent.futures import Future, ThreadPoolExecutor

from .client import RegistryClient
from .describe import Describer, ImageDetails
from .errors import RegistryError

THREADS = 8


@dataclasses.dataclass(frozen=True)
class Tag:
    """A tag; ``details`` is None if they were not asked for or could not be read."""

    name: str
    details: ImageDetails | None = None


@dataclasses.dataclass(frozen=True)
class Repository:
    """A repository and its tags, sorted by name."""

    name: str
    tags: tuple[Tag, ...]


@dataclasses.dataclass(frozen=True)
class Failure:
    """What could not be read. Without a tag it is the repository's list of tags; without a repository, the catalog."""

    error: RegistryError
    repository: str = ""
    tag: str = ""


@dataclasses.dataclass(frozen=True)
class Catalog:
    """Repositories sorted by name, and failures."""

    repositories: tuple[Repository, ...]
    failures: tuple[Failure, ...]


def read_catalog(
    client: RegistryClient, *, repositories: t.Sequence[str] | None = None, details: bool = True, threads: int = THREADS
) -> Catalog:
    """Read a registry's content with several requests at a time.

    :param repositories: only these; None reads the registry's catalog. One that does not exist has no tags.
    :param details: False reads names only, with no request for each tag.
    :raises RegistryError: the first failure, if nothing at all could be read.
    """
    reader = _Reader(client, details=details, threads=threads)
    with reader.executor:
        try:
            for name in client.repositories() if repositories is None else dict.fromkeys(repositories):
                reader.add(name)
        except RegistryError as error:
            reader.failures.append(Failure(error))
        except BaseException:
            reader.executor.shutdown(wait=False, cancel_futures=True)
            raise
        catalog = reader.collect()
    if catalog.failures and not catalog.repositories:
        raise catalog.failures[0].error
    return catalog


class _Reader:
    """Keeps the requests under way; tags are asked for while later pages of the catalog still load."""

    def __init__(self, client: RegistryClient, *, details: bool, threads: int) -> None:
        self.executor = ThreadPoolExecutor(threads)
        self.failures: list[Failure] = []
        self._client = client
        self._describer = Describer(client) if details else None
        self._tags: dict[str, Future[list[str]]] = {}

    def add(self, name: str) -> None:
        """Start to read a repository's tags."""
        if name not in self._tags:
            self._tags[name] = self.executor.submit(lambda: sorted(set(self._client.tags(name))))

    def collect(self) -> Catalog:
        """Wait for all that was started, in an order that does not depend on the registry's."""
        names: dict[str, list[str]] = {}
        for repository in sorted(self._tags):
            tags = self._result(self._tags[repository], repository)
            if tags is not None:
                names[repository] = tags
        # All details are asked for before any is waited for.
        details = {
            (repository, tag): self.executor.submit(self._describer.by_reference, repository, tag)
            for repository, tags in names.items()
            for tag in tags
            if self._describer
        }
        found = tuple(
            Repository(repository, tuple(self._tag(repository, tag, details.get((repository, tag))) for tag in tags))
            for repository, tags in names.items()
        )
        return Catalog(found, tuple(self.failures))

    def _tag(self, repository: str, tag: str, details: Future[ImageDetails] | None) -> Tag:
        return Tag(tag, self._result(details, repository, tag) if details else None)

    def _result(self, future: Future[T], repository: str, tag: str = "") -> T | None:
        try:
            return future.result()
        except RegistryError as error:
            self.failures.append(Failure(error, repository, tag))
            return None


T = t.TypeVar("T")
