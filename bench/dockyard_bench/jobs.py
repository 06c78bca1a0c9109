# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs, and how everything is set up anew for each run."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t
from pathlib import Path

from . import listing, ours, peers, registries, storage
from .corpus import Reference
from .engine import Engine
from .scene import Contender, Pair, Scene

DELAY = 10.0
"""Milliseconds in each direction of a source that is 20 ms away."""


@dataclasses.dataclass(frozen=True)
class Stores:
    """Storages that are made once and copied for each run that writes."""

    images: Path
    references: tuple[Reference, ...]
    tagged: Path
    digests: t.Mapping[str, str]
    named: Path
    names: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Setting:
    """What the runs of one registry's version share; ``source`` runs all the time, and ``far`` leads to it slowly."""

    program: Path
    stores: Stores
    source: registries.Registry
    far: str
    engine: Engine | None


class Stage(t.NamedTuple):
    """A run's scene, and the registries whose traffic counts; ``items`` is the number of images or tags."""

    scene: Scene
    servers: tuple[registries.Registry, ...]
    items: int


Prepare = t.Callable[[Setting, Path], t.ContextManager[Stage]]


class Job(t.NamedTuple):
    """A job and those who compete in it."""

    name: str
    title: str
    contenders: tuple[Contender, ...]
    prepare: Prepare
    checks_storage: bool = False


def _copy(*, far: bool = False, users: bool = False, done: bool = False) -> Prepare:
    @contextlib.contextmanager
    def prepare(setting: Setting, folder: Path) -> t.Iterator[Stage]:
        references = setting.stores.references
        pairs = tuple(Pair(f"{one.repository}:{one.tag}", f"{one.repository}:{one.tag}") for one in references)
        if done:
            registries.clone(setting.stores.images, folder / "target" / "data")
        with registries.running(setting.program, folder / "target", users=users) as target:
            source = setting.far if far else setting.source.authority
            scene = Scene(folder, source, target.authority, pairs, references, users=users)
            yield Stage(scene, (setting.source, target), len(pairs))

    return prepare


@contextlib.contextmanager
def _promote(setting: Setting, folder: Path) -> t.Iterator[Stage]:
    registries.clone(setting.stores.images, folder / "target" / "data")
    wanted = tuple(dataclasses.replace(one, repository=f"prod/{one.repository}") for one in setting.stores.references)
    pairs = tuple(
        Pair(f"{one.repository}:{one.tag}", f"prod/{one.repository}:{one.tag}") for one in setting.stores.references
    )
    with registries.running(setting.program, folder / "target") as target:
        yield Stage(Scene(folder, target.authority, target.authority, pairs, wanted), (target,), len(pairs))


@contextlib.contextmanager
def _from_engine(setting: Setting, folder: Path) -> t.Iterator[Stage]:
    assert setting.engine is not None
    names = setting.engine.images
    with registries.running(setting.program, folder / "target") as target:
        pairs = tuple(Pair(name, name.partition("/")[2]) for name in names)
        with setting.engine.untagged(target.authority):
            yield Stage(Scene(folder, "", target.authority, pairs), (target,), len(pairs))


def _listed(which: str) -> Prepare:
    @contextlib.contextmanager
    def prepare(setting: Setting, folder: Path) -> t.Iterator[Stage]:
        stores = setting.stores
        (folder / "target").mkdir(parents=True)
        data = stores.tagged if which == "inventory" else stores.named
        (folder / "target" / "data").symlink_to(data)
        with registries.running(setting.program, folder / "target") as target:
            if which == "inventory":
                repositories = tuple(sorted({name.rpartition(":")[0] for name in stores.digests}))
                scene = Scene(folder, "", target.authority, repositories=repositories, digests=stores.digests)
                yield Stage(scene, (target,), len(stores.digests))
            else:
                yield Stage(Scene(folder, "", target.authority, repositories=stores.names), (target,), len(stores.names))

    return prepare


def _check_engine(scene: Scene) -> list[str]:
    """Each tag is there with all that its manifest names: layers compressed anew have digests of their own."""
    return storage.incomplete(scene.folder / "target" / "data", [pair.target for pair in scene.pairs])


_OURS = ours.contenders("images", ours.copying(ours.from_registry), lambda scene: [])
_OURS_ENGINE = ours.contenders("images", ours.copying(lambda scene, pair: f"docker-daemon:{pair.source}"), _check_engine)
_COPIERS = (*_OURS, *peers.REGISTRY_TO_REGISTRY)
# Where each request costs much, the slow ways are known to be slow, and would take half an hour.
_QUICKEST = tuple(one for one in _COPIERS if one in _OURS or one.name.endswith(("x4", "sync")))

JOBS = (
    Job("cold", "cold copy, loopback", _COPIERS, _copy(), True),
    Job("cold-20ms", "cold copy, source 20 ms away", _QUICKEST, _copy(far=True), True),
    Job("cold-users", f"cold copy into a registry with users, cost {registries.COST}", _QUICKEST, _copy(users=True), True),
    Job("nothing", "nothing to do", _COPIERS, _copy(done=True), True),
    Job("promotion", "promotion inside one registry", _COPIERS, _promote, True),
    Job(
        "engine",
        "from the local engine",
        (*_OURS_ENGINE, *(one._replace(check=_check_engine) for one in peers.FROM_ENGINE)),
        _from_engine,
    ),
    Job("inventory", "inventory with digests", listing.INVENTORY, _listed("inventory")),
    Job("catalog", "catalog", listing.CATALOG, _listed("catalog")),
)
