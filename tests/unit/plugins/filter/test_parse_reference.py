# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter parse_reference."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.dockyard.registry.plugins.filter.parse_reference import FilterModule

DIGEST = "sha256:" + "0a" * 32
parse = FilterModule().filters()["parse_reference"]


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest", "reference"),
    [
        ("nginx", "docker.io", "library/nginx", "latest", None, "docker.io/library/nginx:latest"),
        ("localhost:5000/a/b:1", "localhost:5000", "a/b", "1", None, "localhost:5000/a/b:1"),
        (f"ghcr.io/a@{DIGEST}", "ghcr.io", "a", None, DIGEST, f"ghcr.io/a@{DIGEST}"),
        (f"a/b:1@{DIGEST}", "docker.io", "a/b", "1", DIGEST, f"docker.io/a/b:1@{DIGEST}"),
    ],
)
def test_the_parts(
    text: str, registry: str, repository: str, tag: str | None, digest: str | None, reference: str
) -> None:
    parts = {"registry": registry, "repository": repository, "tag": tag, "digest": digest, "reference": reference}
    assert parse(text) == parts
    assert parse(reference) == parts


@pytest.mark.parametrize("value", ["", "Nginx", "x:", "x@sha256:1", "https://host/x", None, 7, ["nginx"]])
def test_what_is_no_reference(value: object) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        parse(value)
    assert repr(value) in str(caught.value)
