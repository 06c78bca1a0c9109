# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table at the end of a list of images."""

from __future__ import annotations

import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils import copy_table as module
from ansible_collections.dockyard.registry.plugins.plugin_utils.copy_table import copy_table


def image(name: str, result: str, error: str | None = None) -> dict[str, t.Any]:
    return {"name": name, "source": f"docker://x/{name}", "result": result, "error": error}


def result_of(*images: dict[str, t.Any]) -> dict[str, t.Any]:
    counts = [entry["result"] for entry in images]
    totals = {name: counts.count(name) for name in ("copied", "skipped", "failed")}
    return {"images": images, "totals": {**totals, "uploaded_bytes": 2_000_000, "mounted_bytes": 0, "seconds": 3.2}}


def test_what_was_copied_and_why_the_rest_failed() -> None:
    result = result_of(image("a:1", "copied"), image("team/b:1", "failed", "no such image."), image("c:1", "skipped"))
    assert copy_table(result) == [
        "copied  a:1       docker://x/a:1",
        "failed  team/b:1  no such image.",
        "1 copied, 1 there already, 1 failed; 2 MB sent, 0 B linked, in 3 s",
    ]
    assert copy_table(result, foretold=True)[0] == "to copy a:1       docker://x/a:1"


def test_long_lists_are_cut(monkeypatch: t.Any) -> None:
    monkeypatch.setattr(module, "LONGEST", 2)
    lines = copy_table(result_of(*(image(f"a:{number}", "copied") for number in range(5))))
    assert len(lines) == 4 and lines[2] == "copied  and 3 more"


def test_nothing_at_all() -> None:
    assert copy_table(result_of()) == ["0 copied, 0 there already, 0 failed; 2 MB sent, 0 B linked, in 3 s"]
