# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ails a registry or a host that uses it: facts in, findings out, and findings as a table.

Pure functions. The facts are those of the modules `health_info` (a server) and `reach_info` (a client) with a few
settings beside them. One cause gives one red line: what follows from it is not told again.
"""

from __future__ import annotations

import textwrap
import typing as t

from ansible_collections.dockyard.registry.plugins.plugin_utils.doctor_client import examine_client
from ansible_collections.dockyard.registry.plugins.plugin_utils.doctor_server import examine_server
from ansible_collections.dockyard.registry.plugins.plugin_utils.finding import FAIL, OK, WARN, Finding

NARROWEST = 80
_WIDEST = 160


def diagnose(facts: t.Mapping[str, t.Any], host: str = "") -> list[Finding]:
    """The findings of one host.

    :param facts: with `server` or `client`, what the module found there; with neither, why there is nothing in `problem`, or
        in `swarm` the name of a registry that a Swarm runs.
    :param host: the host's name, for the table.
    """
    examine = {"server": examine_server, "client": examine_client}.get(str(facts.get("side")))
    if facts.get("swarm"):
        found = [Finding(FAIL, "registry", f"The registry {facts['swarm']} is a Swarm's: it was NOT looked at, for the doctor knows "
                         "containers of one host.",
                         f"See how it is by `docker service ps --no-trunc {facts['swarm']}` on a manager; the playbook "
                         "dockyard.registry.swarm puts it back as it should be. How nodes reach it, tells the doctor with `-e target=none "
                         "-e clients=swarm_managers:swarm_workers -e registry_client_registry=HOST:PORT`.")]
    elif examine is None:
        problem = facts.get("problem") or "Ansible did not get there."
        found = [Finding(FAIL, "host", f"The host could not be looked at: {problem}",
                         "Try `ansible HOST -m ping -b`; the doctor needs Python there, and to become root.")]
    else:
        found = examine(facts)
    return [finding.at(host) for finding in found]


def render(findings: t.Sequence[Finding], width: int = 120) -> list[tuple[str, str]]:
    """The lines of a table, each with the level that it belongs to; the remedies stand below what they mend."""
    width = min(max(width, NARROWEST), _WIDEST)
    hosts = max([4, *(len(finding.host) for finding in findings)])
    subjects = max([7, *(len(finding.subject) for finding in findings)])
    lines: list[tuple[str, str]] = []
    for finding in findings:
        head = f"{finding.level:<4}  {finding.host:<{hosts}}  {finding.subject:<{subjects}}  "
        # Names, paths and commands are to be copied: none is broken, at hyphens or for its length.
        whole = textwrap.TextWrapper(max(width - len(head), 30), break_on_hyphens=False, break_long_words=False)
        body = whole.wrap(finding.text) or [""]
        whole.width = max(width - len(head) - 3, 30)
        remedy = whole.wrap(finding.remedy)
        lines += [(finding.level, (head if not at else " " * len(head)) + text) for at, text in enumerate(body)]
        lines += [(finding.level, " " * len(head) + ("   " if at else "-> ") + text) for at, text in enumerate(remedy)]
    return lines


def verdict(findings: t.Sequence[Finding]) -> str:
    """The last line: how many of each."""
    count = {level: sum(finding.level == level for finding in findings) for level in (OK, WARN, FAIL)}
    return f"{count[OK]} ok, {count[WARN]} to look at, {count[FAIL]} to mend"
