# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints findings as one table, in colours where the terminal has them, and fails if there is anything to mend."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.dockyard.registry.plugins.plugin_utils.doctor import render, verdict
from ansible_collections.dockyard.registry.plugins.plugin_utils.finding import FAIL, OK, WARN, Finding

COLOURS = {OK: "green", WARN: "yellow", FAIL: "red"}


class ActionModule(ActionBase):
    """A table is lines of text: as a result it would be shown as a list in quotes."""

    _requires_connection = False

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            argument_spec={"findings": {"type": "list", "elements": "dict", "required": True}}
        )
        findings = [Finding(**finding) for finding in args["findings"]]
        display = Display()
        for level, line in render(findings, display.columns):
            display.display(line, color=COLOURS[level])
        counts = {level: sum(finding.level == level for finding in findings) for level in COLOURS}
        return {
            "changed": False,
            "failed": counts[FAIL] > 0,
            "msg": verdict(findings),
            "counts": counts,
            "findings": [finding.as_dict() for finding in findings if finding.level != OK],
        }
