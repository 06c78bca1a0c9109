# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a list of images on the controller, and shows how far the module ``bundle`` is."""

from __future__ import annotations

from ansible_collections.dockyard.registry.plugins.plugin_utils.list_work import ListWork


class ActionModule(ListWork):
    """Nothing but that."""
