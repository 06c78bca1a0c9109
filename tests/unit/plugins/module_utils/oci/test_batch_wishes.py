# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of a list of images: what they mean, and all that is wrong with them."""

from __future__ import annotations

import pathlib
import sys
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch import list_file
from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.wishes import Wish, read_wishes
from ansible_collections.dockyard.registry.plugins.module_utils.oci.platforms import Platform
from ansible_collections.dockyard.registry.plugins.module_utils.oci.reference import RepositoryTag

TAGS = ["1.0.0", "1.1.0", "1.2.0", "1.2.0-alpine", "1.3.0-rc.1", "1.2", "2.0.0", "latest"]


def read_one(**entry: t.Any) -> Wish:
    wishes, problems = read_wishes([entry])
    assert not problems
    return wishes[0]


@pytest.mark.parametrize(
    ("entry", "target"),
    [
        ({"source": "docker://nginx:1.27"}, ("library/nginx", "1.27")),
        ({"source": "docker://nginx"}, ("library/nginx", "latest")),
        ({"source": "docker://quay.example.com/a/b:1", "name": "x/y"}, ("x/y", "latest")),
        ({"source": "docker-daemon:shop:2", "name": "team/shop:2"}, ("team/shop", "2")),
        ({"source": "oci:/srv/x", "name": "x:1", "tags": None}, ("x", "1")),
        ({"source": "docker://quay.example.com/a/b", "tags": ["1"]}, ("a/b", "")),
        ({"source": "docker://quay.example.com/a/b", "newest": 3, "name": "c"}, ("c", "")),
    ],
)
def test_where_an_image_goes(entry: dict[str, t.Any], target: tuple[str, str]) -> None:
    assert read_one(**entry).target == RepositoryTag(*target)


@pytest.mark.parametrize(
    ("choosing", "expected"),
    [
        ({"tags": ["1.2*"]}, ["1.2", "1.2.0", "1.2.0-alpine"]),
        ({"tags": ["*", "!1.*"]}, ["2.0.0", "latest"]),
        ({"versions": ">=1.1, <2"}, ["1.1.0", "1.2.0-alpine", "1.2", "1.2.0"]),
        ({"versions": ">=1.1, <2", "flavor": ""}, ["1.1.0", "1.2", "1.2.0"]),
        ({"versions": ">=1.1, <2", "partial": False, "flavor": ""}, ["1.1.0", "1.2.0"]),
        ({"versions": ">=1.3-rc", "prereleases": True}, ["1.3.0-rc.1", "2.0.0"]),
        ({"newest": 2}, ["1.2.0", "2.0.0"]),
        ({"newest": 99, "tags": ["1.1*"]}, ["1.1.0"]),
        ({"versions": ">9"}, []),
    ],
)
def test_tags_that_are_chosen(choosing: dict[str, t.Any], expected: list[str]) -> None:
    choice = read_one(source="docker://nginx", **choosing).choice
    assert choice is not None
    assert choice.choose(TAGS) == expected and choice.listed == ()


def test_tags_by_their_names_need_no_list() -> None:
    choice = read_one(source="docker://nginx", tags=["1", "2"]).choice
    assert choice is not None and choice.listed == ("1", "2")


def test_what_else_an_entry_says() -> None:
    wish = read_one(source="docker://nginx", platforms=["linux/arm64/v8", "linux/arm64"], referrers=True, where="l.yml:3")
    assert wish.platforms == (Platform("linux", "arm64"),) and wish.referrers and wish.where == "l.yml:3"
    (other,), _problems = read_wishes([{"source": "docker://nginx"}], referrers=True)
    assert other.referrers and other.where == "images[0]"


@pytest.mark.parametrize(
    ("entry", "messages"),
    [
        ({}, ["source is missing"]),
        ({"source": 3, "name": 4}, ["name is 4. Give a text", "source is 3. Give a text"]),
        ({"source": "dockr://x", "name": "A:1"}, ["'dockr://x' is not the location", "'A' is not a repository"]),
        ({"source": "oci:/srv/x"}, ["name is missing, and oci:/srv/x has none"]),
        ({"source": "docker://x@sha256:" + "0" * 64}, ["name is missing"]),
        ({"source": "docker://x", "wrong": 1, "other": 2}, ["other, wrong is not known. Use flavor, name"]),
        ({"source": "docker://x", "platforms": ["amd64", "linux/"]}, ["'amd64' is not a platform", "'linux/' is not"]),
        ({"source": "docker://x", "platforms": [3]}, ["platforms holds 3"]),
        ({"source": "docker://x", "tags": ["a b"]}, ["'a b' is not a tag"]),
        ({"source": "docker://x", "tags": ["!"]}, ["'!' is no name and no pattern"]),
        ({"source": "docker://x", "versions": ">1 <2"}, ["'>1 <2' in the constraint"]),
        ({"source": "docker://x", "newest": 0}, ["newest is 0"]),
        ({"source": "docker://x", "newest": True}, ["newest is True. Give a whole number"]),
        ({"source": "docker://x", "referrers": "yes"}, ["referrers is 'yes'. Give true or false"]),
        ({"source": "docker://x:1", "newest": 1}, ["source names one image, docker://docker.io/library/x:1"]),
        ({"source": "oci:/srv/x", "name": "x", "newest": 1}, ["tags can be chosen of a docker:// source only"]),
        ({"source": "docker://x", "name": "x:1", "newest": 1}, ["name is 'x:1', and tags are chosen"]),
    ],
)
def test_all_that_is_wrong(entry: dict[str, t.Any], messages: list[str]) -> None:
    wishes, problems = read_wishes([entry])
    assert not wishes and len(problems) == len(messages)
    for problem, message in zip(problems, messages):
        assert problem.message.startswith(message) and problem.where == "images[0]"


YAML = """\
# ours
images:
  - source: docker://nginx:1.27

  - name: x
    source: docker://y
    tags: ["1"]
  - docker://z
  - name: a:1
    name: b:1
    source: docker://c
"""


def test_lines_of_yaml() -> None:
    entries = list_file.parse_list(YAML, "l.yml")
    assert [entry["where"] for entry in entries] == ["l.yml:3", "l.yml:5", "l.yml:8", "l.yml:9"]
    assert entries[1]["tags"] == ["1"] and entries[2]["source"] == "docker://z"
    _wishes, problems = read_wishes(entries)
    assert [str(problem)[:38] for problem in problems] == ["l.yml:9: name (twice) is not known. Us"]


@pytest.mark.parametrize("shape", ["%s", '{"other": [1, "images"], "images": %s}', " \n%s\n"])
def test_lines_of_json(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    text = '[\n{"source":\n"docker://x"}, {"source": "docker://y"},\n\n 3]'
    entries = list_file.parse_list(shape % text, "l.json")
    shift = shape.partition("%s")[0].count("\n")
    assert [int(entry["where"].partition(":")[2]) - shift for entry in entries] == [2, 3, 5]
    assert [entry["source"] for entry in entries] == ["docker://x", "docker://y", 3]


@pytest.mark.parametrize("text", ["", "3", "images: 3", "other: []", "{}", '"x"', '{"images": {}}'])
def test_what_is_no_list(text: str) -> None:
    with pytest.raises(list_file.ListError, match="l.yml holds no list of images. It holds a list"):
        list_file.parse_list(text, "l.yml")


def test_empty_lists_are_lists() -> None:
    assert list_file.parse_list("[]", "x") == list_file.parse_list("images: []", "x") == []


def test_files(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "l.yml"
    with pytest.raises(list_file.ListError, match="cannot be read: No such file"):
        list_file.read_list_file(str(path))
    path.write_bytes(b"- source: \xff")
    with pytest.raises(list_file.ListError, match="is not UTF-8 text"):
        list_file.read_list_file(str(path))
    path.write_text("- source: 'a\n")
    with pytest.raises(list_file.ListError, match="is not YAML"):
        list_file.read_list_file(str(path))
    path.write_text("- source: docker://x\n")
    assert len(list_file.read_list_file(str(path))) == 1
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(list_file.ListError, match="without PyYAML"):
        list_file.read_list_file(str(path))
    monkeypatch.setattr(list_file, "MAX_SIZE", 5)
    with pytest.raises(list_file.ListError, match="larger than 5 bytes"):
        list_file.read_list_file(str(path))


def test_without_pyyaml_json_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert list_file.parse_list("[]", "x") == []
