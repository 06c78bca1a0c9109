# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking a Docker Engine on its socket what it knows (Engine API 1.41 and later), with GET and nothing else.

For looking at an engine that may be broken: every failure is a :class:`EngineFailed` that says how.
"""

from __future__ import annotations

import http.client
import json
import os
import typing as t
from urllib.parse import quote, urlencode

from ..oci.engine import UnixConnection
from ..oci.errors import RegistryError

SOCKET = "/var/run/docker.sock"

_MAX_ANSWER = 16 * 1024 * 1024


class EngineFailed(RegistryError):
    """The engine gives no answer, or another than the one asked for; ``status`` is 0 if it gave none."""

    def __init__(self, message: str, *, status: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class EngineReader:
    """Reads from one engine; a connection for each question, so that one that hangs does not spoil the next."""

    def __init__(self, path: str = SOCKET, *, timeout: float = 10.0) -> None:
        self.path = path
        self._timeout = timeout

    def json(self, target: str, **query: t.Any) -> t.Any:
        """Return an answer's JSON; values of ``query`` that are no text are sent as JSON.

        :raises EngineFailed: if there is none.
        """
        answer = self.read(target, **query)
        try:
            return json.loads(answer)
        except ValueError as error:
            raise EngineFailed(f"what answers on {self.path} is no Docker Engine.") from error

    def read(self, target: str, **query: t.Any) -> bytes:
        """Return an answer's bytes, at most 16 MiB of them. Raises as :meth:`json`."""
        values = {key: value if isinstance(value, str) else json.dumps(value) for key, value in query.items()}
        path = quote(target, safe="/:@") + (f"?{urlencode(values)}" if values else "")
        connection = UnixConnection(self.path, self._timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read(_MAX_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise self._no_answer(error) from error
        finally:
            connection.close()
        if response.status != 200:
            raise EngineFailed(f"GET {target} on {self.path} answered {response.status}.", status=response.status)
        return body

    def _no_answer(self, error: Exception) -> EngineFailed:
        hint = "Start it: systemctl start docker. Its log: journalctl -u docker."
        if isinstance(error, PermissionError):
            hint = "Set become: true, or add the user to the group docker."
        detail = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
        there = "" if os.path.exists(self.path) else ", which does not exist"
        return EngineFailed(f"the Docker Engine does not answer on {self.path}{there} ({detail}).", hint=hint)
