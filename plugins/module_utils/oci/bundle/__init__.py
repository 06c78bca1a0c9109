# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many images in one archive: an OCI image layout whose blobs they share, the same bytes for the same images.

``documents`` says what stands in it, ``layout`` where, ``reading`` checks and reads it, ``planning`` finds out what is to
be written, ``writing`` does that.
"""
