# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to agree in the collection, and would part ways unseen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
TYPES = {"bool": bool, "dict": dict, "float": (int, float), "int": int, "list": list, "path": str, "str": str}


def load(role, path):
    return yaml.safe_load((ROOT / "roles" / role / path).read_text())


def test_there_are_roles():
    assert "registry" in ROLES


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_argument_specs(role):
    defaults = load(role, "defaults/main.yml")
    options = load(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert {name: option["default"] for name, option in options.items()} == defaults
    for name, option in options.items():
        assert isinstance(defaults[name], TYPES[option["type"]]), name


@pytest.mark.parametrize("role", ROLES)
def test_names_and_comments(role):
    text = (ROOT / "roles" / role / "defaults" / "main.yml").read_text()
    names = re.findall(r"^(\w+):", text, re.MULTILINE)
    assert names
    for name in names:
        assert name.startswith(f"{role}_"), name
        assert re.search(rf"^# .+\n{name}:", text, re.MULTILINE), f"{name} has no comment above it"


def variables_handed_on(node):
    if isinstance(node, list):
        for part in node:
            yield from variables_handed_on(part)
    elif isinstance(node, dict):
        if "ansible.builtin.include_role" in node or "ansible.builtin.import_role" in node:
            yield from node.get("vars", {})
        for part in node.values():
            yield from variables_handed_on(part)


@pytest.mark.parametrize("path", sorted((ROOT / "playbooks").glob("*.yml")), ids=lambda path: path.name)
def test_playbooks_hand_on_variables_that_exist(path):
    known = {name for role in ROLES for name in load(role, "defaults/main.yml")}
    assert set(variables_handed_on(yaml.safe_load(path.read_text()))) <= known


def test_action_group_is_all_modules_that_speak_to_a_registry():
    group = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]["registry"]
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    hosts = {
        "bundle", "bundle_info", "doctor_report", "engine_image", "health_info", "host_info", "reach_info", "rendered_file",
        "service", "swarm_info",
    }
    assert set(group) == modules - hosts
