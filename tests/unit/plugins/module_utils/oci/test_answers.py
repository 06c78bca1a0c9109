# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The head of an answer, read by hand: the same as Python's library reads."""

from __future__ import annotations

import http.client
import io
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.answers import Response, heads
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import Readable, read_chunks
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


NAMES = ("content-type", "Link", "X-Folded", "absent")


def body(response: Readable) -> bytes:
    """Read with a buffer that no chunk fits."""
    return b"".join(bytes(chunk) for chunk in read_chunks(response, 2))


def expected(answer: bytes, method: str) -> tuple[object, ...]:
    """What the library makes of it."""
    response = http.client.HTTPResponse(Socket(answer), method=method)  # type: ignore[arg-type]
    response.begin()
    headers = [(response.headers.get(name), response.headers.get_all(name)) for name in NAMES]
    return response.status, response.will_close, headers, body(response), response.isclosed()


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
    response = Response(wire(answer, step), method)
    headers = [(response.headers.get(name), response.headers.get_all(name)) for name in NAMES]
    found = (response.status, response.will_close, headers, body(response), response.ended)
    assert found == expected(answer, method)


def test_lines_that_go_on_and_answers_that_go_before() -> None:
    answer = b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nX-Folded: a\r\n\tb \n c\r\nContent-Length: 0\r\n\r\n"
    response = Response(wire(answer), "GET")
    assert response.status == 200 and response.headers.get("x-folded") == "a b c"
    assert response.headers.get("Link", "none") == "none" and response.headers.get_all("Link") is None


def test_one_answer_after_the_other() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nde!"
    both = wire(answer)
    first = Response(both, "GET")
    assert (first.status, first.length) == (200, 3)
    assert (body(first), first.ended, first.length) == (b"abc", True, 0)
    second = Response(both, "GET")
    assert (second.status, body(second), second.ended) == (202, b"de", True)
    assert both.has_rest


def test_chunks_with_extensions_and_trailers() -> None:
    both = wire(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nab\r\nA\r\ncdefghijkl\r\n0\r\nX: y\r\n\r\nHTTP")
    response = Response(both, "GET")
    assert response.length is None and not response.will_close
    assert (body(response), response.ended, both.has_rest) == (b"abcdefghijkl", True, True)


@pytest.mark.parametrize(
    ("chunks", "error"),
    [
        (b"x\r\n", http.client.HTTPException),
        (b"-3\r\nabc\r\n", http.client.HTTPException),
        (b"2\r\nabc\r\n0\r\n\r\n", http.client.HTTPException),
        (b"9\r\nabc", http.client.IncompleteRead),
        (b"3\r\nabc", http.client.IncompleteRead),
        (b"3\r\nabc\r\n", http.client.IncompleteRead),
        (b"3\r\nabc\r\n0\r\nX: y", http.client.IncompleteRead),
        (b"0" * 100_000, http.client.LineTooLong),
    ],
)
def test_broken_chunks(chunks: bytes, error: type[Exception]) -> None:
    response = Response(wire(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks), "GET")
    with pytest.raises(error):
        body(response)


def test_a_body_that_ends_early() -> None:
    response = Response(wire(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), "GET")
    with pytest.raises(http.client.IncompleteRead):
        body(response)


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
        Response(wire(answer), "GET")


def test_a_field_cannot_end_its_line() -> None:
    for value in ("a\r\nX: b", "a\nb", "a\0"):
        with pytest.raises(ValueError, match="holds the end of a line"):
            heads("GET", ["/"], {"Accept": value})
