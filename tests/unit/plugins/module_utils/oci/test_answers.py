# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The head of an answer, read by hand: the same as Python's library reads."""

from __future__ import annotations

import http.client
import io
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.answers import QuickResponse


class Socket:
    """Hands out an answer."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def makefile(self, *_mode: str) -> t.BinaryIO:
        return io.BytesIO(self._answer)


def read(answer: bytes, method: str, kind: type[http.client.HTTPResponse]) -> tuple[object, ...]:
    response = kind(Socket(answer), method=method)  # type: ignore[arg-type]
    response.begin()
    names = ("content-type", "Link", "X-Folded", "absent")
    headers = [(response.headers.get(name), response.headers.get_all(name)) for name in names]
    facts = (response.status, response.reason, response.version, response.length, response.chunked, response.will_close)
    return (*facts, headers, response.read())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: text/plain\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nLink: <a>\r\nlink: <b>\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nabc",
        b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc",
        b"HTTP/1.1 404 Not Found\r\nX-Empty:\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
def test_as_the_library_does(answer: bytes, method: str) -> None:
    assert read(answer, method, QuickResponse) == read(answer, method, http.client.HTTPResponse)


def test_a_line_that_goes_on() -> None:
    response = QuickResponse(Socket(b"HTTP/1.1 200 OK\r\nX-Folded: a\r\n\tb\r\nContent-Length: 0\r\n\r\n"))  # type: ignore[arg-type]
    response.begin()
    response.begin()  # as the library: once is enough
    assert response.headers.get("x-folded") == "a b"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/2 200 OK\r\n\r\n", http.client.UnknownProtocol),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 70_000 + b"\r\n\r\n", http.client.LineTooLong),
        (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 300 + b"\r\n", http.client.HTTPException),
        (b"", http.client.RemoteDisconnected),
        (b"SSH-2.0-OpenSSH\r\n", http.client.BadStatusLine),
    ],
)
def test_what_is_no_answer(answer: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        QuickResponse(Socket(answer)).begin()  # type: ignore[arg-type]
