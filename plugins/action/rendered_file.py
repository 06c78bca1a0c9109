# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes a file that holds secrets, with a diff that shows none."""

from __future__ import annotations

import base64
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.dockyard.registry.plugins.plugin_utils.redact import redact


class ActionModule(ActionBase):
    """ansible.builtin.copy with the diff made here, from both sides redacted."""

    _requires_connection = True
    TRANSFERS_FILES = True

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            argument_spec={
                "dest": {"type": "path", "required": True},
                "content": {"type": "str", "required": True},
                "owner": {"type": "str"},
                "group": {"type": "str"},
                "mode": {"type": "str", "default": "0600"},
            }
        )
        before = self._read(args["dest"], task_vars) if self._task.diff else ""
        result = self._copy(args, task_vars)
        result.pop("invocation", None)
        if self._task.diff and result.get("changed"):
            result["diff"] = {
                "before_header": args["dest"],
                "after_header": args["dest"],
                "before": redact(before, args["content"]),
                "after": redact(args["content"], before),
            }
        return result

    def _read(self, path: str, task_vars: t.Any) -> str:
        answer = self._execute_module("ansible.legacy.stat", {"path": path}, task_vars=task_vars)
        if not answer.get("stat", {}).get("exists"):
            return ""
        answer = self._execute_module("ansible.legacy.slurp", {"src": path}, task_vars=task_vars)
        if answer.get("failed"):
            raise AnsibleActionFail(f"{path} cannot be read: {answer.get('msg')}")
        return base64.b64decode(answer["content"]).decode("utf-8", "replace")

    def _copy(self, args: dict[str, t.Any], task_vars: t.Any) -> dict[str, t.Any]:
        task = self._task.copy()
        task.args = {key: value for key, value in args.items() if value is not None}
        task.diff = False
        action = self._shared_loader_obj.action_loader.get(
            "ansible.legacy.copy",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        return t.cast("dict[str, t.Any]", action.run(task_vars=task_vars))
