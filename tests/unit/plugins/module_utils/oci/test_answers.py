# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The head of an answer, read by hand: the same as Python's library reads."""

from __future__ import annotations

import http.client
import io
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.answers import QuickResponse, write_head
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import read_chunks
from ansible_collections.dockyard.registry.plugins.module_utils.oci.wire import Wire


class Socket:
    """Hands out an answer, a few bytes at a time."""

    def __init__(self, answer: bytes, step: int = 1_000_000) -> None:
        self._answer = io.BytesIO(answer)
        self._step = step

    def makefile(self, *_mode: str) -> t.BinaryIO:
        return self._answer

    def recv(self, size: int) -> bytes:
        return self._answer.read(min(size, self._step))

    def recv_into(self, buffer: memoryview) -> int:
        return self._answer.readinto(buffer[: self._step])


def wire(answer: bytes, step: int = 1_000_000) -> Wire:
    return Wire(Socket(answer, step))  # type: ignore[arg-type]


def read(response: http.client.HTTPResponse) -> tuple[object, ...]:
    response.begin()
    names = ("content-type", "Link", "X-Folded", "absent")
    headers = [(response.headers.get(name), response.headers.get_all(name)) for name in names]
    facts = (response.status, response.reason, response.version, response.length, response.chunked, response.will_close)
    return (*facts, headers, b"".join(bytes(chunk) for chunk in read_chunks(response, 2)))


@pytest.mark.parametrize("step", [1, 7, 1_000_000])
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
def test_as_the_library_does(answer: bytes, method: str, step: int) -> None:
    expected = http.client.HTTPResponse(Socket(answer), method=method)  # type: ignore[arg-type]
    assert read(QuickResponse(wire(answer, step), method)) == read(expected)


def test_lines_that_go_on_and_answers_that_go_before() -> None:
    answer = b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nX-Folded: a\r\n\tb \n c\r\nContent-Length: 0\r\n\r\n"
    response = QuickResponse(wire(answer))
    response.begin()
    response.begin()  # as the library: once is enough
    assert response.status == 200 and response.headers.get("x-folded") == "a b c"
    assert response.headers.get("Link", "none") == "none" and response.headers.get_all("Link") is None


def test_one_answer_after_the_other() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nde!"
    both = wire(answer)
    first = QuickResponse(both, "GET")
    first.begin()
    buffer = bytearray(8)
    assert (first.readinto(buffer), bytes(buffer[:3]), first.status) == (3, b"abc", 200)
    second = QuickResponse(both, "GET")
    second.begin()
    assert (second.status, second.read(), second.isclosed()) == (202, b"de", True)
    assert both.has_rest


def test_bodies_come_as_they_are_asked_for() -> None:
    assert wire(b"abcdef", 2).read() == b"abcdef"
    assert wire(b"abcdef", 2).read(5) == b"abcde"
    assert wire(b"abc", 2).read(5) == b"abc"
    lines = wire(b"ab\ncd", 1)
    assert [lines.readline(2), lines.readline(9), lines.readline(9), lines.readline(9)] == [b"ab", b"\n", b"cd", b""]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/2 200 OK\r\n\r\n", http.client.UnknownProtocol),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 70_000 + b"\r\n\r\n", http.client.LineTooLong),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 700_000, http.client.LineTooLong),
        (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 300 + b"\r\n", http.client.HTTPException),
        (b"HTTP/1.1 200 OK\r\nX: a\r\n", http.client.IncompleteRead),
        (b"HTTP/1.1 2000 OK\r\n\r\n", http.client.BadStatusLine),
        (b"HTTP/1.1\r\n\r\n", http.client.BadStatusLine),
        (b"", http.client.RemoteDisconnected),
        (b"SSH-2.0-OpenSSH\r\n", http.client.BadStatusLine),
    ],
)
def test_what_is_no_answer(answer: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        QuickResponse(wire(answer)).begin()


def test_a_field_cannot_end_its_line() -> None:
    for value in ("a\r\nX: b", "a\nb", "a\0"):
        with pytest.raises(ValueError, match="holds the end of a line"):
            write_head(t.cast("t.Any", None), "GET", "/", {"Accept": value})
