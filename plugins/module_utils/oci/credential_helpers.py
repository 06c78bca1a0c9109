# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that keep logins for Docker: ``docker-credential-NAME get`` (protocol of docker/docker-credential-helpers).

The program reads the server's name on its input and writes ``{"ServerURL", "Username", "Secret"}``. What it writes is
a secret, so no message ever shows any of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import typing as t

from .auth import Credentials, IdentityToken, Login
from .errors import InvalidSettings

TIMEOUT = 30.0
"""Seconds a helper may take; one that waits for somebody to unlock a key ring would wait for ever."""

_TOKEN_USER = "<token>"
_HINT = "Run it by hand as the user of this task, or set use_auth_files to false to do without."


def ask_helper(name: str, server: str, *, where: str, timeout: float = TIMEOUT) -> Login | None:
    """Return the login that a helper has for a server, None if it has none.

    :param name: what follows ``docker-credential-`` in the program's name, which is looked for on the PATH.
    :param server: the server as Docker names it to helpers.
    :param where: the file that names the helper, for messages.
    :param timeout: seconds.
    :raises InvalidSettings: if there is no such program, it fails, hangs, or answers with something else.
    """
    program = f"docker-credential-{name}"
    if not name or "/" in name or "\0" in name:
        raise InvalidSettings(
            f"{where} names the credential helper {name!r}.", hint="It must be a name on the PATH, not a path."
        )
    path = shutil.which(program)
    if path is None:
        raise InvalidSettings(f"{where} names the credential helper {program}, which is not on the PATH.", hint=_HINT)
    what = f"the credential helper {program} of {where}"
    try:
        status, output = run_helper([path, "get"], server, timeout=timeout)
    except TimeoutError:
        raise InvalidSettings(f"{what} gave no answer within {timeout:g} seconds.", hint=_HINT) from None
    except OSError as error:
        raise InvalidSettings(f"{what} cannot be started: {error.strerror}.", hint=_HINT) from error
    if status != 0:
        if b"credentials not found" in output.lower():
            return None
        raise InvalidSettings(f"{what} failed for {server} (exit status {status}).", hint=_HINT)
    return _login(output, what=what)


def run_helper(command: t.Sequence[str], given: str, *, timeout: float, **process: t.Any) -> tuple[int, bytes]:
    """Run a helper's command and return its exit status and what it wrote.

    :param given: what it reads on its input, the one place where a secret may stand.
    :param timeout: seconds; then it is killed, with all that it started.
    :param process: more on the process, as :class:`subprocess.Popen` takes it, such as the user to run it as.
    :raises TimeoutError: if it hangs; what it had written is not part of the error.
    :raises OSError: if it cannot be started.
    """
    helper: subprocess.Popen[bytes] = (
        subprocess.Popen(  # pylint: disable=ansible-bad-function  # run_command has no time-out, nor is it here
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that what the helper starts ends with it, and cannot ask on the terminal
            **process,
        )
    )
    with helper:
        try:
            output, _nothing = helper.communicate(given.encode(), timeout)
        except subprocess.TimeoutExpired:
            _kill(helper)
            raise TimeoutError from None
        except BaseException:
            _kill(helper)
            raise
    return helper.returncode, output


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _login(output: bytes, *, what: str) -> Login | None:
    try:
        answer = json.loads(output)
    except (ValueError, RecursionError):
        # From None: that exception holds what was not JSON.
        raise InvalidSettings(f"{what} answered with no JSON.", hint=_HINT) from None
    username = answer.get("Username") if isinstance(answer, dict) else None
    secret = answer.get("Secret") if isinstance(answer, dict) else None
    if not isinstance(username, str) or not isinstance(secret, str):
        raise InvalidSettings(f"{what} answered without a Username and a Secret.", hint=_HINT)
    if not secret:
        return None
    return IdentityToken(secret) if username == _TOKEN_USER else Credentials(username, secret)
