# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a list of images on the controller, for the modules that take one, and shows how far they are."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.list_file import read_list_file
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import RegistryError
from ansible_collections.dockyard.registry.plugins.plugin_utils.long_work import LongWork


class ListWork(LongWork):
    """Runs the module, with the file of its option `file` read here unless `remote_src` says that it is on the host."""

    def run(self, tmp: t.Any = None, task_vars: t.Any = None) -> dict[str, t.Any]:
        args = self._task.args
        if args.get("file") and not boolean(args.get("remote_src", False), strict=False):
            self._task.args = {**args, "file": None, "entries": self._entries(str(args["file"]))}
        return super().run(tmp, task_vars)

    def _entries(self, name: str) -> list[dict[str, t.Any]]:
        try:
            return read_list_file(self._find_needle("files", name))
        except AnsibleError as error:
            raise AnsibleActionFail(f"file: {error}") from error
        except RegistryError as error:
            raise AnsibleActionFail(str(error)) from error
