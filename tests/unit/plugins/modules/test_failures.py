# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever goes wrong: the module fails with words that help, writes nothing and shows no password.

docs/errors.md is made of the same cases. Set DOCKYARD_WRITE_DOCS=1 to write it anew.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import time
import typing as t

import pytest

from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.certificates import (
    Certificates,
    make_certificates,
)
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.memory_registry import MemoryRegistry
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import ScriptedServer
from ansible_collections.dockyard.registry.tests.unit.plugins.modules import registry_modules as modules
from ansible_collections.dockyard.registry.tests.unit.plugins.modules.failures import CASES, PASSWORD, Case, World

PAGE = pathlib.Path(__file__).resolve().parents[4] / "docs" / "errors.md"
HEAD = """\
# What goes wrong, and what you are told

Each line was met by a test, which compares the message with this page. Nothing is changed when one of them comes; a module
that fails returns the same as values in `error` (kind, method, URL, status, the registry's own codes, hint).
"""


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def world(
    registry: MemoryRegistry, certificates: Certificates, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> t.Iterator[World]:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    servers: list[ScriptedServer] = []

    def make_server(*arguments: t.Any) -> ScriptedServer:
        servers.append(ScriptedServer(*arguments))
        return servers[-1]

    yield World(tmp_path, registry, certificates, make_server)
    assert registry.writes == [] or not any("/manifests/" in line for line in registry.writes)
    for server in servers:
        server.close()
    for server in servers:
        server.check()


@pytest.fixture(scope="session")
def page() -> t.Iterator[dict[Case, str]]:
    """Return where the rows go; they are written when all are there, if that was asked for."""
    rows: dict[Case, str] = {}
    yield rows
    if os.environ.get("DOCKYARD_WRITE_DOCS"):
        assert list(rows) == CASES, "run all of this file, in one process"
        parts = [HEAD]
        for group in dict.fromkeys(case.group for case in CASES):
            parts.append(f"\n## {group} …\n\n| … | message |\n| --- | --- |\n")
            parts += [f"{text}\n" for case, text in rows.items() if case.group == group]
        PAGE.write_text("".join(parts))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}: {case.what}")
def test_failures(case: Case, world: World, page: dict[Case, str]) -> None:
    message = run(case, world)
    for text in case.says:
        assert text in message, message
    page[case] = row(case, message, world)
    if not os.environ.get("DOCKYARD_WRITE_DOCS"):
        assert page[case] in PAGE.read_text(), "Set DOCKYARD_WRITE_DOCS=1 to write docs/errors.md anew."


def run(case: Case, world: World) -> str:
    call = case.arrange(world)
    result = modules.run(call.module, **call.options)
    assert result["failed"], result
    shown = json.dumps({key: value for key, value in result.items() if key != "invocation"})
    assert PASSWORD not in shown
    assert "Traceback" not in shown
    return str(result["msg"])


def row(case: Case, message: str, world: World) -> str:
    """Return a line of the table, without what differs from run to run."""
    text = message.replace(str(world.folder), "/srv/images").replace("|", "\\|")
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:5000", text)
    # Digests differ with the zlib of the Python that runs the tests.
    text = re.sub(r"(sha256[:/])[0-9a-f]{64}", r"\1…", text)
    return f"| {case.what} | {text} |"
