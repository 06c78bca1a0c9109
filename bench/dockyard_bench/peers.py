# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tools that a user would take instead, for copying; loops one image at a time, and four at a time."""

from __future__ import annotations

import json
import shlex
import typing as t

from . import registries
from .scene import Contender, Scene

AT_ONCE = (1, 4)


def loop(name: str, needs: tuple[str, ...], words: t.Sequence[str], pair: str = "{source} {target}") -> list[Contender]:
    """Return contenders that run a command for each pair, whose arguments are put behind ``words``."""

    def command(at_once: int) -> t.Callable[[Scene], list[str]]:
        def make(scene: Scene) -> list[str]:
            lines = [
                pair.format(source=f"{scene.source}/{one.source}", target=f"{scene.target}/{one.target}", local=one.source)
                for one in scene.pairs
            ]
            pairs = scene.write("pairs", "".join(f"{line}\n" for line in lines))
            return ["xargs", "--arg-file", pairs, "--max-procs", str(at_once), "--max-lines=1", *words]

        return make

    return [Contender(f"{name} x{at_once}" if at_once > 1 else name, needs, command(at_once)) for at_once in AT_ONCE]


def skopeo_sync(scene: Scene) -> list[str]:
    """One call for each namespace: sync keeps only the last part of a repository's name."""
    spaces: dict[str, dict[str, list[str]]] = {}
    for pair in scene.pairs:
        repository, _colon, tag = pair.source.rpartition(":")
        spaces.setdefault(pair.target.rpartition("/")[0], {}).setdefault(repository, []).append(tag)
    calls = []
    for number, (space, images) in enumerate(spaces.items()):
        listed = scene.write(f"sync-{number}.yml", json.dumps({scene.source: {"tls-verify": False, "images": images}}))
        target = f"{scene.target}/{space}"
        words = ["skopeo", "--insecure-policy", "sync", "--src", "yaml", "--dest", "docker", "--dest-tls-verify=false"]
        calls.append(shlex.join([*words, listed, target]))
    return ["sh", "-e", scene.write("sync.sh", "\n".join(calls))]


def regsync(parallel: int) -> t.Callable[[Scene], list[str]]:
    """One call for all images."""

    def make(scene: Scene) -> list[str]:
        hosts = {host: {"registry": host, "tls": "disabled"} for host in (scene.source, scene.target)}
        if scene.users:
            hosts[scene.target].update(user=registries.USER, **{"pass": registries.PASSWORD})
        document = {
            "version": 1,
            "creds": list(hosts.values()),
            "defaults": {"parallel": parallel},
            "sync": [
                {"source": f"{scene.source}/{pair.source}", "target": f"{scene.target}/{pair.target}", "type": "image"}
                for pair in scene.pairs
            ],
        }
        return ["regsync", "once", "--config", scene.write("regsync.yml", json.dumps(document))]

    return make


_REGCTL = """\
regctl --host "reg=${0%%/*},tls=disabled" --host "reg=${1%%/*},tls=disabled" image copy "$0" "$1"
"""

SKOPEO = ("skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false")

REGISTRY_TO_REGISTRY = (
    *loop("oras", ("oras",), ("oras", "cp", "--no-tty", "--from-plain-http", "--to-plain-http")),
    *loop("crane", ("crane",), ("crane", "copy", "--insecure")),
    Contender("regsync", ("regsync",), regsync(1)),
    Contender("regsync x4", ("regsync",), regsync(4)),
    *loop("regctl", ("regctl",), ("sh", "-c", _REGCTL)),
    *loop("skopeo copy", ("skopeo",), (*SKOPEO, "--src-tls-verify=false"), "docker://{source} docker://{target}"),
    Contender("skopeo sync", ("skopeo",), skopeo_sync),
)

FROM_ENGINE = (
    *loop("docker push", ("docker",), ("sh", "-c", 'docker tag "$0" "$1" && docker push --quiet "$1"'), "{local} {target}"),
    *loop("skopeo copy", ("skopeo",), SKOPEO, "docker-daemon:{local} docker://{target}"),
)
