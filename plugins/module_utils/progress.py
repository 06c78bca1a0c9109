# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line that says how far a long piece of work is, in a small file for whoever watches the host.

A module cannot print while it works; plugins/plugin_utils/long_work.py reads the file and shows the line.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import typing as t

from .oci.errors import InvalidSettings

EVERY = 1.0
"""Seconds between two writes at least: nobody reads more often."""

Report = t.Callable[[str], None]
"""Takes the line that says how far the work is."""


@contextlib.contextmanager
def watching(report: Report, line: t.Callable[[], str]) -> t.Iterator[None]:
    """Report every `EVERY` seconds, by another thread, what ``line`` returns then, until the block ends."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(EVERY):
            report(line())

    watcher = threading.Thread(target=watch, name="progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def since(what: str) -> t.Callable[[], str]:
    """Return what makes the line of work whose end cannot be foretold: what is done, and for how long."""
    began = time.monotonic()
    return lambda: f"{what} since {time.monotonic() - began:.0f} s"


class Progress:
    """One line, replaced by the next. Without a path all of it does nothing. Threads may share it.

    :raises InvalidSettings: if the file is there already, for it may be somebody's trap, or if it cannot be made.
    """

    def __init__(self, path: str | None, *, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._next = float("-inf")
        # Made at once and by nobody else: in a folder for all, a link with this name might lead anywhere.
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600) if path else -1
        except OSError as error:
            raise InvalidSettings(
                f"progress_file is {path}, which cannot be made: {error.strerror}.", hint="Leave it out."
            ) from error

    def report(self, line: str) -> None:
        """Replace the line, unless the last one is less than `EVERY` seconds old. No secret may be in it."""
        with self._lock:
            now = self._clock()
            if self._file < 0 or now < self._next:
                return
            self._next = now + EVERY
            data = (" ".join(line.split()) + "\n").encode("utf-8", "replace")
            # Cut first: whoever reads in between gets less than a line, which has no end yet, and waits for it.
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, data, 0)

    def close(self) -> None:
        """Remove the file."""
        with self._lock:
            if self._file < 0:
                return
            os.close(self._file)
            self._file = -1
            os.unlink(t.cast(str, self._path))

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
