# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copying many images into a registry: what is wanted, what that takes, and doing it.

``wishes`` are what the user writes, ``jobs`` what becomes of each image, ``planning`` finds out what each needs, ``works``
holds what is to be written as a graph, and ``running`` writes it. ``copying`` joins them.
"""
