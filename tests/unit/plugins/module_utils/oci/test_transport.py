# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP to a registry: retries, log-ins, redirects, and the ugly answers."""

from __future__ import annotations

import select
import socket
import threading
import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci.auth import Credentials
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    ConnectionFailed,
    ContentError,
    RegistryError,
    ResponseError,
    Unauthorized,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.origin import parse_registry_url
from ansible_collections.dockyard.registry.plugins.module_utils.oci.retry import RetryPolicy
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import Body, Readable, bytes_body, read_all
from ansible_collections.dockyard.registry.plugins.module_utils.oci.transport import Request, Transport
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Hangup,
    Reply,
    ScriptedServer,
    as_json,
    registry_error,
)

USER = Credentials("ada", "hunter2")
GET = Request("GET", "/v2/x")


@pytest.fixture
def transports(sleeps: list[float]) -> t.Iterator[t.Callable[..., Transport]]:
    made: list[Transport] = []

    def make(url: str, **settings: t.Any) -> Transport:
        made.append(Transport(parse_registry_url(url), retry=RetryPolicy(sleep=sleeps.append), **settings))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


@pytest.fixture
def transport(server: ScriptedServer, transports: t.Callable[..., Transport]) -> Transport:
    return transports(server.url)


def test_one_connection_serves_many_requests(server: ScriptedServer, transport: Transport) -> None:
    server.on("GET", "/v2/x", Reply(body=b"a"), Reply(204), registry_error(404, "X"), Reply(body=b"b"))
    server.on("HEAD", "/v2/x", Reply(body=b"ignored"))
    transport.request(GET, limit=10)
    transport.request(Request("HEAD", "/v2/x"), limit=10)
    transport.request(Request("GET", "/v2/x", expect=(204,)), limit=10)
    with pytest.raises(ResponseError):
        transport.request(GET, limit=10)
    assert transport.request(GET, limit=10).body == b"b"
    assert len({request.connection for request in server.seen}) == 1


def test_a_connection_the_server_closed_is_not_used_again(
    server: ScriptedServer, transport: Transport, sleeps: list[float]
) -> None:
    server.on("GET", "/v2/x", Reply(body=b"a", close=True))
    server.on("POST", "/v2/x", Reply(202))
    transport.request(GET, limit=10)
    (idle,) = transport._pool._idle[transport.origin]
    assert select.select([idle.sock], [], [], 10)[0], "the server did not close"
    transport.request(Request("POST", "/v2/x", expect=(202,), repeatable=False), limit=10)
    assert not sleeps


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_busy_registries_are_asked_again(
    server: ScriptedServer, transport: Transport, sleeps: list[float], status: int
) -> None:
    server.on("GET", "/v2/x", registry_error(status, "BUSY", Retry_After="3"), Reply(body=b"a"))
    assert transport.request(GET, limit=10).body == b"a"
    assert sleeps == [3]


def test_lost_connections_and_short_answers_are_asked_again(
    server: ScriptedServer, transport: Transport, sleeps: list[float]
) -> None:
    server.on("GET", "/v2/x", Hangup(), Reply(body=b"abcdef", cut=3), Reply(body=b"abcdef"))
    assert transport.request(GET, limit=10).body == b"abcdef"
    assert len(sleeps) == 2


def test_attempts_end(server: ScriptedServer, transport: Transport) -> None:
    server.on("GET", "/v2/x", *[Reply(body=b"abcdef", cut=3)] * 5)
    with pytest.raises(ConnectionFailed, match="cut off") as caught:
        transport.request(GET, limit=10)
    assert caught.value.reason == "closed"


@pytest.mark.parametrize("reply", [registry_error(503, "BUSY"), Hangup()])
def test_what_may_not_be_repeated_is_not(server: ScriptedServer, transport: Transport, reply: Reply) -> None:
    server.on("POST", "/v2/x", reply)
    with pytest.raises(RegistryError):
        transport.request(Request("POST", "/v2/x", repeatable=False), limit=10)


def test_answers_are_bounded(server: ScriptedServer, transport: Transport) -> None:
    server.on("GET", "/v2/x", Reply(body=b"x" * 11), Reply(500, b"x" * 300_000), Reply(body=b"x" * 10))
    with pytest.raises(ContentError, match="more than 10 bytes"):
        transport.request(GET, limit=10)
    assert len(transport.request(GET, limit=10).body) == 10


def test_a_body_without_a_length_is_bounded_too(server: ScriptedServer, transport: Transport) -> None:
    endless = Reply(body=b"x" * 1_000_000, headers={"Content-Length": ""}, close=True)
    server.on("GET", "/v2/x", endless, Reply(body=b"abc", headers={"Content-Length": ""}, close=True))
    with pytest.raises(ContentError, match="more than 10 bytes"):
        transport.request(GET, limit=10)
    assert transport.request(GET, limit=10).body == b"abc"


def test_a_stream_that_ends_early_is_an_error(server: ScriptedServer, transport: Transport) -> None:
    server.on("GET", "/v2/x", Reply(body=b"x" * 100_000, cut=50_000))
    with pytest.raises(ConnectionFailed, match="cut off"):
        read_all(transport.open(GET))


def test_a_body_in_chunks(server: ScriptedServer, transport: Transport) -> None:
    chunks = Reply(headers={"Transfer-Encoding": "chunked", "Content-Length": "0"}, body=b"3\r\nabc\r\n0\r\n\r\n")
    cut = Reply(headers={"Transfer-Encoding": "chunked", "Content-Length": "0"}, body=b"9\r\nabc", close=True)
    server.on("GET", "/v2/x", chunks, cut, chunks)
    assert [transport.request(GET, limit=10).body for _time in range(2)] == [b"abc", b"abc"]


def test_bodies_are_sent_whole_and_again_after_a_login(
    server: ScriptedServer, transports: t.Callable[..., Transport]
) -> None:
    data = bytes(range(256)) * 8192
    server.on("PUT", "/v2/x", registry_error(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="x"'), Reply(201))
    request = Request("PUT", "/v2/x", body=bytes_body(data), expect=(201,), repeatable=False)
    transports(server.url, credentials=USER).request(request, limit=10)
    assert [request.body == data for request in server.seen] == [True, True]
    assert "Authorization" not in server.seen[0].headers
    assert server.seen[1].headers["Authorization"] == USER.header


def test_an_answer_before_the_end_of_the_body_is_heard(transports: t.Callable[..., Transport]) -> None:
    answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            connection, _address = listener.accept()
            connection.recv(1000)
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()

        thread = threading.Thread(target=refuse)
        thread.start()
        request = Request("PUT", "/v2/x", body=Body(1 << 24, lambda: Zeros(1 << 24)), repeatable=False)
        with pytest.raises(RegistryError) as caught:
            transports(f"http://127.0.0.1:{listener.getsockname()[1]}").request(request, limit=10)
        thread.join()
    # The kernel may drop the answer when the connection is reset under it: then the loss is what there is to tell.
    assert isinstance(caught.value, ConnectionFailed) or "client_max_body_size" in str(caught.value)


class Zeros:
    def __init__(self, size: int) -> None:
        self.left = size

    def readinto(self, buffer: memoryview, /) -> int:
        count = min(len(buffer), self.left)
        self.left -= count
        return count

    def close(self) -> None:
        pass


def test_a_source_that_fails_sends_nothing_and_leaves_no_half_request(
    server: ScriptedServer, transport: Transport
) -> None:
    def broken() -> Readable:
        raise ContentError("cannot be read")

    with pytest.raises(ContentError, match="cannot be read"):
        transport.request(Request("PUT", "/v2/x", body=Body(3, broken)), limit=10)
    server.on("GET", "/v2/x", Reply(body=b"a"))
    assert transport.request(GET, limit=10).body == b"a"


def bearer(realm: str) -> Reply:
    return registry_error(401, "UNAUTHORIZED", WWW_Authenticate=f'Bearer realm="{realm}/token",service="s"')


def test_bearer_login(
    server: ScriptedServer, scripted: t.Callable[..., ScriptedServer], transports: t.Callable[..., Transport]
) -> None:
    realm = scripted().on("GET", "/token?service=s&scope=a", Reply(503), as_json({"token": "secret-token"}))
    server.on("GET", "/v2/x", bearer(realm.url), Reply(body=b"a"), Reply(body=b"b"))
    transport = transports(server.url, credentials=USER)
    for _time in range(2):
        transport.request(Request("GET", "/v2/x", scopes=("a",)), limit=10)
    assert [request.headers.get("Authorization") for request in server.seen] == [None, *["Bearer secret-token"] * 2]
    assert {request.headers["Authorization"] for request in realm.seen} == {USER.header}


def test_a_refused_password_is_not_tried_for_ever(
    server: ScriptedServer, transports: t.Callable[..., Transport]
) -> None:
    refusal = registry_error(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="x"')
    server.on("GET", "/v2/x", refusal, refusal)
    with pytest.raises(Unauthorized, match="user name and password") as caught:
        transports(server.url, credentials=USER).request(GET, limit=10)
    assert "hunter2" not in str(caught.value.as_dict()) and USER.header not in str(caught.value.as_dict())


def test_a_token_server_that_refuses_is_heard(server: ScriptedServer, transports: t.Callable[..., Transport]) -> None:
    server.on("GET", "/v2/x", bearer(server.url)).on("GET", "/token?service=s", registry_error(401, "UNAUTHORIZED"))
    with pytest.raises(Unauthorized, match="/token"):
        transports(server.url, credentials=USER).request(GET, limit=10)


def test_redirects_take_no_credentials_along(
    server: ScriptedServer, scripted: t.Callable[..., ScriptedServer], transports: t.Callable[..., Transport]
) -> None:
    storage = scripted().on("GET", "/blob?sig=1", Reply(body=b"blob"))
    server.on("GET", "/v2/x", Reply(401, headers={"WWW-Authenticate": "Basic"}))
    server.on("GET", "/v2/x", Reply(307, headers={"Location": "/v2/y"}))
    server.on("GET", "/v2/y", Reply(302, headers={"Location": f"{storage.url}/blob?sig=1"}))
    answer = transports(server.url, credentials=USER).request(GET, limit=10)
    assert answer.body == b"blob"
    assert "sig=1" in answer.url
    assert server.seen[-1].headers["Authorization"] == USER.header
    assert "Authorization" not in storage.seen[0].headers


def test_redirects_end(server: ScriptedServer, transport: Transport) -> None:
    server.on("GET", "/v2/x", *[Reply(307, headers={"Location": "/v2/x"})] * 6)
    with pytest.raises(RegistryError, match="more than 5 redirects"):
        transport.request(GET, limit=10)


def test_writes_are_not_redirected(server: ScriptedServer, transport: Transport) -> None:
    server.on("POST", "/v2/x", Reply(307, headers={"Location": "http://elsewhere.invalid/"}))
    with pytest.raises(ResponseError, match="307"):
        transport.request(Request("POST", "/v2/x"), limit=10)


@pytest.mark.parametrize("location", ["ftp://x/y", "http://[x", "http://x:99999/"])
def test_redirects_to_nowhere(server: ScriptedServer, transport: Transport, location: str) -> None:
    server.on("GET", "/v2/x", Reply(307, headers={"Location": location}))
    with pytest.raises(RegistryError):
        transport.request(GET, limit=10)


def test_nothing_listens(transports: t.Callable[..., Transport], sleeps: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionFailed, match="Is the registry running") as caught:
        transports(f"http://127.0.0.1:{port}").request(GET, limit=10)
    assert caught.value.reason == "refused"
    assert len(sleeps) == 4


def test_a_server_that_speaks_something_else(transports: t.Callable[..., Transport], sleeps: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            connection, _address = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(ConnectionFailed, match="not an HTTP answer"):
            transports(f"http://127.0.0.1:{listener.getsockname()[1]}").request(GET, limit=10)
        thread.join()
    assert not sleeps


def served(answers: bytes, *, whole: bool = True) -> tuple[str, threading.Thread]:
    """Serve one connection: hear three requests, give these answers to them all, and hang up unless they are whole."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _address = listener.accept()
        with listener, connection:
            heard = b""
            while heard.count(b"\r\n\r\n") < 3:
                heard += connection.recv(10_000)
            connection.sendall(answers)
            if whole:
                connection.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", thread


TARGETS = ["/v2/a", "/v2/b", "/v2/c"]


def test_heads_in_one_piece(server: ScriptedServer, transports: t.Callable[..., Transport]) -> None:
    transport = transports(server.url, credentials=USER)
    server.on("GET", "/v2/x", Reply(401, headers={"WWW-Authenticate": "Basic"}), Reply())
    transport.request(GET, limit=10)
    for number, target in enumerate(TARGETS):
        server.on("HEAD", target, Reply(body=b"x" * number))
    answers = transport.heads(TARGETS, {"Accept": "a/b"})
    assert [answer and (answer.url, answer.header("content-length")) for answer in answers] == [
        (f"{server.url}{target}", str(number)) for number, target in enumerate(TARGETS)
    ]
    assert transport.requests == 5
    assert len({request.connection for request in server.seen}) == 1
    assert {(seen.headers["Accept"], seen.headers["Authorization"]) for seen in server.seen[2:]} == {("a/b", USER.header)}


@pytest.mark.parametrize("status", [204, 302, 401, 404, 429, 503])
def test_what_is_no_200_is_left_to_be_asked_alone(server: ScriptedServer, transport: Transport, status: int) -> None:
    server.on("HEAD", "/v2/a", Reply()).on("HEAD", "/v2/b", Reply(status), Reply()).on("HEAD", "/v2/c", Reply(), Reply())
    first = transport.heads(TARGETS, {})
    assert [bool(answer) for answer in first] == [True, False, True]
    assert all(transport.heads(["/v2/b", "/v2/c"], {})), "one refusal is no reason to ask one by one from now on"


def test_a_server_that_closes_leaves_the_rest(server: ScriptedServer, transport: Transport) -> None:
    server.on("HEAD", "/v2/a", Reply(headers={"Connection": "close"}), Reply()).always("HEAD", "/v2/b", Reply())
    assert [bool(answer) for answer in transport.heads(TARGETS, {})] == [True, False, False]
    assert all(transport.heads(["/v2/a", "/v2/b"], {}))


@pytest.mark.parametrize("broken", [b"", b"HTTP/1.1 200", b"HTTP/1.1 2000 OK\r\n\r\n", b"SSH-2.0\r\n"])
def test_a_server_that_takes_one_at_a_time_is_asked_so(transports: t.Callable[..., Transport], broken: bytes) -> None:
    url, thread = served(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + broken, whole=False)
    transport = transports(url)
    assert [bool(answer) for answer in transport.heads(TARGETS, {})] == [True, False, False]
    thread.join()
    # Nothing listens there any more: to ask in one piece again would be an error.
    assert transport.heads(TARGETS, {}) == [None] * 3


def test_an_answer_too_many_belongs_to_no_question(transports: t.Callable[..., Transport]) -> None:
    url, thread = served(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" * 4)
    transport = transports(url)
    assert all(transport.heads(TARGETS, {}))
    assert not transport._pool._idle.get(transport.origin), "the next question would get the fourth answer"
    transport.close()
    thread.join()


def test_nobody_answers_to_heads(transports: t.Callable[..., Transport]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert transports(f"http://127.0.0.1:{port}").heads(TARGETS, {}) == [None] * 3


def test_http_goes_through_a_proxy(
    scripted: t.Callable[..., ScriptedServer], transports: t.Callable[..., Transport], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = scripted().on("GET", "http://registry.invalid:5000/v2/x", Reply(body=b"a"))
    monkeypatch.setenv("http_proxy", proxy.url.replace("http://", "http://me:pw@"))
    transport = transports("http://registry.invalid:5000", credentials=USER)
    assert transport.request(GET, limit=10).body == b"a"
    proxy.on("HEAD", "http://registry.invalid:5000/v2/a", Reply())
    assert all(transport.heads(["/v2/a"], {}))
    assert proxy.seen[1].headers["Proxy-Authorization"] == Credentials("me", "pw").header
    assert proxy.seen[0].headers["Proxy-Authorization"] == Credentials("me", "pw").header
    assert proxy.seen[0].headers["Host"] == "registry.invalid:5000"


def test_an_error_whose_body_is_cut_off_is_still_that_error(server: ScriptedServer, transport: Transport) -> None:
    """Distribution 2.8 does so with 416: it promises the blob's own length."""
    server.on("GET", "/v2/x", Reply(416, b"invalid range", {"Content-Length": "2999967"}, close=True))
    with pytest.raises(ResponseError, match="416: invalid range"):
        transport.request(Request("GET", "/v2/x"), limit=100)


def test_what_a_signed_url_holds_is_not_shown(server: ScriptedServer, transport: Transport) -> None:
    server.on("GET", "/v2/x?_state=secret", Reply(body=b"too much"))
    with pytest.raises(ContentError, match="_state=REDACTED answered with more than 3"):
        transport.request(Request("GET", "/v2/x?_state=secret"), limit=3)
