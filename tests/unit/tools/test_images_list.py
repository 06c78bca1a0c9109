# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of tools/images: what it holds is sound, and what is wrong with another is said."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if sys.version_info < (3, 11):
    pytest.skip("tools/images needs Python 3.11", allow_module_level=True)

IMAGES = Path(__file__).parents[3] / "tools" / "images"
sys.path.insert(0, str(IMAGES))

from dockyard_images import imagelist, rootfs  # noqa: E402
from dockyard_images.layers import Entry  # noqa: E402

GOOD = '[image.one]\ntitle = "One"\nversion = "1"\ntags = ["one:{version}"]\n'


def test_the_list_is_sound() -> None:
    specs = imagelist.read(IMAGES / "images.toml")
    assert set(specs) == {"registry-3", "registry-2", "nginx", "nginx-next", "hello-world", "node"}
    tags = [(tag, spec.version) for spec in specs.values() for tag in spec.tags]
    assert len(tags) == len(set(tags))


def test_nginx_and_its_next_share_all_but_the_page() -> None:
    specs = imagelist.read(IMAGES / "images.toml")
    one, two = specs["nginx"], specs["nginx-next"]
    assert (one.take, one.applets, one.config) == (two.take, two.applets, two.config)
    assert one.files != two.files


def test_parts_come_first_and_own_keys_win(tmp_path: Path) -> None:
    text = GOOD + (
        'parts = ["base"]\nconfig = {Env = ["B=2"], Cmd = ["own"]}\n'
        '[part.base]\ntitle = "Base"\nconfig = {Env = ["A=1"], WorkingDir = "/"}\n'
    )
    spec = imagelist.parse(text, tmp_path)["one"]
    assert spec.title == "One"
    assert spec.config == {"Env": ["A=1", "B=2"], "Cmd": ["own"], "WorkingDir": "/"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[image.one", "images.toml: "),
        ("", "no image"),
        ("[picture.one]\n", "no table 'picture'"),
        ("[image.One]\n", "image 'One': a name"),
        ('[image.one]\ntitle = "One"\nversion = "1"\n', "image one: tags is missing"),
        (GOOD + 'colour = "red"\n', "image one: no key 'colour'"),
        (GOOD + 'applets = "sh"\n', "image one: applets is to be a list"),
        (GOOD + 'parts = ["none"]\n', "image one: there is no part 'none'"),
        (GOOD + 'config = {Expose = ["80"]}\n', "image one: config has no key 'Expose'"),
        (GOOD + 'files = {"/a" = "absent"}\n', "image one: there is no file files/absent"),
        (GOOD + 'links = {"a" = "b"}\n', "image one: links has 'a'"),
        (GOOD + 'take.pack = {"usr/bin/a" = "/a"}\n', "image one: take has 'usr/bin/a'"),
        (GOOD + 'go = {module = "m"}\n', "image one: go lacks program, to, version"),
        (GOOD.replace("one:{version}", "no tag"), "image one: 'no tag' is no `name:tag`"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(imagelist.ListError) as error:
        imagelist.parse(text, tmp_path)
    assert said in str(error.value)


def test_sets_become_objects() -> None:
    assert imagelist.oci_config({"Volumes": ["/data"], "Cmd": ["a"]}) == {"Volumes": {"/data": {}}, "Cmd": ["a"]}


def test_files_go_where_folder_links_lead() -> None:
    links = {"/bin": "usr/bin", "/etc/mtab": "usr/x", "/bin/sh": "busybox"}
    paths = [Entry("/bin", link="usr/bin"), Entry("/bin/registry"), Entry("/etc/mtab"), Entry("/usr/bin/a")]
    assert [entry.path for entry in rootfs.merged(paths, links)] == ["/bin", "/usr/bin/registry", "/etc/mtab", "/usr/bin/a"]
