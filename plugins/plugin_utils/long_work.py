# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows how far a module is while it works: the base of the action plugins of modules that take long.

The module runs as any other does, and writes its last line to the file named by its option `progress_file`
(plugins/module_utils/progress.py). A thread reads the file over a connection of its own, so that short work costs nothing
more and an interrupted play ends the module as always; see docs/decisions/0006-progress.md.
"""

from __future__ import annotations

import copy
import shlex
import threading
import typing as t
import uuid

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

EVERY = 4.0
"""Seconds between two looks, and before the first one: what is done by then shows nothing."""

display = Display()


class LongWork(ActionBase):  # type: ignore[misc]
    """Runs the module of the task's name, and shows each new line of its progress."""

    _requires_connection = True
    _supports_async = True

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        # Put into the background by the user, or watched by somebody else: nothing to show.
        if self._task.async_val or args.get("progress_file"):
            return self._module(args, task_vars)
        args["progress_file"] = f"/tmp/dockyard-{uuid.uuid4()}.progress"  # nosec: made with O_EXCL
        ended = threading.Event()
        watcher = threading.Thread(
            target=self._watch, args=(args["progress_file"], (task_vars or {}).get("inventory_hostname"), ended), daemon=True
        )
        watcher.start()
        try:
            return self._module(args, task_vars)
        finally:
            ended.set()
            # A look takes as long as its connection does; what has ended need not wait for one that hangs.
            watcher.join(EVERY)

    def _module(self, args: dict[str, t.Any], task_vars: t.Any) -> dict[str, t.Any]:
        answer = self._execute_module(module_args=args, task_vars=task_vars, wrap_async=bool(self._task.async_val))
        return t.cast("dict[str, t.Any]", answer)

    def _watch(self, path: str, host: str | None, ended: threading.Event) -> None:
        """Show what is new until the work has ended."""
        watching = self._sibling()
        shown = ""
        while not ended.wait(EVERY):
            try:
                # Exit code 1: there is no file yet, or no longer.
                answer = watching._low_level_execute_command(f"cat {shlex.quote(path)} 2>/dev/null", sudoable=True)
            except Exception as error:  # pylint: disable=broad-exception-caught
                # Whatever a connection plugin raises. The work itself goes on, and its own connection tells what is wrong.
                display.v(f"{host}: the progress cannot be read any more: {error}")
                return
            line = answer.get("stdout", "")
            if answer.get("rc") == 0 and line.endswith("\n") and line != shown and not ended.is_set():
                shown = line
                display.display(f"  {host}: {line.strip()}")

    def _sibling(self) -> LongWork:
        """Return an action on the same host whose connection shares nothing that a running command changes."""
        sibling = copy.copy(self)
        sibling._connection = copy.copy(self._connection)
        if self._connection.become:
            sibling._connection.set_become_plugin(copy.copy(self._connection.become))
        return sibling
