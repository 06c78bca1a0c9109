# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules bundle and bundle_info: what a bundle is, that it is whole or refused, and that it is made only if need be."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import stat
import tarfile
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.bundle import writing
from ansible_collections.dockyard.registry.plugins.module_utils.oci.bundle.reading import Bundle
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import ArchiveError
from ansible_collections.dockyard.registry.plugins.module_utils.oci.oci_layout import CONTAINERD_NAME, REF_NAME
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    docker_save_files,
    index_image,
    layout_files,
    platform_image,
    write_directory,
    write_tar,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules

IMAGE, ONE, OTHER = index_image(), platform_image(), platform_image(layers=(b"base layer", b"of another"))


@pytest.fixture
def source(tmp_path: pathlib.Path) -> str:
    """Return a layout with three images."""
    return write_directory(tmp_path / "source", layout_files({"many": IMAGE, "one": ONE, "other": OTHER}))


@pytest.fixture
def dest(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "site.tar"


def entries(source: str) -> list[dict[str, t.Any]]:
    return [
        {"name": "team/many:1", "source": f"oci:{source}:many"},
        {"name": "library/one:2", "source": f"oci:{source}:one"},
        {"name": "team/other:1", "source": f"oci:{source}:other"},
    ]


def four_beats(dest: pathlib.Path, **options: t.Any) -> dict[str, t.Any]:
    """Run in check mode, for real, and both again, and return what the real run came to."""
    beats = [modules.run("bundle", check=check, diff=True, dest=str(dest), **options) for check in (True, False, True, False)]
    assert [beat.get("changed") for beat in beats] == [True, True, False, False], beats
    assert beats[0] == beats[1] and beats[2] == beats[3]
    return beats[1]


def info(path: pathlib.Path | str, **options: t.Any) -> dict[str, t.Any]:
    return modules.run("bundle_info", path=str(path), **options)


@pytest.mark.parametrize("name", ["bundle", "bundle_info", "engine_image"])
def test_documentation_and_code_agree(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, t.Any]] = []

    class Made(Exception):
        pass

    def stop(**settings: t.Any) -> None:
        made.append(settings["argument_spec"])
        raise Made

    module = modules.load(name)
    monkeypatch.setattr(module, "AnsibleModule", stop)
    with pytest.raises(Made):
        module.main()
    facts = {key: modules._facts(option) for key, option in made[0].items()}
    assert facts == modules.spec_of_documentation(name)


def test_a_bundle(dest: pathlib.Path, source: str) -> None:
    made = four_beats(dest, images=entries(source))
    assert [image["name"] for image in made["images"]] == ["library/one:2", "team/many:1", "team/other:1"]
    assert made["size"] == dest.stat().st_size
    read = info(dest)
    assert read["images"] == made["images"] and read["verified"] and not read["changed"]
    assert [image["digest"] for image in read["images"]] == [ONE.root, IMAGE.root, OTHER.root]
    assert [image["loadable"] for image in read["images"]] == [True, False, True]
    # Each blob once: the two images of one platform share their first layer and nothing else.
    blobs = {**IMAGE.blobs, **ONE.blobs, **OTHER.blobs}
    assert read["blobs"] == len(blobs) == made["blobs"]["fetched"]
    assert made["blobs"]["fetched_bytes"] == sum(map(len, blobs.values()))
    index = json.loads(member(dest, "index.json"))
    assert index["manifests"][1]["annotations"] == {CONTAINERD_NAME: "docker.io/team/many:1", REF_NAME: "team/many:1"}
    assert [image["RepoTags"] for image in json.loads(member(dest, "manifest.json"))] == [
        ["docker.io/library/one:2"],
        ["docker.io/team/other:1"],
    ]


def member(path: pathlib.Path, name: str) -> bytes:
    with tarfile.open(path) as archive:
        file = archive.extractfile(name)
        assert file
        return file.read()


def test_the_same_images_are_the_same_bytes(dest: pathlib.Path, source: str) -> None:
    four_beats(dest, images=entries(source))
    before = dest.read_bytes()
    dest.unlink()
    assert modules.run("bundle", dest=str(dest), images=entries(source)[::-1])["changed"]
    assert dest.read_bytes() == before


def test_the_registry_module_takes_it(dest: pathlib.Path, source: str, registry: MemoryRegistry) -> None:
    four_beats(dest, images=entries(source))
    copied = modules.run("images", url=registry.url, images=[
        {"name": image["name"], "source": image["source"]} for image in info(dest)["images"]
    ])
    assert copied["totals"]["copied"] == 3, copied
    assert registry.tags["team/many", "1"] == IMAGE.root


def test_what_the_old_one_has_is_not_fetched(dest: pathlib.Path, source: str, registry: MemoryRegistry) -> None:
    registry.put("team/one", "2", ONE.contents, ONE.root)
    remote = {"source": f"docker://{registry.authority}/team/one:2"}
    four_beats(dest, images=[remote])
    registry.log.clear()
    more = modules.run("bundle", dest=str(dest), images=[remote, entries(source)[2]])
    assert more["changed"] and more["blobs"]["kept"] == len(ONE.blobs)
    assert not [line for line in registry.log if "/blobs/" in line]
    assert [image["reference"] for image in info(dest)["images"]] == [
        f"{registry.authority}/team/one:2", "docker.io/team/other:1",
    ]
    # What is no longer in the list is left out.
    assert modules.run("bundle", dest=str(dest), images=[remote])["changed"]
    assert [image["name"] for image in info(dest)["images"]] == ["team/one:2"]


def test_a_damaged_old_one_is_made_anew(dest: pathlib.Path, source: str) -> None:
    four_beats(dest, images=entries(source))
    whole = dest.read_bytes()
    dest.write_bytes(whole[: len(whole) // 2])
    assert modules.run("bundle", dest=str(dest), images=entries(source))["changed"]
    assert dest.read_bytes() == whole
    # A blob that is wrong in its right size shows when the blobs are taken over.
    place = whole.index(next(iter(ONE.blobs.values())))
    dest.write_bytes(whole[:place] + b"?" + whole[place + 1 :])
    made = modules.run("bundle", dest=str(dest), images=entries(source)[:2])
    assert made["changed"] and made["blobs"]["kept"] == 0
    assert info(dest)["verified"]


@pytest.mark.parametrize("step", [1, 7])
def test_every_byte_counts(dest: pathlib.Path, source: str, step: int) -> None:
    """Whatever byte is altered, the bundle is refused: those of blobs, of headers, of what fills them up."""
    modules.run("bundle", dest=str(dest), images=entries(source)[1:2])
    whole = dest.read_bytes()
    assert info(dest)["verified"]
    for place in range(step, len(whole), 61):
        dest.write_bytes(whole[:place] + bytes([whole[place] ^ step]) + whole[place + 1 :])
        with pytest.raises(ArchiveError), Bundle(str(dest)) as bundle:
            bundle.verify(lambda _size: None)


def test_every_end_counts(dest: pathlib.Path, source: str) -> None:
    modules.run("bundle", dest=str(dest), images=entries(source)[1:2])
    whole = dest.read_bytes()
    for end in [*range(0, len(whole), 499), len(whole) - 1]:
        dest.write_bytes(whole[:end])
        assert info(dest, verify=False)["failed"], end
    dest.write_bytes(whole + bytes(512))
    assert "bytes where" in info(dest)["msg"]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a": b"b"}, "is no bundle: it has no index.json"),
        (layout_files({"one": ONE}), "is no bundle: its index.json lacks the annotation"),
        ({**layout_files({"one": ONE}), "index.json": b"{"}, "not JSON"),
    ],
)
def test_other_archives_are_no_bundles_and_stay(
    tmp_path: pathlib.Path, source: str, files: dict[str, bytes], told: str
) -> None:
    path = write_tar(tmp_path / "other.tar", files)
    before = pathlib.Path(path).read_bytes()
    assert told in info(path)["msg"]
    refused = modules.run("bundle", dest=path, images=entries(source))
    assert refused["failed"] and "holds something else and stays as it is" in refused["msg"]
    assert pathlib.Path(path).read_bytes() == before


def test_places_that_cannot_be(tmp_path: pathlib.Path, source: str) -> None:
    for path, told in ((tmp_path, "not a regular file"), (tmp_path / "none" / "x.tar", "not a directory"), ("/a:b", "colon")):
        refused = modules.run("bundle", dest=str(path), images=entries(source))
        assert refused["failed"] and told in refused["msg"], refused
    assert "no images" in modules.run("bundle", dest=str(tmp_path / "x.tar"))["msg"]


def test_all_that_is_wrong_with_the_list_is_said(dest: pathlib.Path, source: str) -> None:
    wrong = [
        {"name": "a:1", "source": "ftp://x"},
        {"name": "b:1", "source": f"oci:{source}:one"},
        {"name": "b:1", "source": f"oci:{source}:other"},
        {"name": "library/b:1", "source": f"oci:{source}:one"},
        {"source": f"oci:{source}:one"},
    ]
    refused = modules.run("bundle", dest=str(dest), images=wrong)
    assert refused["failed"] and not dest.exists()
    assert [problem["where"] for problem in refused["error"]["problems"]] == [
        "images[0]", "images[4]", "images[2]", "images[3]",
    ], refused


def test_all_images_that_cannot_be_had_are_said(dest: pathlib.Path, source: str) -> None:
    wrong = [
        *entries(source),
        {"name": "x:1", "source": f"oci:{source}:nothing"},
        {"name": "y:1", "source": f"oci:{source}:many", "platforms": ["linux/s390x"]},
    ]
    refused = modules.run("bundle", dest=str(dest), images=wrong)
    assert refused["failed"] and not dest.exists()
    assert [image["where"] for image in refused["error"]["images"]] == ["images[3]", "images[4]"]
    assert "no image 'nothing'" in refused["msg"] and "has no linux/s390x" in refused["msg"]


def test_platforms_and_other_archives(dest: pathlib.Path, source: str, tmp_path: pathlib.Path) -> None:
    saved = write_tar(tmp_path / "saved.tar", docker_save_files({"team/saved:1": (b"x" * 3000, b"y")}))
    made = four_beats(dest, platforms=["linux/amd64"], images=[
        {"name": "a:1", "source": f"oci:{source}:many"},
        {"name": "b:1", "source": f"oci:{source}:many", "platforms": ["linux/arm64", "linux/amd64"]},
        {"name": "c:1", "source": f"docker-archive:{saved}"},
    ])
    assert [image["platforms"] for image in made["images"]] == [
        ["linux/amd64"], ["linux/amd64", "linux/arm64"], ["linux/amd64"],
    ]
    assert [image["loadable"] for image in made["images"]] == [True, False, True]


def test_tags_that_are_chosen(dest: pathlib.Path, registry: MemoryRegistry) -> None:
    for tag in ("1.0", "1.1", "2.0", "latest"):
        registry.put("team/app", tag, ONE.contents, ONE.root)
    source = f"docker://{registry.authority}/team/app"
    made = four_beats(dest, images=[{"source": source, "versions": "<2", "newest": 1}])
    assert [image["name"] for image in made["images"]] == ["team/app:1.1"]
    none = modules.run("bundle", dest=str(dest), images=[{"source": source, "tags": ["3*"]}])
    assert none["failed"] and "no tag of" in none["msg"]


def test_a_list_in_a_file(dest: pathlib.Path, source: str, tmp_path: pathlib.Path) -> None:
    listed = tmp_path / "images.json"
    listed.write_text(json.dumps(entries(source)))
    assert len(four_beats(dest, file=str(listed), remote_src=True)["images"]) == 3
    entry = {**entries(source)[0], "referrers": True}
    listed.write_text(json.dumps([entry]))
    refused = modules.run("bundle", dest=str(dest), file=str(listed), remote_src=True)
    assert f"{listed}:1: referrers do not go into a bundle" in refused["msg"]


def test_what_is_interrupted_leaves_the_old_one(
    dest: pathlib.Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules.run("bundle", dest=str(dest), images=entries(source)[:1])
    before = dest.read_bytes()

    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "_copy", fail)
    refused = modules.run("bundle", dest=str(dest), images=entries(source))
    assert refused["failed"] and "No space left on device" in refused["msg"]
    assert dest.read_bytes() == before and os.listdir(dest.parent) == [dest.name]


def test_permissions(dest: pathlib.Path, source: str) -> None:
    made = modules.run("bundle", dest=str(dest), images=entries(source), mode="0640")
    assert made["changed"] and stat.S_IMODE(dest.stat().st_mode) == 0o640
    again = modules.run("bundle", dest=str(dest), images=entries(source), mode="0600")
    assert again["changed"] and stat.S_IMODE(dest.stat().st_mode) == 0o600


def test_progress(dest: pathlib.Path, source: str, tmp_path: pathlib.Path) -> None:
    there = tmp_path / "progress"
    assert modules.run("bundle", dest=str(dest), images=entries(source), progress_file=str(there))["changed"]
    assert not there.exists()
    assert info(dest, progress_file=str(there))["verified"] and not there.exists()
    there.write_text("")
    assert "progress_file cannot be made" in info(dest, progress_file=str(there))["msg"]


def test_blobs_have_the_digests_of_their_names(dest: pathlib.Path, source: str) -> None:
    """A reader of its own: tar and hashes, nothing of the collection."""
    modules.run("bundle", dest=str(dest), images=entries(source))
    with tarfile.open(dest) as archive:
        for entry in archive:
            file = archive.extractfile(entry)
            if entry.name.startswith("blobs/sha256/") and file:
                assert hashlib.sha256(file.read()).hexdigest() == entry.name.rpartition("/")[2]
