# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module of the collection in this process, and compares what it says of itself."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import types
import typing as t
from unittest import mock

import yaml
from ansible.module_utils.testing import patch_module_args

PLUGINS = "ansible_collections.dockyard.registry.plugins"
FRAGMENTS = ("registry", "attributes")


def load(name: str) -> types.ModuleType:
    """Import a module."""
    return importlib.import_module(f"{PLUGINS}.modules.{name}")


def run(module_name: str, /, *, check: bool = False, diff: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run a module and return what it printed."""
    printed = io.StringIO()
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": diff}
    # Tests of filters, in the same process, make it a controller, where a module's warnings go to the screen.
    on_a_host = mock.patch("ansible.module_utils._internal.is_controller", False)
    with on_a_host, patch_module_args(arguments), contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        load(module_name).main()
    result: dict[str, t.Any] = json.loads(printed.getvalue())
    return result


def argument_spec(name: str) -> dict[str, dict[str, t.Any]]:
    """Return the argument spec that a module makes an AnsibleModule of."""

    class Made(Exception):
        """Carries the spec out."""

    def stop(*_arguments: object, **settings: t.Any) -> None:
        raise Made(settings["argument_spec"])

    with mock.patch(f"{PLUGINS}.module_utils._module.AnsibleModule", stop):
        try:
            load(name).main()
        except Made as made:
            spec: dict[str, dict[str, t.Any]] = made.args[0]
            return spec
    raise AssertionError(f"{name} makes no AnsibleModule")


def documented_options(name: str) -> dict[str, dict[str, t.Any]]:
    """Return the options that a module and this collection's fragments document."""
    documentation = yaml.safe_load(load(name).DOCUMENTATION)
    options: dict[str, dict[str, t.Any]] = dict(documentation["options"])
    for fragment in documentation["extends_documentation_fragment"]:
        if not fragment.startswith("dockyard.registry."):
            continue  # ansible-core's own, of options that AnsibleModule adds itself
        _namespace, _collection, file, *part = fragment.split(".")
        source = importlib.import_module(f"{PLUGINS}.doc_fragments.{file}").ModuleDocFragment
        text = getattr(source, part[0].upper() if part else "DOCUMENTATION")
        options.update(yaml.safe_load(text).get("options") or {})
    return options


def spec_of_documentation(name: str) -> dict[str, tuple[t.Any, ...]]:
    """Return what both sides must agree on, as documented."""
    return {key: _facts(option) for key, option in documented_options(name).items()}


def spec_of_code(name: str) -> dict[str, tuple[t.Any, ...]]:
    """Return what both sides must agree on, as coded."""
    return {key: _facts(option) for key, option in argument_spec(name).items()}


def _facts(option: t.Mapping[str, t.Any]) -> tuple[t.Any, ...]:
    return tuple(option.get(key) for key in ("type", "elements", "default", "choices")) + (
        option.get("required", False),
    )
