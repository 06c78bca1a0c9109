# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The images: the same bytes everywhere, of the shape that the documentation names."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

if sys.version_info < (3, 11):
    pytest.skip("bench needs Python 3.11", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parents[3] / "bench"))

from dockyard_bench import corpus  # noqa: E402


def test_shape() -> None:
    images = corpus.plan(1)
    layers = {layer for image in images for layer in image.layers}
    assert len({(image.repository, image.tag) for image in images}) == 23
    assert len({image.repository for image in images}) == 15
    assert len(layers) == 77
    assert sum(layer.size for layer in layers) == pytest.approx(corpus.TOTAL, rel=0.01)
    assert sum(len(image.layers) for image in images) > 77


def test_same_plan_and_same_bytes_every_time() -> None:
    assert corpus.plan(0.5) == corpus.plan(0.5)
    layer = corpus.make_layer(corpus.Layer(7, 200_000))
    assert layer == corpus.make_layer(corpus.Layer(7, 200_000))
    # Written down once: another Python must make the same, or results of two machines are of different images.
    assert layer.digest == "sha256:24cdc796eb72e9c6cd994ecdaeb357c06023f0d1fd1770b6d646b0e642902e41"


def test_layers_are_tars_in_gzip_with_the_digests_they_say() -> None:
    layer = corpus.make_layer(corpus.Layer(3, 150_000))
    plain = gzip.decompress(layer.data)
    assert corpus.digest_of(plain) == layer.diff_id
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        assert [(member.name, member.size) for member in tar] == [("data/3", 150_000)]
    assert len(layer.data) >= 150_000


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 131_070])
def test_stored_gzip(size: int) -> None:
    assert gzip.decompress(corpus.store(b"x" * size)) == b"x" * size


def test_manifest_names_its_parts() -> None:
    image = corpus.plan(0.001)[0]
    config = corpus.make_config(image, ["sha256:1", "sha256:2"])
    manifest = json.loads(corpus.make_manifest(config, [("sha256:3", 5)]).data)
    assert manifest["config"]["digest"] == config.digest
    assert [(layer["digest"], layer["size"]) for layer in manifest["layers"]] == [("sha256:3", 5)]
    assert json.loads(config.data)["rootfs"]["diff_ids"] == ["sha256:1", "sha256:2"]
