# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sending blobs (OCI distribution spec, "Pushing blobs"): in one piece where that goes through, in chunks where not.

One POST and one PUT are the fastest way, and are tried first. A proxy that limits the size of a request (413), or a
connection that breaks in the middle, makes the blob go in chunks, and chunks that arrived need not go again.
"""

from __future__ import annotations

import re
import typing as t
from urllib.parse import quote, urlencode

from .auth import Scopes
from .errors import ConnectionFailed, RegistryError, ResponseError
from .media_types import Descriptor
from .origin import resolve_url
from .retry import RetryPolicy
from .streams import Body, Opener, SequentialParts
from .transport import Answer, Request, Transport

ATTEMPTS = 3
"""Times that a blob is begun, and times that one chunk is sent."""

CHUNK_SIZES = (64 * 1024 * 1024, 8 * 1024 * 1024, 1024 * 1024)
"""Bytes of a chunk, tried from the left while a request is too large; the last is what nginx takes unless told."""

_SMALL = 64 * 1024
_OCTETS = {"Content-Type": "application/octet-stream"}
_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,18})")


class Upload:
    """An upload that the registry has opened; ``offset`` is the number of bytes that it has acknowledged."""

    def __init__(self, transport: Transport, target: str, scopes: Scopes) -> None:
        """Take an upload over; ``target`` is what :func:`upload_target` made of its Location."""
        self.offset = 0
        self._transport = transport
        self._target = target
        self._scopes = scopes

    def append(self, body: Body) -> None:
        """Send the next bytes (spec: "Pushing a blob in chunks")."""
        headers = {**_OCTETS, "Content-Range": f"{self.offset}-{self.offset + body.size - 1}"}
        self._follow(self._send("PATCH", self._target, headers, body, expect=(202,)), otherwise=self.offset + body.size)

    def refresh(self) -> None:
        """Ask how far the registry has come (spec: end-13), for example after an answer that was lost."""
        request = Request("GET", self._target, scopes=self._scopes, expect=(204,))
        self._follow(self._transport.request(request, limit=_SMALL), otherwise=self.offset)

    def finish(self, digest: str, body: Body | None = None) -> None:
        """Send what is left, which may be all, and have the registry verify the digest (spec: end-6)."""
        target = f"{self._target}{'&' if '?' in self._target else '?'}{urlencode({'digest': digest})}"
        self._send("PUT", target, _OCTETS, body, expect=(201,))

    def cancel(self) -> None:
        """Give the upload up (spec: end-14), so that the registry need not keep its bytes for days."""
        self._send("DELETE", self._target, {}, None, expect=(200, 202, 204, 404))

    def _send(
        self, method: str, target: str, headers: t.Mapping[str, str], body: Body | None, *, expect: tuple[int, ...]
    ) -> Answer:
        request = Request(method, target, headers, body, self._scopes, expect=expect, repeatable=False)
        return self._transport.request(request, limit=_SMALL)

    def _follow(self, answer: Answer, *, otherwise: int) -> None:
        """Use the new Location from now on, and take over how many bytes the registry has.

        An upload of no byte and one of a single byte are both ``0-0``, so that says nothing.
        """
        self._target = upload_target(answer)
        found = _RANGE.fullmatch(answer.header("Range").strip())
        self.offset = int(found[1]) + 1 if found and found[1] != "0" else otherwise


class Uploader:
    """Writes blobs to the repositories of one registry. Threads may share it, and what it has learnt of the way there."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._retry = RetryPolicy(min(ATTEMPTS, transport.retry.attempts), sleep=transport.retry.sleep)
        self._chunk_size = 0
        """Bytes; 0 while everything goes in one piece."""

    def open(self, repository: str, scopes: Scopes) -> Upload:
        """Open an upload (spec: end-4a)."""
        return Upload(self._transport, upload_target(self._post(repository, scopes, "")), scopes)

    def mount(self, repository: str, scopes: Scopes, digest: str, from_repository: str) -> Upload | None:
        """Link a blob of another repository (spec: end-11).

        :returns: None if it is done; else an upload to fill (spec: "the registry may fall back to an upload").
        """
        query = urlencode({"mount": digest, "from": from_repository})
        answer = self._post(repository, scopes, f"?{query}")
        return None if answer.status == 201 else Upload(self._transport, upload_target(answer), scopes)

    def _post(self, repository: str, scopes: Scopes, query: str) -> Answer:
        # Repeatable: a link made twice is one, and an upload that is opened twice is given up by the registry.
        target = f"/v2/{repository}/blobs/uploads/{query}"
        request = Request("POST", target, scopes=scopes, expect=(201, 202))
        return self._transport.request(request, limit=_SMALL)

    def send(
        self, repository: str, scopes: Scopes, descriptor: Descriptor, open_stream: Opener, upload: Upload | None = None
    ) -> None:
        """Write a blob. What may pass is done again from the start, so ``open_stream`` may be called several times.

        :param upload: one that is open already, for the first attempt.
        """
        opened = [upload] if upload else []

        def attempt() -> None:
            self._fill(opened.pop() if opened else self.open(repository, scopes), descriptor, open_stream)

        self._retry.run(lambda: self._in_smaller_requests(attempt))

    def _in_smaller_requests(self, attempt: t.Callable[[], None]) -> None:
        """Try; where a request is too large for something on the way, try again with smaller ones."""
        while True:
            size = self._chunk_size
            try:
                attempt()
            except ResponseError as error:
                smaller = [other for other in CHUNK_SIZES if not size or other < size]
                if error.status != 413 or not smaller:
                    raise
                self._chunk_size = smaller[0]
            except ConnectionFailed as error:
                # From now on what has arrived is not lost with the connection. One that was given up is the source's.
                if not error.given_up:
                    self._chunk_size = size or CHUNK_SIZES[0]
                raise
            else:
                return

    def _fill(self, upload: Upload, descriptor: Descriptor, open_stream: Opener) -> None:
        try:
            if not self._chunk_size or descriptor.size <= self._chunk_size:
                upload.finish(descriptor.digest, Body(descriptor.size, open_stream))
                return
            parts = SequentialParts(open_stream)
            try:
                self._fill_in_chunks(upload, descriptor.size, parts, self._chunk_size)
            finally:
                parts.close()
            upload.finish(descriptor.digest)
        except RegistryError as error:
            _give_up(upload, error)
            raise

    def _fill_in_chunks(self, upload: Upload, size: int, parts: SequentialParts, chunk_size: int) -> None:
        failures = 0
        while upload.offset < size:
            start, length = upload.offset, min(chunk_size, size - upload.offset)
            try:
                upload.append(Body(length, lambda start=start, length=length: parts.open(start, length)))  # type: ignore[misc]
            except ConnectionFailed as error:
                failures += 1
                if failures == ATTEMPTS or error.given_up or not error.transient:
                    raise
                self._transport.retry.pause(failures)
                _resume(upload, error)
            if upload.offset > size:
                raise RegistryError(f"the registry has {upload.offset} bytes of a blob of {size} bytes.")


def upload_target(answer: Answer) -> str:
    """Return path and query of an upload's Location, to be used on the registry's own origin.

    Behind a proxy the Location may name an inner host or plain http: its host is never followed, so neither a
    blob nor a password can be sent elsewhere by it.

    :raises RegistryError: if there is none, or it leads out of the registry's API.
    """
    location = answer.header("Location")
    _origin, parts = resolve_url(answer.url, location)
    if not location or not parts.path.startswith("/v2/"):
        raise RegistryError(
            f"POST {answer.shown_url}: the registry opened an upload at {parts.path[:100]!r}, outside of its own API.",
            hint="Check http.host and http.prefix of the registry, and the proxy in front of it.",
        )
    return f"{quote(parts.path, safe='/%:@')}?{parts.query}" if parts.query else quote(parts.path, safe="/%:@")


def _resume(upload: Upload, lost: ConnectionFailed) -> None:
    """Find out where to go on. A registry that cannot say so has given the upload up: the first failure stands."""
    try:
        upload.refresh()
    except ResponseError:
        raise lost from None


def _give_up(upload: Upload, error: RegistryError) -> None:
    """Cancel a failed upload, unless the registry cannot be reached: waiting for it once more would help nobody."""
    if isinstance(error, ConnectionFailed) and error.reason != "closed":
        return
    try:
        upload.cancel()
    except RegistryError:
        return  # spec, "Cancel a blob upload": clients should ignore failures, the registry gives it up in time
