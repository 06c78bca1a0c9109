# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one run works on, and the programs that could do the work."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import shutil
import sys
import typing as t
from pathlib import Path

from . import corpus, registries

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "bench"


class Pair(t.NamedTuple):
    """An image to copy: ``repository:tag`` where it is, and where it is to be."""

    source: str
    target: str


@dataclasses.dataclass(frozen=True)
class Scene:
    """What one run works on. ``folder`` is its own; ``source`` and ``target`` are ``host:port``."""

    folder: Path
    source: str
    target: str
    pairs: tuple[Pair, ...] = ()
    wanted: tuple[corpus.Reference, ...] = ()
    repositories: tuple[str, ...] = ()
    digests: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    users: bool = False

    def environment(self) -> dict[str, str]:
        """Return the environment of a run: no logins but this run's."""
        path = f"{CACHE / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        logins = self.folder / "logins"
        logins.mkdir(exist_ok=True)
        auths = {}
        if self.users:
            pair = f"{registries.USER}:{registries.PASSWORD}".encode()
            auths[self.target] = {"auth": base64.b64encode(pair).decode()}
        (logins / "config.json").write_text(json.dumps({"auths": auths}))
        return {
            **kept,
            "PATH": path,
            "HOME": str(self.folder),
            "DOCKER_CONFIG": str(logins),
            "REGISTRY_AUTH_FILE": str(logins / "config.json"),
            "PYTHONPATH": str(ROOT / "collections"),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
        }

    def write(self, name: str, text: str) -> str:
        """Write a file of this run, and return its path."""
        path = self.folder / name
        path.write_text(text)
        return str(path)


class Contender(t.NamedTuple):
    """A way to do a job.

    ``needs`` are programs, or the module of this collection, without which it is left out. ``command`` is what a scene
    is done with. ``figures`` reads what the run measured itself, if it does.
    """

    name: str
    needs: tuple[str, ...]
    command: t.Callable[[Scene], list[str]]
    figures: t.Callable[[Scene], dict[str, float]] = lambda scene: {}
    check: t.Callable[[Scene], list[str]] = lambda scene: []

    def lacks(self) -> list[str]:
        """Return what it needs and is not there."""
        return [need for need in self.needs if not _is_there(need)]


def _is_there(need: str) -> bool:
    if need.startswith("module "):
        return (ROOT / "plugins" / "modules" / f"{need[7:]}.py").is_file()
    return shutil.which(need, path=f"{CACHE / 'bin'}:{os.environ['PATH']}") is not None
