# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A finding, and what the examinations of servers and clients have in common."""

from __future__ import annotations

import dataclasses
import typing as t

OK, WARN, FAIL = "ok", "warn", "FAIL"
"""As they stand in a log; on a terminal the line is green, yellow or red besides."""

Facts = t.Mapping[str, t.Any]

DAYS_TO_WARN = 21
"""A certificate of this collection's own is renewed when 30 days are left: below this, the renewal does not happen."""

CLOCK_WARN, CLOCK_FAIL = 30.0, 300.0
"""Seconds; part of them is the time it takes to ask."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line: how bad, about what, what was found, and what to do; ``remedy`` is empty if there is nothing to do."""

    level: str
    subject: str
    text: str
    remedy: str = ""
    host: str = ""

    def at(self, host: str) -> Finding:
        """The finding with the host that it is about."""
        return dataclasses.replace(self, host=host)

    def as_dict(self) -> dict[str, str]:
        """As plain values."""
        return dataclasses.asdict(self)


def clock(facts: Facts) -> list[Finding]:
    """Whether the clocks of this host, the registry's and the controller's agree."""
    offsets = {name: facts["clock"].get(name) for name in ("registry", "controller")}
    known = {name: float(value) for name, value in offsets.items() if value is not None}
    if not known:
        return []
    offset = max(known.values(), key=abs)
    if abs(offset) < CLOCK_WARN:
        return [Finding(OK, "clock", f"The clock agrees with that of the {' and the '.join(known)}.")]
    # If both say the same, it is this host's clock that is wrong.
    labels = {"registry": "that of the registry's host", "controller": "that of the controller"}
    agreed = [name for name, value in known.items() if abs(value) >= CLOCK_WARN and abs(value - offset) < CLOCK_WARN]
    whose = " and ".join(labels[name] for name in agreed)
    way = "ahead of" if offset > 0 else "behind"
    return [Finding(
        FAIL if abs(offset) >= CLOCK_FAIL else WARN, "clock",
        f"The clock is {duration(abs(offset))} {way} {whose}: certificates and tokens end too early or begin too late.",
        "Have both hosts keep time: `timedatectl set-ntp true`, and look at `timedatectl`.",
    )]


def duration(seconds: float) -> str:
    """Seconds in words."""
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds" if seconds >= 10 else f"{seconds:.2f} seconds"


def times(number: int) -> str:
    """How often, in words."""
    return "once" if number == 1 else f"{number} times"


def size(number: float) -> str:
    """Bytes in words."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "bytes" or number >= 100 else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def lifetime(certificate: Facts, renew: str) -> Finding:
    """Whether a certificate is in time.

    :param renew: how it is renewed.
    """
    days, until = certificate["days_left"], str(certificate["not_after"])[:10]
    names = ", ".join(certificate["names"]) or "no name"
    if days < 0:
        return Finding(FAIL, "certificate", f"The certificate ended on {until}, {duration(-days * 86400)} ago: every client "
                       "refuses it.", renew)
    if days < DAYS_TO_WARN:
        return Finding(WARN, "certificate", f"The certificate ends on {until}, in {days:.0f} days.", renew)
    return Finding(OK, "certificate", f"The certificate is for {names}, issued by {certificate['issuer']}, until {until} "
                   f"({days:.0f} days).")
