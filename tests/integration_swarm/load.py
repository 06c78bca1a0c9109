# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steady requests until a file appears, and a count of those that failed: what people who use a service notice of a rollout.

    load.py URL STOP_FILE RESULT_FILE [short|kept] [seconds between two requests] [threads]

Runs on Python's library alone, in a container or on a host. ``short`` makes a connection for each request, ``kept`` keeps one
and, as HTTP clients do (RFC 9112, 9.3.1), sends a request again on a new one if a kept connection turns out to be closed.
"""

from __future__ import annotations

import collections
import http.client
import json
import os
import sys
import threading
import time
from urllib.parse import urlsplit


class Client:
    """One that asks again and again; its name is resolved for each connection."""

    def __init__(self, url, kept):
        self.parts = urlsplit(url)
        self.kept = kept
        self.connection = None

    def request(self):
        """One request, read to its end; returns what came of it."""
        reused = self.connection is not None
        try:
            return self._request()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if not reused or not isinstance(error, (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected)):
                return f"{type(error).__name__}: {error}"
        try:
            return self._request()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return f"{type(error).__name__}: {error}"

    def _request(self):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.parts.hostname, self.parts.port or 80, timeout=10)
        headers = {} if self.kept else {"Connection": "close"}
        self.connection.request("GET", self.parts.path or "/", headers=headers)
        answer = self.connection.getresponse()
        body = answer.read()
        if not self.kept:
            self.close()
        first = body[:200].decode("utf-8", "replace").splitlines()
        return "ok" if answer.status == 200 and first else f"status {answer.status}"

    def close(self):
        """Close the connection."""
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def main(url, stop_file, result_file, mode="short", pause="0.02", threads="2"):
    """Ask until told to stop."""
    found = collections.Counter()
    when = []
    begun = time.monotonic()

    def ask():
        client = Client(url, mode == "kept")
        while not os.path.exists(stop_file):
            answer = client.request()
            found[answer] += 1
            if answer != "ok":
                when.append(round(time.monotonic() - begun, 1))
            time.sleep(float(pause))

    workers = [threading.Thread(target=ask) for _number in range(int(threads))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sent = sum(found.values())
    result = {"sent": sent, "failed": sent - found["ok"], "answers": dict(found), "when": when[:20],
              "seconds": round(time.monotonic() - begun, 1)}
    with open(f"{result_file}.part", "w", encoding="utf-8") as file:
        json.dump(result, file)
    os.rename(f"{result_file}.part", result_file)


if __name__ == "__main__":
    main(*sys.argv[1:])
