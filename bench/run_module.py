# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module of the collection as Ansible would on a host, and measures what happens inside.

    run_module.py NAME ARGUMENTS.json REPORT.json     its result goes to stdout

The report has ``inside``, the seconds of the module's own main(), and in MB ``interpreter``, the memory that Python and
the module's imports take, and ``peak``.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time

from ansible.module_utils import basic


def peak() -> float:
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run the module; its exit status is this one's."""
    name, arguments, report = sys.argv[1:]
    module = importlib.import_module(f"ansible_collections.dockyard.registry.plugins.modules.{name}")
    with open(arguments, encoding="utf-8") as file:
        given = json.load(file)
    # As ansible.module_utils.testing does it, whose import would cost a tenth of the start.
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    before, since = peak(), time.perf_counter()
    try:
        module.main()
    finally:
        measured = {"inside": time.perf_counter() - since, "interpreter": before, "peak": peak()}
        with open(report, "w", encoding="utf-8") as file:
            json.dump(measured, file)


if __name__ == "__main__":
    main()
