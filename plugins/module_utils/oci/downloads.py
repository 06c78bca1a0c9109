# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading blobs (OCI distribution spec, "Pulling blobs"), also from the middle, and on from where a connection broke."""

from __future__ import annotations

import re

from .auth import Scopes
from .errors import ConnectionFailed, ContentError
from .streams import LimitedReader, Readable, drain_to
from .transport import OpenAnswer, Request, Transport

MAX_RESUMES = 10
"""Times that one blob is gone on with after its connection broke."""

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/(?:[0-9]{1,18}|\*)", re.IGNORECASE)


def open_range(
    transport: Transport, target: str, scopes: Scopes, *, offset: int = 0, length: int | None = None
) -> Readable:
    """Open a blob's bytes from ``offset`` on, ``length`` of them or all that follow (RFC 9110, 14.2).

    A registry may leave a Range unheeded and send all: then what comes before is read and dropped.

    :raises ContentError: if another range comes than was asked for.
    """
    last = "" if length is None else str(offset + length - 1)
    headers = {"Range": f"bytes={offset}-{last}"} if offset or length is not None else {}
    answer = transport.open(Request("GET", target, headers, scopes=scopes, expect=(200, 206)))
    try:
        if answer.status == 206:
            _check_start(answer, offset)
        else:
            drain_to(answer, offset)
    except BaseException:
        answer.close()
        raise
    return answer if length is None else LimitedReader(answer, length)


class ResumingReader:
    """Reads a blob to its end; a connection that breaks is opened again where it broke."""

    def __init__(self, transport: Transport, target: str, scopes: Scopes) -> None:
        self._transport = transport
        self._target = target
        self._scopes = scopes
        self._offset = 0
        self._resumes = 0
        self._stream = open_range(transport, target, scopes)

    def readinto(self, buffer: memoryview, /) -> int:
        """Read on; 0 at the end.

        :raises ConnectionFailed: if the connection has broken more than :data:`MAX_RESUMES` times.
        """
        while True:
            try:
                size = self._stream.readinto(buffer)
            except ConnectionFailed as error:
                self._resumes += 1
                if self._resumes > MAX_RESUMES or not error.transient:
                    error.given_up = True
                    raise
                self._transport.retry.pause(self._resumes)
                self._stream = open_range(self._transport, self._target, self._scopes, offset=self._offset)
                continue
            self._offset += size
            return size

    def close(self) -> None:
        """Give the connection back."""
        self._stream.close()


def _check_start(answer: OpenAnswer, offset: int) -> None:
    given = answer.headers.get("Content-Range", "") or ""
    found = _CONTENT_RANGE.fullmatch(given.strip())
    if not found or int(found[1]) != offset:
        raise ContentError(f"GET {answer.shown_url}: bytes from {offset} on were asked for, and {given[:80]!r} came.")
