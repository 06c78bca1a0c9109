# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storage that is written straight to disk, and the check that a copy is whole; the commands of loops."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info < (3, 11):
    pytest.skip("bench needs Python 3.11", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parents[3] / "bench"))

from dockyard_bench import corpus, listing, peers, registries, storage  # noqa: E402
from dockyard_bench.scene import Pair, Scene  # noqa: E402

V2 = Path("docker") / "registry" / "v2"


@pytest.fixture
def tagged(tmp_path: Path) -> tuple[Path, list[corpus.Reference]]:
    """A storage with two repositories of two tags, and what is in it."""
    digests = storage.write_tags(tmp_path / "data", 2, 2)
    references = []
    for name, digest in digests.items():
        manifest = json.loads((tmp_path / "data" / V2 / "blobs/sha256" / digest[7:9] / digest[7:] / "data").read_bytes())
        blobs = tuple((part["digest"], part["size"]) for part in (manifest["config"], *manifest["layers"]))
        references.append(corpus.Reference(*name.split(":"), digest, blobs))
    return tmp_path / "data", references


def test_what_is_written_is_whole(tagged) -> None:
    data, references = tagged
    assert len({one.digest for one in references}) == 4
    assert storage.problems(data, references) == []
    assert storage.incomplete(data, [f"{one.repository}:{one.tag}" for one in references]) == []


@pytest.mark.parametrize("what", ["tag", "link", "blob", "size", "digest"])
def test_each_thing_that_lacks_is_seen(tagged, what: str) -> None:
    data, references = tagged
    one = references[0]
    folder = data / V2 / "repositories" / one.repository
    layer = one.blobs[1][0][7:]
    if what == "tag":
        (folder / "_manifests/tags" / one.tag / "current/link").unlink()
    elif what == "link":
        (folder / "_layers/sha256" / layer / "link").unlink()
    elif what == "blob":
        (data / V2 / "blobs/sha256" / layer[:2] / layer / "data").unlink()
    elif what == "size":
        (data / V2 / "blobs/sha256" / layer[:2] / layer / "data").write_bytes(b"short")
    else:
        one = dataclasses.replace(one, digest=references[1].digest)
    assert storage.problems(data, [one])
    if what != "digest":
        assert storage.incomplete(data, [f"{one.repository}:{one.tag}"])


def test_a_clone_can_be_written_without_the_first_one_seeing_it(tagged, tmp_path: Path) -> None:
    data, references = tagged
    registries.clone(data, tmp_path / "clone")
    assert storage.problems(tmp_path / "clone", references) == []
    link = V2 / "repositories" / references[0].repository / "_manifests/tags" / references[0].tag / "current/link"
    (tmp_path / "clone" / link).write_text("other")
    assert storage.problems(data, references) == []


@pytest.mark.parametrize("number", [0, 1])
def test_loops_hand_on_each_pair(tmp_path: Path, number: int) -> None:
    scene = Scene(tmp_path, "src:1", "dst:2", (Pair("a/b:1", "c/d:2"), Pair("e:1", "f:1")))
    contender = peers.loop("any", (), ("echo", "copy"), "docker://{source} docker://{target}")[number]
    assert contender.name == ("any", "any x4")[number]
    done = subprocess.run(contender.command(scene), capture_output=True, text=True, check=True)
    assert sorted(done.stdout.splitlines()) == [
        "copy docker://src:1/a/b:1 docker://dst:2/c/d:2",
        "copy docker://src:1/e:1 docker://dst:2/f:1",
    ]


def test_sync_is_called_for_each_namespace(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "src:1", "dst:2", (Pair("x/a:1", "x/a:1"), Pair("x/a:2", "x/a:2"), Pair("y/a:1", "y/a:1")))
    peers.skopeo_sync(scene)
    calls = (tmp_path / "sync.sh").read_text().splitlines()
    assert [call.split()[-1] for call in calls] == ["dst:2/x", "dst:2/y"]
    assert json.loads((tmp_path / "sync-0.yml").read_text())["src:1"]["images"] == {"x/a": ["1", "2"]}


def test_an_inventory_asks_for_each_list_and_each_tag(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "", "", repositories=("a", "b"), digests={"a:1": "x", "a:2": "y"})
    assert listing.requests_of(scene) == [
        "/v2/a/tags/list", "/v2/a/manifests/1", "/v2/a/manifests/2", "/v2/b/tags/list"
    ]
