# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``images`` did, as a table for people."""

from __future__ import annotations

import typing as t

from ansible_collections.dockyard.registry.plugins.module_utils.oci.batch.meter import shown_size, shown_time

LONGEST = 100
"""Rows of images that were copied; those that failed are all shown, and those that were there are counted only."""


def copy_table(result: t.Mapping[str, t.Any], *, foretold: bool = False) -> list[str]:
    """Return the lines of a table: each image that was copied or failed, and what it all came to.

    :param foretold: whether nothing was done yet, since this was check mode.
    """
    images, totals = result["images"], result["totals"]
    failed = [image for image in images if image["result"] == "failed"]
    copied = [image for image in images if image["result"] == "copied"]
    shown = copied[:LONGEST] + failed
    width = max((len(image["name"]) for image in shown), default=0)
    done = "to copy" if foretold else "copied"
    lines = [f"{done:<8}{image['name']:<{width}}  {image['source']}" for image in copied[:LONGEST]]
    if len(copied) > LONGEST:
        lines.append(f"{done:<8}and {len(copied) - LONGEST} more")
    lines += [f"{'failed':<8}{image['name']:<{width}}  {image['error']}" for image in failed]
    counts = f"{totals['copied']} {done}, {totals['skipped']} there already, {totals['failed']} failed"
    moved = f"{shown_size(totals['uploaded_bytes'])} sent, {shown_size(totals['mounted_bytes'])} linked"
    return [*lines, f"{counts}; {moved}, in {shown_time(totals['seconds'])}"]
