# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter format_reference."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.dockyard.registry.plugins.filter import parse_reference
from ansible_collections.dockyard.registry.plugins.filter.format_reference import FilterModule

DIGEST = "sha256:" + "0a" * 32
write = FilterModule().filters()["format_reference"]
PARTS = {"registry": "ghcr.io", "repository": "a/b", "tag": "1", "digest": DIGEST}


@pytest.mark.parametrize("text", ["nginx", "localhost:5000/a/b:1", f"ghcr.io/a@{DIGEST}", f"a/b:1@{DIGEST}"])
def test_there_and_back(text: str) -> None:
    parts = parse_reference.parse(text)
    assert write(parts) == parts["reference"]


def test_other_parts() -> None:
    parts = {**parse_reference.parse("nginx:1"), "registry": "registry.example.com:5000", "tag": "1.27"}
    assert write(parts) == "registry.example.com:5000/library/nginx:1.27"
    assert write({**PARTS, "tag": None}) == f"ghcr.io/a/b@{DIGEST}"


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ("nginx", "'nginx' is no mapping"),
        ({}, "needs registry"),
        ({**PARTS, "registry": None}, "needs registry"),
        ({**PARTS, "repository": None}, "needs registry"),
        ({**PARTS, "tag": None, "digest": None}, "tag or digest"),
        ({**PARTS, "tag": 1.27}, "tag is 1.27, which is no text"),
        ({**PARTS, "tag": "a b"}, "tag is 'a b'"),
        ({**PARTS, "repository": "A"}, "repository is 'A'"),
        ({**PARTS, "registry": "a/b"}, "registry is 'a/b'"),
        ({**PARTS, "digest": "sha256:1"}, "digest is 'sha256:1'"),
        ({**PARTS, "tag": ""}, "tag is ''"),
    ],
)
def test_what_is_refused(parts: t.Any, says: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        write(parts)
    assert says in str(caught.value)
