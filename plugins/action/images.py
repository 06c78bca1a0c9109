# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a list of images on the controller, shows how far the module ``images`` is, and what became of each in the end."""

from __future__ import annotations

import typing as t

from ansible.utils.display import Display

from ansible_collections.dockyard.registry.plugins.plugin_utils.copy_table import copy_table
from ansible_collections.dockyard.registry.plugins.plugin_utils.list_work import ListWork

display = Display()


class ActionModule(ListWork):
    """The module, with a table at its end."""

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        if "totals" in result and self._task.loop is None:
            for line in copy_table(result, foretold=bool(self._task.check_mode)):
                display.display(f"  {line}")
        return result
