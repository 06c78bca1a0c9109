# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program that goes on for a while after it was told to end: the shell before it, for real, and how a service has it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.swarm.check import check_params
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.describe import describe_service
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.drain import Start, with_drain, without_drain
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.errors import InvalidService
from ansible_collections.dockyard.registry.plugins.module_utils.swarm.spec import Known, build_spec
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.swarm.cluster import IMAGE, make_params

NGINX = Start(["/docker-entrypoint.sh"], ["nginx", "-g", "daemon off;"], "SIGQUIT")
SERVER = """
import signal, sys, time
signal.signal(signal.SIGQUIT, lambda *_: sys.exit(7))
print("listens", sys.argv[1:], flush=True)
while True:
    time.sleep(0.05)
"""


def drained(start, **given):
    return with_drain(make_params(**{"drain": "1s", **given}), start)


def as_in_a_container():
    """Whoever runs the tests in the background has them ignore the signal, and a shell cannot trap what is ignored when it starts."""
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


@contextlib.contextmanager
def started(*words):
    found = drained(Start([], list(words), "SIGQUIT"))
    command = [*found["command"], *found["args"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=as_in_a_container, start_new_session=True) as shell:
        try:
            yield shell
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)


def test_the_signal_is_held_back_and_handed_on():
    with started(sys.executable, "-c", SERVER, "two words", "$HOME") as shell:
        assert shell.stdout.readline() == "listens ['two words', '$HOME']\n"
        began = time.monotonic()
        shell.send_signal(signal.SIGQUIT)
        time.sleep(0.2)
        shell.send_signal(signal.SIGQUIT)  # Another one does not shorten it.
        assert shell.wait(20) == 7
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize("code", [0, 1, 42])
def test_a_program_that_ends_by_itself_is_waited_for_and_its_code_told(code):
    with started("/bin/sh", "-c", f"exit {code}") as shell:
        assert shell.wait(20) == code


def test_a_program_that_is_not_there():
    with started("/none/such") as shell:
        assert shell.wait(20) == 127


def test_what_the_image_runs_stands_behind_the_shell():
    found = drained(NGINX, drain="5s")
    assert found["command"][:2] == ["/bin/sh", "-c"]
    assert found["command"][3:] == ["drain", "5", "QUIT", "/docker-entrypoint.sh"]
    assert found["args"] == ["nginx", "-g", "daemon off;"]
    assert found["stop_signal"] == "SIGQUIT"


@pytest.mark.parametrize(
    ("given", "ends"),
    [
        ({"args": ["nginx-debug"]}, (["QUIT", "/docker-entrypoint.sh"], ["nginx-debug"])),
        # Who replaces the entrypoint does without the image's command, as in the engine.
        ({"command": ["/bin/web"]}, (["QUIT", "/bin/web"], [])),
        ({"command": ["/bin/web"], "args": ["--fast"], "stop_signal": "SIGTERM"}, (["TERM", "/bin/web"], ["--fast"])),
    ],
)
def test_what_the_service_says_stands_in_place_of_the_image(given, ends):
    found = drained(NGINX, **given)
    assert (found["command"][5:], found["args"]) == ends


def test_an_image_that_names_no_signal():
    assert drained(Start(["/bin/web"], [], ""))["stop_signal"] == "SIGTERM"


@pytest.mark.parametrize("given", [{}, {"drain": "0s"}, {"drain": "0"}])
def test_without_a_drain_nothing_changes(given):
    params = make_params(command=["/bin/web"], **given)
    assert with_drain(params, NGINX) is params


def test_it_is_told_in_the_parameters_terms():
    spec = build_spec(drained(NGINX, drain="1m5s"), IMAGE, Known())
    told = describe_service(spec, {})
    assert (told["drain"], told["command"], told["args"]) == ("1m5s", ["/docker-entrypoint.sh"], NGINX.cmd)
    assert without_drain(["/bin/sh", "-c", "exec web"]) == ("0s", ["/bin/sh", "-c", "exec web"])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"drain": "5"}, ["drain is '5'", "write 5s"]),
        ({"drain": "1500ms"}, ["drain is '1500ms'", "whole seconds"]),
        ({"drain": "10s"}, ["drain is '10s'", "stop_grace_period is '10s'", "Set stop_grace_period to 20s or more"]),
        ({"drain": "30s", "stop_grace_period": "30s"}, ["killed before its program", "40s or more"]),
        ({"drain": "5s", "pin_digest": False}, ["drain is '5s' and pin_digest is false", "Set command and stop_signal"]),
        ({"drain": "5s", "pin_digest": False, "command": ["web"]}, ["pin_digest is false"]),
    ],
)
def test_refused_before_anybody_is_asked(given, says):
    with pytest.raises(InvalidService) as caught:
        check_params(make_params(**given))
    for text in says:
        assert text in str(caught.value)


def test_what_the_nodes_have_with_all_that_is_needed():
    check_params(make_params(drain="5s", pin_digest=False, command=["web"], stop_signal="SIGTERM"))


@pytest.mark.parametrize(
    ("start", "says"),
    [
        (Start([], [], ""), ["does not say what to run", "Set command."]),
        (Start(["/sbin/init"], [], "SIGRTMIN+3"), ["the signal is 'SIGRTMIN+3'", "Set stop_signal"]),
    ],
)
def test_images_that_cannot_have_it(start, says):
    with pytest.raises(InvalidService) as caught:
        drained(start)
    for text in says:
        assert text in str(caught.value)
