# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Placement constraints, read as the scheduler reads them (swarmkit, "manager/constraint"), to know a service's nodes."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .errors import InvalidService

_KEY = re.compile(r"(?i)[a-z_][a-z0-9\-_.]+")
_VALUE = re.compile(r"(?i)[a-z0-9:\-_\s.*()?+\[\]\\^$|/]+")
_HINT = "It looks like node.labels.disk==ssd or node.role!=manager."


class Constraint(t.NamedTuple):
    """``key`` must be ``value``, or must not be; both without regard to case."""

    key: str
    equal: bool
    value: str

    def fits(self, node: t.Mapping[str, t.Any]) -> bool:
        """Tell whether a node, as the API describes it, may have a task."""
        spec, described, status = (node.get(name) or {} for name in ("Spec", "Description", "Status"))
        key = self.key.lower()
        if key == "node.ip":
            return self._fits_address(str(status.get("Addr", "")))
        platform = described.get("Platform") or {}
        fixed = {
            "node.id": node.get("ID"),
            "node.hostname": described.get("Hostname"),
            "node.role": spec.get("Role"),
            "node.platform.os": platform.get("OS"),
            "node.platform.arch": platform.get("Architecture"),
        }
        labels = {"node.labels.": spec.get("Labels"), "engine.labels.": (described.get("Engine") or {}).get("Labels")}
        found = fixed.get(key)
        for prefix, values in labels.items():
            if key.startswith(prefix):
                # What the label is called does regard case.
                found = (values or {}).get(self.key[len(prefix):])
        return (_plain(str(found or "")) == _plain(self.value)) == self.equal

    def _fits_address(self, address: str) -> bool:
        try:
            return (ipaddress.ip_address(address) in ipaddress.ip_network(self.value, strict=False)) == self.equal
        except ValueError:
            return False


def parse_constraint(text: str) -> Constraint:
    """Parse ``key==value`` or ``key!=value``.

    :raises InvalidService: for anything else.
    """
    for operator in ("==", "!="):
        key, found, value = (part.strip() for part in text.partition(operator))
        if found:
            if not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
                break
            known = key.lower().startswith(("node.labels.", "engine.labels."))
            fixed = ("node.id", "node.hostname", "node.role", "node.ip", "node.platform.os", "node.platform.arch")
            if not known and key.lower() not in fixed:
                raise InvalidService(
                    f"constraints has {text!r}, and there is no {key}.", hint=f"There are {', '.join(fixed)} and labels."
                )
            return Constraint(key, operator == "==", value)
    raise InvalidService(f"constraints has {text!r}, which is none.", hint=_HINT)


def may_run(node: t.Mapping[str, t.Any], constraints: t.Iterable[Constraint]) -> bool:
    """Tell whether a node is up, takes tasks, and fits."""
    ready = (node.get("Status") or {}).get("State") == "ready"
    active = (node.get("Spec") or {}).get("Availability") == "active"
    return ready and active and all(constraint.fits(node) for constraint in constraints)


def _plain(text: str) -> str:
    text = text.lower()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(text, text)
