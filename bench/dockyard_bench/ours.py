# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""This collection as a contender: a module run by itself, as on a host, and a whole play as a user runs it."""

from __future__ import annotations

import json
import sys
import typing as t

from . import registries
from .scene import ROOT, Contender, Pair, Scene

Arguments = t.Callable[[Scene], dict[str, t.Any]]


def contenders(module: str, arguments: Arguments, check: t.Callable[[Scene], list[str]]) -> tuple[Contender, ...]:
    """Return the two ways to run a module. ``check`` looks at what the first one printed."""

    def alone(scene: Scene) -> list[str]:
        given = scene.write("arguments.json", json.dumps(arguments(scene)))
        report = str(scene.folder / "report.json")
        return [sys.executable, str(ROOT / "bench" / "run_module.py"), module, given, report]

    def play(scene: Scene) -> list[str]:
        task = {"name": module, f"dockyard.registry.{module}": arguments(scene)}
        plays = [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]
        return ["ansible-playbook", "-i", "localhost,", "-c", "local", scene.write("play.json", json.dumps(plays))]

    needs = (f"module {module}",)
    return (
        Contender("dockyard", needs, alone, _figures, check),
        Contender("dockyard play", (*needs, "ansible-playbook"), play),
    )


def copying(source: t.Callable[[Scene, Pair], str]) -> Arguments:
    """Return the arguments of the module that copies images from where ``source`` says."""

    def arguments(scene: Scene) -> dict[str, t.Any]:
        images = [{"name": pair.target, "source": source(scene, pair)} for pair in scene.pairs]
        return {"images": images, **connection(scene)}

    return arguments


def from_registry(scene: Scene, pair: Pair) -> str:
    """Name an image in the source registry."""
    return f"docker://{scene.source}/{pair.source}"


def connection(scene: Scene) -> dict[str, t.Any]:
    """Return the arguments that name the registry."""
    login = {"username": registries.USER, "password": registries.PASSWORD} if scene.users else {}
    return {"url": f"http://{scene.target}", **login}


def result(scene: Scene) -> dict[str, t.Any]:
    """Return what the module returned."""
    printed: dict[str, t.Any] = json.loads((scene.folder / "stdout").read_text())
    return printed


def _figures(scene: Scene) -> dict[str, float]:
    report = json.loads((scene.folder / "report.json").read_text())
    return {"inside": report["inside"], "above_interpreter": report["peak"] - report["interpreter"]}
