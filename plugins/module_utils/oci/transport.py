# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP to one registry: logging in, retries, redirects, bounded answers.

Nothing here knows what a manifest is. A :class:`Transport` may be shared by threads. What it guarantees:

- The Authorization header is set on requests to the registry's own origin and nowhere else.
- Only requests that may be repeated are (RFC 9110, 9.2.2), on 408, 429, 5xx and lost connections.
- Answers are read up to a limit, and an answer that ends early is an error, never a short result.
- Several questions go in one piece only if they are HEADs, and what is not answered then is left to be asked alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import typing as t
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from .answers import Connection, Headers, Response, heads
from .auth import CLIENT_ID, Authenticator, Login, Scopes, TokenRequest
from .connections import ConnectionPool, Timeouts, TlsSettings, connection_error
from .errors import ConnectionFailed, ContentError, RegistryError, redact_url, response_error
from .origin import HostPort, Origin, resolve_url
from .retry import RetryPolicy, parse_retry_after
from .streams import Body, bytes_body, read_chunks
from .trust import may_follow

T = t.TypeVar("T")

USER_AGENT = CLIENT_ID
MAX_REDIRECTS = 5
_MAX_TOKEN_BODY = 64 * 1024
_SMALL_BUFFER = 64 * 1024
_MAX_EXPLANATION_READS = 16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAFE_IN_TARGET = "!#$%&'()*+,/:;=?@[]~"


@dataclasses.dataclass(frozen=True)
class Request:
    """What to ask the registry. ``target`` is the path and query; ``expect`` the statuses that are no error."""

    method: str
    target: str
    headers: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    body: Body | None = None
    scopes: Scopes = ()
    expect: tuple[int, ...] = (200,)
    repeatable: bool = True


@dataclasses.dataclass(frozen=True)
class Answer:
    """A whole answer. Header names are looked up in any case."""

    status: int
    headers: Headers
    body: bytes
    url: str

    @property
    def shown_url(self) -> str:
        """The URL for a message: what is in it may be as good as a password."""
        return redact_url(self.url)

    def header(self, name: str) -> str:
        """Return a header's value, empty if it is not there."""
        return self.headers.get(name, "") or ""


class OpenAnswer:
    """An answer whose body is still to be read; it holds its connection until :meth:`close`."""

    def __init__(
        self, pool: ConnectionPool, origin: Origin, connection: Connection, request: _Sent
    ) -> None:
        self._pool = pool
        self._origin = origin
        self._connection: Connection | None = connection
        self._request = request
        try:
            self._response = Response(connection.wire, request.method)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise connection_error(request.method, request.url, error) from error
        self.status = self._response.status
        self.headers = self._response.headers
        self.url = request.url

    @property
    def shown_url(self) -> str:
        """The URL for a message: storage that serves blobs itself puts a signature into it."""
        return redact_url(self.url)

    def readinto(self, buffer: memoryview, /) -> int:
        """Read on; 0 at the end.

        :raises ConnectionFailed: if the connection is lost before the promised end.
        """
        try:
            return self._response.readinto(buffer)
        except (OSError, http.client.HTTPException) as error:
            self._abort()
            raise connection_error(self._request.method, self.url, error) from error

    def read(self, limit: int) -> bytes:
        """Return the rest of the body, of at most ``limit`` bytes, and close.

        :raises ContentError: if there is more.
        """
        parts: list[bytes] = []
        total = 0
        # A buffer is filled with zeros first, which is more than most answers hold.
        length = self._response.length
        size = _SMALL_BUFFER if length is None else min(length, _SMALL_BUFFER)
        try:
            for chunk in read_chunks(self, size) if size else ():
                parts.append(bytes(chunk))
                total += len(chunk)
                if total > limit:
                    raise ContentError(
                        f"{self._request.method} {self.shown_url} answered with more than {limit} bytes."
                    )
        finally:
            self.close()
        return b"".join(parts)

    def explanation(self) -> bytes:
        """Return the beginning of an error's body, and close. The status says what happened, even if this is cut off."""
        parts: list[bytes] = []
        # Distribution 2.8 promises the whole blob's length with a 416, and then sends a line.
        with contextlib.suppress(ConnectionFailed):
            for chunk in read_chunks(self, _SMALL_BUFFER):
                parts.append(bytes(chunk))
                if len(parts) == _MAX_EXPLANATION_READS:
                    break
        self.close()
        return b"".join(parts)

    def close(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        if self._connection is None:
            return
        if self._response.ended:
            if self._response.will_close:
                self._connection.close()
            self._pool.release(self._origin, self._connection)
            self._connection = None
        else:
            self._abort()

    def _abort(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Sent(t.NamedTuple):
    method: str
    url: str


class Transport:
    """Sends requests to one registry. Close it, or use it as a context manager."""

    def __init__(
        self,
        origin: Origin,
        *,
        credentials: Login | None = None,
        token_hosts: t.Collection[HostPort] = (),
        tls: TlsSettings | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.origin = origin
        self.retry = retry or RetryPolicy()
        self._pool = ConnectionPool(origin, tls or TlsSettings(), timeouts or Timeouts())
        self._authenticator = Authenticator(origin, credentials, self._fetch_token, token_hosts=token_hosts)
        self._pipelines = True

    @property
    def requests(self) -> int:
        """The number of requests that were sent, those that were tried again and those for tokens among them."""
        return self._pool.requests

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()

    def request(self, request: Request, *, limit: int) -> Answer:
        """Send a request and return the whole answer, with a body of at most ``limit`` bytes.

        :raises ResponseError: for a status that is not expected.
        :raises ConnectionFailed: if there is no whole answer.
        """

        def attempt() -> Answer:
            answer = self._checked(request)
            return Answer(answer.status, answer.headers, answer.read(limit), answer.url)

        return self._repeated(request, attempt)

    def open(self, request: Request) -> OpenAnswer:
        """Send a request and return the answer with its body unread; the caller closes it. Raises as ``request``."""
        return self._repeated(request, lambda: self._checked(request))

    def heads(self, targets: t.Sequence[str], headers: t.Mapping[str, str], scopes: Scopes = ()) -> list[Answer | None]:
        """Send HEADs in one piece on one connection, and return the answers in their order (RFC 9112, 9.3.2).

        To send each question and to wait for its answer by itself is most of what many small ones cost. None stands for all
        but a 200: :meth:`request` is to ask for that, which logs in, follows, waits and explains.
        """
        answers: list[Answer | None] = [None] * len(targets)
        if not self._pipelines:
            return answers
        shown = f"{self.origin}{targets[0]}"
        prefix, fields = self._addressed(self.origin, headers, self._authenticator.header(scopes))
        asked = [prefix + quote(target, safe=_SAFE_IN_TARGET) for target in targets]
        with contextlib.suppress(ConnectionFailed):  # which the one that asks alone meets, too
            connection = self._pool.acquire(self.origin, "HEAD", shown, repeatable=True, requests=len(targets))
            try:
                connection.sock.sendall(heads("HEAD", asked, fields))
                for number, target in enumerate(targets):
                    response = Response(connection.wire, "HEAD")
                    if response.status == 200:
                        answers[number] = Answer(200, response.headers, b"", f"{self.origin}{target}")
                    if response.will_close:
                        connection.close()
                        break
            except (OSError, http.client.HTTPException):
                # Some proxies take one request at a time only.
                self._pipelines = False
                connection.close()
            except BaseException:
                connection.close()
                raise
            self._pool.release(self.origin, connection)
        return answers

    def _repeated(self, request: Request, attempt: t.Callable[[], T]) -> T:
        return self.retry.run(attempt) if request.repeatable else attempt()

    def _checked(self, request: Request) -> OpenAnswer:
        answer = self._followed(request)
        if answer.status in request.expect:
            return answer
        retry_after = parse_retry_after(answer.headers.get("Retry-After"))
        raise response_error(request.method, answer.url, answer.status, body=answer.explanation(), retry_after=retry_after)

    def _followed(self, request: Request) -> OpenAnswer:
        """Send, and follow redirects of GET and HEAD (storage that serves blobs itself); others stay an answer."""
        answer = self._authorised(request)
        for _hop in range(MAX_REDIRECTS):
            if answer.status not in _REDIRECTS or request.method not in ("GET", "HEAD"):
                return answer
            location = answer.headers.get("Location", "")
            if not location:
                return answer
            answer.close()
            answer = self._redirected(request, *resolve_url(answer.url, location))
        answer.close()
        raise RegistryError(
            f"{request.method} {redact_url(f'{self.origin}{request.target}')}: more than {MAX_REDIRECTS} redirects.",
            hint="Look at the proxy in front of the registry, and at the registry's storage.",
        )

    def _redirected(self, request: Request, origin: Origin, parts: SplitResult) -> OpenAnswer:
        if not may_follow(self.origin, origin):
            raise RegistryError(
                f"{request.method} {self.origin}{urlsplit(request.target).path} redirects from https to {origin}.",
                hint="Plain http was refused: check the registry's storage (redirect.disable: true avoids redirects).",
            )
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        if origin == self.origin:
            return self._authorised(dataclasses.replace(request, target=target))
        return self._send(origin, dataclasses.replace(request, target=target), None)

    def _authorised(self, request: Request) -> OpenAnswer:
        """Send to the registry itself, and once more after logging in if it asks for that."""
        sent = self._authenticator.header(request.scopes)
        answer = self._send(self.origin, request, sent)
        if answer.status != 401:
            return answer
        challenges = answer.headers.get_all("WWW-Authenticate") or []
        if not self._authenticator.accept(challenges, request.scopes, sent):
            return answer
        answer.explanation()
        return self._send(self.origin, request, self._authenticator.header(request.scopes))

    def _send(self, origin: Origin, request: Request, authorization: str | None) -> OpenAnswer:
        sent = _Sent(request.method, f"{origin}{request.target}")
        connection = self._pool.acquire(origin, *sent, repeatable=request.repeatable)
        prefix, headers = self._addressed(origin, request.headers, authorization)
        target = prefix + quote(request.target, safe=_SAFE_IN_TARGET)
        try:
            _write(connection, request, target, headers)
        except (BrokenPipeError, ConnectionResetError) as error:
            # The server may have answered before it read the whole body: that answer says more than a broken pipe.
            try:
                return OpenAnswer(self._pool, origin, connection, sent)
            except RegistryError:
                raise connection_error(*sent, error) from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise connection_error(*sent, error) from error
        except BaseException:
            connection.close()
            raise
        return OpenAnswer(self._pool, origin, connection, sent)

    def _addressed(
        self, origin: Origin, headers: t.Mapping[str, str], authorization: str | None
    ) -> tuple[str, dict[str, str]]:
        """Return what the target begins with, and the headers as they are sent."""
        headers = {"Host": origin.authority, "User-Agent": USER_AGENT, **headers}
        if authorization:
            headers["Authorization"] = authorization
        proxy = self._pool.proxy(origin)
        if proxy and origin.scheme == "http":
            return str(origin), {**headers, **proxy.headers}
        return "", headers

    def _fetch_token(self, asked: TokenRequest) -> bytes:
        request = Request("GET", asked.target)
        if asked.form is not None:
            content_type = {"Content-Type": "application/x-www-form-urlencoded"}
            request = Request("POST", asked.target, content_type, bytes_body(asked.form))

        def attempt() -> bytes:
            answer = self._send(asked.origin, request, asked.authorization)
            if answer.status != 200:
                raise response_error(request.method, answer.url, answer.status, body=answer.explanation())
            return answer.read(_MAX_TOKEN_BODY)

        return self.retry.run(attempt)


def _write(connection: Connection, request: Request, target: str, headers: t.Mapping[str, str]) -> None:
    """Write a request. The body goes from one buffer straight to the socket, with its length announced."""
    if request.body is None:
        length = {} if request.method in ("GET", "HEAD") else {"Content-Length": "0"}
        connection.sock.sendall(heads(request.method, [target], {**headers, **length}))
        return
    # Opened before the head is sent: a source that cannot be read costs no half request.
    stream = request.body.open()
    try:
        connection.sock.sendall(heads(request.method, [target], {**headers, "Content-Length": str(request.body.size)}))
        for chunk in read_chunks(stream):
            connection.sock.sendall(chunk)
    finally:
        stream.close()
