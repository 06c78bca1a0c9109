# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contenders at listing: what a registry holds, and the digests of all its tags."""

from __future__ import annotations

import json
import re
import typing as t

from . import ours
from .scene import Contender, Scene

WRK_CONNECTIONS = 8
WRK_RATE = 1200
"""Requests a second, about, by which wrk's duration is chosen: long enough for most of an inventory."""

_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)

# GET for a manifest, too: wrk waits for the body that the answer to a HEAD announces.
_LUA = """\
local paths = {{}}
for line in io.lines("{paths}") do paths[#paths + 1] = line end
local number = 0
request = function()
  number = number % #paths + 1
  return wrk.format("GET", paths[number], {{["Accept"] = "{accept}"}})
end
"""

_CURL = """\
last=
while :; do
  curl --silent --show-error --fail --dump-header head --output page \
    "http://$1/v2/_catalog?n=1000${last:+&last=$last}"
  cat page
  grep --quiet --ignore-case '^link:' head || break
  last=$(sed 's/.*"\\([^"]*\\)"\\]}.*/\\1/' page)
done
"""

_CRANE = """\
xargs --max-procs 8 --max-args 1 crane ls --insecure --full-ref <repositories >references
xargs --max-procs 8 --max-args 1 crane digest --insecure <references
"""


def _inventory_arguments(scene: Scene) -> dict[str, t.Any]:
    return {"gather": "digests", **ours.connection(scene)}


def _catalog_arguments(scene: Scene) -> dict[str, t.Any]:
    return {"gather": "repositories", **ours.connection(scene)}


def _check_inventory(scene: Scene) -> list[str]:
    result = ours.result(scene)
    found = {
        f"{repository['name']}:{tag['name']}": tag["digest"]
        for repository in result["repositories"]
        for tag in repository["tags"]
    }
    return [] if found == scene.digests and not result["errors"] else ["the inventory is not what the registry holds"]


def _check_catalog(scene: Scene) -> list[str]:
    names = [repository["name"] for repository in ours.result(scene)["repositories"]]
    return _compare(names, scene)


def _compare(names: t.Iterable[str], scene: Scene) -> list[str]:
    return [] if sorted(names) == sorted(scene.repositories) else ["the catalog is not what the registry holds"]


def _printed(scene: Scene) -> str:
    return (scene.folder / "stdout").read_text()


def _check_lines(scene: Scene) -> list[str]:
    return _compare(_printed(scene).split(), scene)


def _check_pages(scene: Scene) -> list[str]:
    return _compare((name for line in _printed(scene).splitlines() for name in json.loads(line)["repositories"]), scene)


def _check_digests(scene: Scene) -> list[str]:
    right = sorted(_printed(scene).split()) == sorted(scene.digests.values())
    return [] if right else ["the digests are not those that the registry holds"]


def _crane(scene: Scene) -> list[str]:
    scene.write("repositories", "".join(f"{scene.target}/{name}\n" for name in scene.repositories))
    return ["sh", "-e", scene.write("crane.sh", _CRANE)]


def _wrk(scene: Scene) -> list[str]:
    wanted = requests_of(scene)
    seconds = min(10, max(1, len(wanted) // WRK_RATE))
    paths = scene.write("paths", "".join(f"{path}\n" for path in wanted))
    script = scene.write("wrk.lua", _LUA.format(paths=paths, accept=_ACCEPT))
    words = ["wrk", "--threads", "1", "--connections", str(WRK_CONNECTIONS), "--duration", f"{seconds}s"]
    return [*words, "--timeout", "30s", "--script", script, f"http://{scene.target}"]


def requests_of(scene: Scene) -> list[str]:
    """Return the paths that an inventory asks for, each repository's tags after its list."""
    tags: dict[str, list[str]] = {}
    for reference in scene.digests:
        repository, _colon, tag = reference.rpartition(":")
        tags.setdefault(repository, []).append(tag)
    paths = []
    for repository in scene.repositories:
        paths.append(f"/v2/{repository}/tags/list")
        paths += [f"/v2/{repository}/manifests/{tag}" for tag in tags.get(repository, ())]
    return paths


def _wrk_figures(scene: Scene) -> dict[str, float]:
    """wrk runs for a while, not for a number of requests: from its rate follows how long the inventory would take."""
    return {"wall": len(requests_of(scene)) / wrk_rate(_printed(scene))}


def wrk_rate(printed: str) -> float:
    """Return the requests a second that wrk reports."""
    found = re.search(r"Requests/sec:\s*([\d.]+)", printed)
    return float(found[1]) if found else 0.0


def _check_wrk(scene: Scene) -> list[str]:
    return [line.strip() for line in _printed(scene).splitlines() if re.search(r"Non-2xx|Socket errors", line)]


INVENTORY = (
    *ours.contenders("catalog_info", _inventory_arguments, _check_inventory),
    Contender("wrk", ("wrk",), _wrk, _wrk_figures, _check_wrk),
    Contender("crane x8", ("crane",), _crane, check=_check_digests),
)

CATALOG = (
    *ours.contenders("catalog_info", _catalog_arguments, _check_catalog),
    Contender(
        "curl", ("curl",), lambda scene: ["sh", "-e", scene.write("curl.sh", _CURL), scene.target], check=_check_pages
    ),
    Contender("crane", ("crane",), lambda scene: ["crane", "catalog", "--insecure", scene.target], check=_check_lines),
    Contender("oras", ("oras",), lambda scene: ["oras", "repo", "ls", "--plain-http", scene.target], check=_check_lines),
)
