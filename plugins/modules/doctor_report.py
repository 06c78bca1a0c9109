#!/usr/bin/python
# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the action doctor_report, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: doctor_report
author:
  - The dockyard.registry contributors (@dockyard)
short_description: Show findings as one table
version_added: 0.1.0
description:
  - Prints findings on the terminal of the controller, a line each, green, yellow or red. In a log the words V(ok), V(warn)
    and V(FAIL) say the same.
  - Fails if there is anything to mend.
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: N/A
    details: This action changes nothing.
options:
  findings:
    description: What P(dockyard.registry.diagnose#filter) returns, of one host or of many.
    type: list
    elements: dict
    required: true
seealso:
  - module: dockyard.registry.health_info
  - module: dockyard.registry.reach_info
"""

EXAMPLES = r"""
- name: Show a finding that is none to mend
  dockyard.registry.doctor_report:
    findings:
      - {level: ok, host: registry1, subject: engine, text: It answers., remedy: ""}
"""

RETURN = r"""
counts:
  description: How many findings are of each level.
  returned: always
  type: dict
  sample: {"ok": 12, "warn": 1, "FAIL": 0}
findings:
  description: The findings that are not V(ok).
  returned: always
  type: list
  elements: dict
  sample:
    - level: warn
      host: registry1
      subject: disk
      text: 4.0 GiB of 50.0 GiB are free where the images are.
      remedy: Delete tags that nobody needs and collect the garbage, or give the disk more room.
"""
