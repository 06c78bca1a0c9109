# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values as people write them, and as the engine's API counts them: durations, sizes, shares of a CPU, modes, names.

Strict, for a value that is misread here is a service that is misconfigured there.
"""

from __future__ import annotations

import re

from .errors import InvalidService

SECOND = 1_000_000_000
"""Nanoseconds, which is what the API counts durations in."""

_UNITS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND}
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h))+")
_DURATION_PART = re.compile(r"([0-9]+)(?:\.([0-9]+))?(ns|us|µs|ms|s|m|h)")
_LONGEST = 2**63 - 1

_SIZE = re.compile(r"([0-9]+)(?:\.([0-9]+))?([bkmgt]?)(?:i?b)?", re.IGNORECASE)
_SIZES = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
SMALLEST_MEMORY = 4 * 1024 * 1024
"""Bytes; the engine refuses less (Swarm's control API, "validateResources")."""

_CPUS = re.compile(r"([0-9]+)(?:\.([0-9]{1,9}))?")
_SMALLEST_CPUS = 1_000_000

_MODE = re.compile(r"0[0-7]{3}")

# Swarm's control API, "validateAnnotations" and "validateConfigOrSecretAnnotations".
_DNS_NAME = re.compile(r"[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*")
_OBJECT_NAME = re.compile(r"[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?")
_LONGEST_DNS_NAME = 63
_LONGEST_OBJECT_NAME = 64


def parse_duration(text: str, what: str) -> int:
    """Return the nanoseconds of a duration such as ``1m30s``, written as Go and Docker write it; a bare 0 is none.

    :param what: the parameter, for the message.
    :raises InvalidService: for anything else, a number without a unit too.
    """
    if text == "0":
        return 0
    if not _DURATION.fullmatch(text):
        hint = "It is a number with a unit, as in 500ms, 10s or 1m30s."
        if re.fullmatch(r"[0-9]+", text):
            hint = f"A number alone has no unit: write {text}s for seconds."
        raise InvalidService(f"{what} is {text!r}, which is no duration.", hint=hint)
    total = 0
    for whole, fraction, unit in _DURATION_PART.findall(text):
        total += int(whole) * _UNITS[unit]
        # In integers: no binary fraction is a tenth. What is finer than a nanosecond is dropped, as in Go.
        total += int(fraction or 0) * _UNITS[unit] // 10 ** len(fraction)
    if total > _LONGEST:
        raise InvalidService(f"{what} is {text!r}, which is longer than the engine can count.", hint="That is 292 years.")
    return total


def format_duration(nanoseconds: int) -> str:
    """Return a duration as Docker shows it: ``1m30s``; 0 is ``0s``."""
    if not nanoseconds:
        return "0s"
    rest = nanoseconds
    out = []
    for unit in ("h", "m", "s", "ms", "us", "ns"):
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            out.append(f"{count}{unit}")
    return "".join(out)


def parse_memory(text: str, what: str) -> int:
    """Return the bytes of a size such as ``512m``, its units powers of 1024 as in Docker.

    :raises InvalidService: for anything else, and for less than the engine takes.
    """
    match = _SIZE.fullmatch(text)
    if not match:
        raise InvalidService(f"{what} is {text!r}, which is no size.", hint="It is a number with b, k, m or g: 512m.")
    factor = _SIZES[match[3].lower()]
    fraction = match[2] or ""
    size: int = int(match[1]) * factor + int(fraction or 0) * factor // 10 ** len(fraction)
    if size < SMALLEST_MEMORY:
        raise InvalidService(f"{what} is {text!r}, which is {size} bytes.", hint="The engine takes 4m or more.")
    if size > _LONGEST:
        raise InvalidService(f"{what} is {text!r}, which is more than the engine can count.")
    return size


def format_memory(size: int) -> str:
    """Return a size in the largest unit that it is a whole number of."""
    for unit in ("t", "g", "m", "k"):
        if size and size % _SIZES[unit] == 0:
            return f"{size // _SIZES[unit]}{unit}"
    return f"{size}b"


def parse_cpus(text: str, what: str) -> int:
    """Return the billionths of a CPU that a number such as ``0.5`` means.

    :raises InvalidService: for anything else, and for less than the engine takes.
    """
    match = _CPUS.fullmatch(text)
    if not match:
        raise InvalidService(f"{what} is {text!r}, which is no number of CPUs.", hint="It looks like 2 or 0.5.")
    billionths = int(match[1]) * SECOND + int((match[2] or "").ljust(9, "0"))
    if not _SMALLEST_CPUS <= billionths <= _LONGEST:
        raise InvalidService(f"{what} is {text!r}.", hint="The engine takes 0.001 or more.")
    return billionths


def format_cpus(billionths: int) -> str:
    """Return a number of CPUs."""
    whole, rest = divmod(billionths, SECOND)
    return f"{whole}.{rest:09}".rstrip("0").rstrip(".")


def parse_mode(text: str, what: str) -> int:
    """Return the number of a file mode: four octal digits, the first of them 0.

    :raises InvalidService: for anything else; a mode that YAML has made a decimal number is not guessed at.
    """
    if not _MODE.fullmatch(text):
        raise InvalidService(
            f"{what} is {text!r}, which is no mode.", hint='Write four octal digits in quotes, as in "0444".'
        )
    return int(text, 8)


def format_mode(number: int) -> str:
    """Return a file mode in octal."""
    return f"{number:04o}"


def check_service_name(text: str, what: str) -> str:
    """Return a name if a service, a network or an alias may have it: it is a part of a host name.

    :raises InvalidService: otherwise.
    """
    return _check_name(text, what, _DNS_NAME, _LONGEST_DNS_NAME, "letters and digits, with - and _ between them")


def check_object_name(text: str, what: str) -> str:
    """Return a name if a config or a secret may have it.

    :raises InvalidService: otherwise.
    """
    return _check_name(text, what, _OBJECT_NAME, _LONGEST_OBJECT_NAME, "letters and digits, with -, _ and . between them")


def _check_name(text: str, what: str, pattern: re.Pattern[str], longest: int, allowed: str) -> str:
    if len(text) > longest:
        raise InvalidService(
            f"{what} is {text!r}, which has {len(text)} characters.", hint=f"The engine takes {longest} at most."
        )
    if not pattern.fullmatch(text):
        raise InvalidService(f"{what} is {text!r}, which the engine refuses.", hint=f"Use {allowed}.")
    return text
