# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of each image of a list."""

from __future__ import annotations

import typing as t

from ..errors import RegistryError
from ..location import Location
from ..media_types import Manifest
from ..platforms import Platform
from ..reference import RepositoryTag
from ..source import ImageSource
from .packed_manifests import AnyManifest

Result = t.Literal["copied", "skipped", "failed"]


class Job:
    """One tag that is to name one image.

    ``before`` is the digest that the tag names now, ``digest`` the one it is to name; each is empty while it is not
    known. ``root`` is the manifest or index to be written, None if nothing is. Without a ``location`` it is none of a list.
    """

    __slots__ = (
        "where",
        "target",
        "location",
        "platforms",
        "referrers",
        "before",
        "digest",
        "root",
        "source",
        "error",
        "done",
        "extras",
        "changes",
    )

    def __init__(
        self,
        where: str,
        target: RepositoryTag,
        location: Location | None = None,
        platforms: tuple[Platform, ...] = (),
        *,
        referrers: bool = False,
        root: AnyManifest | None = None,
        source: ImageSource | None = None,
    ) -> None:
        self.where = where
        self.target = target
        self.location = location
        self.platforms = platforms
        self.referrers = referrers
        self.before = ""
        self.digest = ""
        self.root = root
        self.source = source
        self.error: RegistryError | None = None
        self.done = False
        self.extras: tuple[Extra, ...] = ()
        self.changes = False

    def __str__(self) -> str:
        return f"{self.target} from {self.location}"

    @property
    def planned(self) -> bool:
        """Whether there is something to write."""
        return self.error is None and (self.changes or self.root is not None or bool(self.extras))

    @property
    def changed(self) -> bool:
        """Whether the registry is another for it; while nothing is written, whether it will be."""
        return self.done or self.planned

    @property
    def result(self) -> Result:
        """What became of it; while nothing is written, what will become of it."""
        if self.error is not None:
            return "failed"
        return "copied" if self.planned else "skipped"

    def fail(self, error: RegistryError) -> None:
        """Take down why it failed; the first reason stands."""
        if self.error is None:
            self.error = error

    def forget(self) -> None:
        """Drop what is written, once it stands in the graph of all that is."""
        self.changes = self.planned
        self.root, self.extras = None, ()

    def wants_the_same(self, other: Job) -> bool:
        """Tell whether two jobs for one tag are no contradiction."""
        return (self.location, set(self.platforms)) == (other.location, set(other.platforms))


class Extra(t.NamedTuple):
    """Something about an image that travels along: a manifest, and the tag that names it, which may be empty."""

    root: Manifest
    tag: str
