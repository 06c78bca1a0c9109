# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option of modules that take long: where they say how far they are."""

from __future__ import annotations


class ModuleDocFragment:
    """The option ``progress_file``."""

    DOCUMENTATION = r"""
options:
  progress_file:
    description:
      - A file on the managed host that is made to hold one line that says how far the module is, and is removed in the
        end. It must not be there before.
      - The module's action plugin sets it, and shows the line every few seconds.
    type: path
"""
