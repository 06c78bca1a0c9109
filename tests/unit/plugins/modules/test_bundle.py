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
from ansible_collections.dockyard.registry.plugins.module_utils.oci.layout_names import CONTAINERD_NAME, REF_NAME
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import (
    artifact_of,
    docker_save_files,
    index_image,
    index_of,
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


@pytest.fixture
def other_registry(registry: MemoryRegistry) -> t.Iterator[MemoryRegistry]:
    """Return one more empty registry."""
    memory = MemoryRegistry()
    yield memory
    memory.close()


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


# What is about an image.

SBOM = artifact_of(IMAGE, "application/x-sbom")
SIGNATURE = artifact_of(SBOM, "application/x-signature")
COSIGN = platform_image("none", layers=(b"cosign's",))
TAG = f"sha256-{IMAGE.root[7:]}"


@pytest.fixture
def signed(registry: MemoryRegistry) -> dict[str, t.Any]:
    """Return the entry of an image with an SBOM, a signature of that, and a tag of cosign, on a registry."""
    registry.put("team/app", "1", IMAGE.contents, IMAGE.root)
    registry.put("team/app", f"{TAG}.sig", COSIGN.contents, COSIGN.root)
    for subject, artifact in ((IMAGE, SBOM), (SBOM, SIGNATURE)):
        listed = index_of(artifact)
        registry.put("team/app", f"sha256-{subject.root[7:]}", listed.contents, listed.root)
    return {"source": f"docker://{registry.authority}/team/app:1"}


def test_what_is_about_an_image_goes_in(
    dest: pathlib.Path, source: str, signed: dict[str, t.Any], registry: MemoryRegistry, other_registry: MemoryRegistry
) -> None:
    made = four_beats(dest, images=[signed, *entries(source)[1:]], referrers=True)
    assert made["referrers"] == 3 and len(made["images"]) == 3
    assert made["diff"]["after"]["referrers"] == sorted([SBOM.root, SIGNATURE.root, COSIGN.root])
    index = json.loads(member(dest, "index.json"))["manifests"]
    assert [(entry["digest"], entry.get("artifactType"), entry.get("annotations")) for entry in index[3:]] == [
        *sorted([(SBOM.root, "application/x-sbom", None), (SIGNATURE.root, "application/x-signature", None)]),
        (COSIGN.root, None, {REF_NAME: f"team/app:{TAG}.sig"}),
    ]
    read = info(dest)
    assert read["referrers"] == 3 and read["images"] == made["images"]
    blobs = {**IMAGE.blobs, **ONE.blobs, **OTHER.blobs, **SBOM.blobs, **SIGNATURE.blobs, **COSIGN.blobs}
    assert read["blobs"] == made["blobs"]["fetched"] == len(blobs)
    # Into a registry, with another name, too.
    images = [{"name": image["name"], "source": image["source"]} for image in read["images"]]
    images.append({"name": "mirror/app:1", "source": f"oci-archive:{dest}:team/app:1"})
    for expected in (True, False):
        copied = modules.run("images", url=other_registry.url, images=images, referrers=True)
        assert copied["changed"] is expected and copied["totals"]["failed"] == 0, copied
    for name in ("team/app", "mirror/app"):
        assert other_registry.tags[name, f"{TAG}.sig"] == COSIGN.root
        for subject, artifact in ((IMAGE, SBOM), (SBOM, SIGNATURE)):
            listed = json.loads(other_registry.manifests[name, other_registry.tags[name, f"sha256-{subject.root[7:]}"]][0])
            assert [entry["digest"] for entry in listed["manifests"]] == [artifact.root]


def test_what_is_about_an_image_goes_from_bundle_to_bundle(
    dest: pathlib.Path, signed: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    four_beats(dest, images=[signed], referrers=True)
    # One image and what is about it: no name is needed to choose it.
    other = tmp_path / "other.tar"
    entry = {"name": "team/app:1", "source": f"oci-archive:{dest}"}
    four_beats(other, images=[{**entry, "referrers": True}])
    assert json.loads(member(other, "index.json"))["manifests"][1:] == json.loads(member(dest, "index.json"))["manifests"][1:]
    # Unasked it stays behind, and leaves the bundle again.
    made = modules.run("bundle", dest=str(other), images=[entry])
    assert made["changed"] and made["referrers"] == info(other)["referrers"] == 0
    assert made["blobs"]["kept"] == info(other)["blobs"] == len(IMAGE.blobs)


def test_a_new_signature_of_an_image_that_is_there(
    dest: pathlib.Path, signed: dict[str, t.Any], registry: MemoryRegistry
) -> None:
    four_beats(dest, images=[signed], referrers=True)
    new = platform_image("none", layers=(b"another of cosign's",))
    registry.put("team/app", f"{TAG}.sig", new.contents, new.root)
    registry.log.clear()
    made = four_beats(dest, images=[signed], referrers=True)
    assert made["blobs"]["fetched"] == len({**new.blobs}.keys() - COSIGN.blobs.keys()) and made["referrers"] == 3
    assert json.loads(member(dest, "index.json"))["manifests"][-1]["digest"] == new.root
    fetched = {line.rpartition("/")[2] for line in registry.log if line.startswith("GET ") and "/blobs/" in line}
    assert fetched <= set(new.blobs)


def test_every_byte_counts_of_what_is_about_an_image(dest: pathlib.Path, signed: dict[str, t.Any]) -> None:
    modules.run("bundle", dest=str(dest), images=[signed], referrers=True)
    whole = dest.read_bytes()
    with Bundle(str(dest)) as bundle:
        bundle.verify(lambda _size: None)
    for place in range(5, len(whole), 89):
        dest.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ArchiveError), Bundle(str(dest)) as bundle:
            bundle.verify(lambda _size: None)


def test_signatures_that_are_named_as_images_stand_once(
    dest: pathlib.Path, signed: dict[str, t.Any], registry: MemoryRegistry
) -> None:
    tagged = {"source": f"docker://{registry.authority}/team/app:{TAG}.sig"}
    made = four_beats(dest, images=[signed, tagged], referrers=True)
    assert made["referrers"] == 2
    digests = [entry["digest"] for entry in json.loads(member(dest, "index.json"))["manifests"]]
    assert len(digests) == len(set(digests)) == 4


def test_an_sbom_that_is_named_as_an_image_stands_once(
    dest: pathlib.Path, signed: dict[str, t.Any], registry: MemoryRegistry
) -> None:
    registry.put("team/app", "sbom", SBOM.contents, SBOM.root)
    named = {"source": f"docker://{registry.authority}/team/app:sbom"}
    made = four_beats(dest, images=[{**signed, "referrers": True}, named])
    assert made["referrers"] == 2 and [image["name"] for image in made["images"]] == ["team/app:1", "team/app:sbom"]
    digests = [entry["digest"] for entry in json.loads(member(dest, "index.json"))["manifests"]]
    assert len(digests) == len(set(digests)) == 4


def test_one_entry_of_two_asks_for_referrers(dest: pathlib.Path, signed: dict[str, t.Any]) -> None:
    assert four_beats(dest, images=[signed, {**signed, "referrers": True}])["referrers"] == 3
    assert modules.run("bundle", dest=str(dest), images=[signed])["referrers"] == 0


def test_one_tag_of_cosign_with_two_meanings(
    dest: pathlib.Path, signed: dict[str, t.Any], other_registry: MemoryRegistry
) -> None:
    """One image of two registries, each signed by somebody else: one repository has one tag of that name."""
    other_registry.put("team/app", "2", IMAGE.contents, IMAGE.root)
    other_registry.put("team/app", f"{TAG}.sig", ONE.contents, ONE.root)
    other = {"source": f"docker://{other_registry.authority}/team/app:2"}
    refused = modules.run("bundle", dest=str(dest), images=[signed, other], referrers=True)
    assert refused["failed"] and not dest.exists()
    assert f"team/app:{TAG}.sig would be {ONE.root}, and {COSIGN.root}, too" in refused["msg"]
    made = four_beats(dest, images=[signed, {**other, "name": "other/app:2"}], referrers=True)
    assert made["referrers"] == 4
    # Each goes where its image goes, though both are about the same digest.
    images = [{"name": f"new/{image['name']}", "source": image["source"]} for image in made["images"]]
    assert modules.run("images", url=other_registry.url, images=images, referrers=True)["totals"]["copied"] == 2
    assert other_registry.tags["new/team/app", f"{TAG}.sig"] == COSIGN.root
    assert other_registry.tags["new/other/app", f"{TAG}.sig"] == ONE.root


def test_what_is_about_an_image_and_cannot_be_had(
    dest: pathlib.Path, source: str, signed: dict[str, t.Any], registry: MemoryRegistry
) -> None:
    modules.run("bundle", dest=str(dest), images=entries(source))
    before = dest.read_bytes()
    del registry.manifests["team/app", SIGNATURE.root]
    refused = modules.run("bundle", dest=str(dest), images=[*entries(source), {**signed, "referrers": True}])
    assert [image["where"] for image in refused["error"]["images"]] == ["images[3]"] and "404" in refused["msg"]
    assert dest.read_bytes() == before


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
    assert "cannot be made: File exists" in info(dest, progress_file=str(there))["msg"]


def test_blobs_have_the_digests_of_their_names(dest: pathlib.Path, source: str) -> None:
    """A reader of its own: tar and hashes, nothing of the collection."""
    modules.run("bundle", dest=str(dest), images=entries(source))
    with tarfile.open(dest) as archive:
        for entry in archive:
            file = archive.extractfile(entry)
            if entry.name.startswith("blobs/sha256/") and file:
                assert hashlib.sha256(file.read()).hexdigest() == entry.name.rpartition("/")[2]
