# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows how far the loading of an image into an engine is."""

from __future__ import annotations

from ansible_collections.dockyard.registry.plugins.plugin_utils.long_work import LongWork


class ActionModule(LongWork):
    """The module engine_image, with its progress."""
