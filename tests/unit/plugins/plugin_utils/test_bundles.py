# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bundle that cannot be used gets a message with the variable, the value and the way out."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.filter.bundle_problems import FilterModule
from ansible_collections.dockyard.registry.plugins.plugin_utils.bundles import bundle_problems

PATH, IMAGE = "/srv/site.tar", "registry:3"
FOUND = {"images": [{"reference": "docker.io/library/registry:3"}, {"reference": "docker.io/library/nginx:latest"}]}


def test_good_ones_have_no_problem() -> None:
    assert FilterModule().filters()["bundle_problems"] is bundle_problems
    assert bundle_problems(PATH, IMAGE) == []
    for image in (IMAGE, "docker.io/library/registry:3", "library/registry:3", "nginx"):
        assert bundle_problems(PATH, image, found=FOUND) == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (("site.tar", IMAGE), "registry_bundle is 'site.tar': give a full path"),
        (("/srv/a:b.tar", IMAGE), "without a colon"),
        ((PATH, IMAGE, "/srv/registry.tar"), "registry_image_archive is '/srv/registry.tar'"),
        ((PATH, f"registry@sha256:{'0' * 64}"), "Leave the digest out"),
        ((PATH, IMAGE, "", {"failed": True, "msg": "It is cut short."}), "the controller: It is cut short. Nothing was"),
        ((PATH, IMAGE, "", {}), "it could not be read"),
        ((PATH, "registry:2", "", FOUND), "holds docker.io/library/registry:3, docker.io/library/nginx:latest. Set"),
    ],
)
def test_every_problem_is_told(settings: tuple[t.Any, ...], told: str) -> None:
    (problem,) = bundle_problems(*settings)
    assert told in problem
