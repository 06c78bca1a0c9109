# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task that goes on taking requests for a while after it was told to end, as the engine has no word for.

The engine takes a task out of the service's name and of the mesh, waits two seconds for all nodes to have heard of it, and sends
its signal ("daemon/cluster/executor/container/controller.go" in Docker, ``defaultGossipConvergeDelay``, which has no setting). A
node that is busy hears of it later, and sends requests to a task that listens no more. So a shell stands before the image's
program, holds the signal back, and then hands it on; its exit code is the program's.
"""

from __future__ import annotations

import re
import typing as t

from .errors import InvalidService
from .spec import DEFAULT_GRACE
from .values import SECOND, format_duration, parse_duration

Params = t.Mapping[str, t.Any]

DEFAULT_SIGNAL = "SIGTERM"

_NAME = re.compile(r"(?:SIG)?(?:TERM|QUIT|INT|HUP|USR1|USR2|WINCH)")

# A wait ends with the signal, too, and then goes on: only when the program has gone is there nothing to wait for.
SCRIPT = """\
seconds=$1 signal=$2; shift 2
"$@" & program=$!
trap 'trap "" "$signal"; sleep "$seconds"; kill -s "$signal" "$program"' "$signal"
wait "$program"; code=$?
while kill -0 "$program" 2>/dev/null; do wait "$program"; code=$?; done
exit "$code"
"""
_SHELL = ["/bin/sh", "-c", SCRIPT, "drain"]


class Start(t.NamedTuple):
    """How an image says that it is run: what ``command``, ``args`` and ``stop_signal`` of a service stand in place of."""

    entrypoint: list[str]
    cmd: list[str]
    stop_signal: str


def check_drain(params: Params) -> None:
    """Look for mistakes in ``drain`` and what it has to do with.

    :raises InvalidService: if there is one.
    """
    seconds = drain_seconds(params)
    if not seconds:
        return
    grace = params["stop_grace_period"] or DEFAULT_GRACE
    if parse_duration(grace, "stop_grace_period") <= seconds * SECOND:
        raise InvalidService(
            f"drain is {params['drain']!r}, and stop_grace_period is {grace!r}, which begins with it: the task would be killed before "
            "its program is told to end.",
            hint=f"Set stop_grace_period to {format_duration((seconds + 10) * SECOND)} or more.",
        )
    if not params["pin_digest"] and (not params["command"] or not params["stop_signal"]):
        raise InvalidService(
            f"drain is {params['drain']!r} and pin_digest is false, so that the registry is not asked what the image runs.",
            hint="Set command and stop_signal to what docker image inspect shows as its Entrypoint, Cmd and StopSignal.",
        )


def drain_seconds(params: Params) -> int:
    """Return for how many seconds the signal is held back, 0 for not at all.

    :raises InvalidService: if that is no number of whole seconds.
    """
    nanoseconds = parse_duration(params["drain"] or "0", "drain")
    if nanoseconds % SECOND:
        raise InvalidService(f"drain is {params['drain']!r}.", hint="Give whole seconds, as in 5s.")
    return nanoseconds // SECOND


def with_drain(params: Params, start: Start | None) -> Params:
    """Return the parameters of a service with the shell in its ``command``; as they are without ``drain``.

    :param start: how the image is run, which may be None only if ``command`` and ``stop_signal`` are set.
    :raises InvalidService: if neither the parameters nor the image say what to run.
    """
    seconds = drain_seconds(params)
    if not seconds:
        return params
    start = start or Start([], [], "")
    # As in the engine: who sets the one in place of the image's entrypoint does without the image's command, too.
    command = params["command"] or start.entrypoint
    args = params["args"] or ([] if params["command"] else start.cmd)
    if not command and not args:
        raise InvalidService("the image does not say what to run, and command is not set.", hint="Set command.")
    signal = params["stop_signal"] or start.stop_signal or DEFAULT_SIGNAL
    if not _NAME.fullmatch(signal):
        raise InvalidService(
            f"drain is {params['drain']!r}, and the signal is {signal!r}, which a shell does not know.",
            hint="Set stop_signal to another one that the program ends at, or leave drain out.",
        )
    shell = [*_SHELL, str(seconds), signal.removeprefix("SIG")]
    return {**params, "command": [*shell, *command], "args": list(args), "stop_signal": signal}


def without_drain(command: t.Sequence[str]) -> tuple[str, list[str]]:
    """Return the ``drain`` and the ``command`` of a service's command, the drain ``0s`` if there is none."""
    if list(command[: len(_SHELL)]) != _SHELL:
        return "0s", list(command)
    seconds, _signal, *rest = command[len(_SHELL) :]
    return format_duration(int(seconds) * SECOND), rest
