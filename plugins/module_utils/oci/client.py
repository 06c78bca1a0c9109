# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verbs of a registry's API (OCI distribution spec 1.1, "API"), typed: no policy, no planning.

A :class:`RegistryClient` may be shared by threads. All its methods raise
:exc:`~.errors.RegistryError`; those that say "None if" turn exactly that 404 into None and no other.
"""

from __future__ import annotations

import typing as t
from urllib.parse import quote, urlencode

from .auth import Login, Scopes
from .connections import Timeouts, TlsSettings
from .errors import ContentError, InvalidReference, NotFound, RegistryError
from .media_types import ACCEPT, MAX_MANIFEST_SIZE, Descriptor, Manifest, parse_manifest
from .origin import HostPort, Origin, resolve_url
from .paging import read_pages
from .reference import parse_digest
from .retry import RetryPolicy
from .streams import Body, Opener, Readable, VerifyingReader, bytes_body, read_all
from .transport import Answer, Request, Transport

UPLOAD_ATTEMPTS = 3
_SMALL = 64 * 1024


class RegistryClient:
    """One registry. Close it, or use it in a ``with`` statement."""

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
        retry = retry or RetryPolicy()
        self._transport = Transport(
            origin, credentials=credentials, token_hosts=token_hosts, tls=tls, timeouts=timeouts, retry=retry
        )
        self._upload_retry = RetryPolicy(min(UPLOAD_ATTEMPTS, retry.attempts), sleep=retry.sleep)

    def __enter__(self) -> RegistryClient:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the idle connections."""
        self._transport.close()

    def ping(self) -> None:
        """Check that a registry answers at ``/v2/`` (spec: end-1), and that it accepts the credentials.

        :raises ContentError: if something else answers there, such as a web page.
        """
        answer = self._transport.request(Request("GET", "/v2/"), limit=_SMALL)
        if "html" in answer.header("Content-Type").lower():
            raise ContentError(f"{answer.url} answers with a web page.", hint="Is this a registry's URL?")

    def repositories(self) -> t.Iterator[str]:
        """Yield the names of all repositories, page by page, in the registry's order."""
        for page in read_pages(self._transport, "/v2/_catalog", "repositories", ("registry:catalog:*",)):
            yield from page

    def tags(self, repository: str) -> t.Iterator[str]:
        """Yield the tags of a repository in the registry's order (spec: end-8); none if it does not exist."""
        path = f"/v2/{repository}/tags/list"
        try:
            for page in read_pages(self._transport, path, "tags", pull(repository)):
                yield from page
        except NotFound as error:
            # A repository is no more than its content: one without any is as good as none. A 404 without the
            # registry's own code comes from something else on the way.
            if "NAME_UNKNOWN" not in error.codes:
                raise

    def head_manifest(self, repository: str, reference: str) -> Descriptor | None:
        """Return what a tag or digest names (spec: end-3 by HEAD), None if it is not there.

        A registry that names no digest in its answer is asked for the whole manifest.
        """
        request = self._manifest_request("HEAD", repository, reference, expect=(200, 404))
        answer = self._transport.request(request, limit=_SMALL)
        if answer.status == 404:
            return None
        digest, length = answer.header("Docker-Content-Digest"), answer.header("Content-Length")
        if not digest or not length.isdigit():
            return self.get_manifest(repository, reference).descriptor
        return Descriptor(_media_type(answer), _digest(digest, answer.url), int(length))

    def get_manifest(self, repository: str, reference: str) -> Manifest:
        """Return the manifest or index that a tag or digest names (spec: end-3), its digest verified.

        :raises NotFound: if there is none.
        """
        request = self._manifest_request("GET", repository, reference)
        answer = self._transport.request(request, limit=MAX_MANIFEST_SIZE)
        digest = reference if ":" in reference else answer.header("Docker-Content-Digest")
        where = f"{repository}{'@' if ':' in reference else ':'}{reference} on {self.origin}"
        known = _digest(digest, answer.url) if digest else ""
        return parse_manifest(answer.body, _media_type(answer), where=where, digest=known)

    def put_manifest(self, repository: str, reference: str, manifest: Manifest) -> None:
        """Write a manifest under a tag or its own digest (spec: end-7). All it names must be there already.

        :raises ContentError: if the registry stored something else.
        """
        headers = {"Content-Type": manifest.media_type}
        target = f"/v2/{repository}/manifests/{reference}"
        request = Request("PUT", target, headers, bytes_body(manifest.raw), push(repository), expect=(201, 202))
        answer = self._transport.request(request, limit=_SMALL)
        stored = answer.header("Docker-Content-Digest")
        # A registry may name the digest by another algorithm than ours, which says nothing about this one.
        if stored and stored.partition(":")[0] == manifest.digest.partition(":")[0] and stored != manifest.digest:
            raise ContentError(f"{answer.url}: the registry stored {stored[:140]}, not {manifest.digest}.")

    def head_blob(self, repository: str, digest: str) -> bool:
        """Tell whether a repository has a blob (spec: end-2 by HEAD)."""
        request = Request("HEAD", f"/v2/{repository}/blobs/{digest}", scopes=pull(repository), expect=(200, 404))
        return self._transport.request(request, limit=_SMALL).status == 200

    def open_blob(self, repository: str, descriptor: Descriptor) -> Readable:
        """Open a blob for reading (spec: end-2); size and digest are verified on the way. The caller closes it."""
        target = f"/v2/{repository}/blobs/{descriptor.digest}"
        answer = self._transport.open(Request("GET", target, scopes=pull(repository)))
        return VerifyingReader(answer, descriptor, where=f"blob {descriptor.digest} of {self.origin}/{repository}")

    def get_blob(self, repository: str, descriptor: Descriptor, *, limit: int) -> bytes:
        """Return a small blob, such as an image configuration, of at most ``limit`` bytes."""
        if descriptor.size > limit:
            raise ContentError(
                f"{descriptor.digest} in {repository} has {descriptor.size} bytes; at most {limit} are read."
            )
        return read_all(self.open_blob(repository, descriptor))

    def mount_blob(self, repository: str, digest: str, from_repository: str) -> str:
        """Link a blob of another repository of this registry (spec: end-11).

        :returns: empty if it is done; else where to upload the blob (spec: "the registry may fall back to an upload").
        """
        query = urlencode({"mount": digest, "from": from_repository})
        # Repeatable: a link made twice is one, and an upload that is opened twice is given up by the registry.
        return self._start_upload(repository, f"?{query}", push(repository) + pull(from_repository), repeatable=True)

    def upload_blob(self, repository: str, descriptor: Descriptor, open_stream: Opener, *, location: str = "") -> None:
        """Write a blob with one POST and one PUT of known length (spec: end-4a, end-6), streamed.

        If that fails in a way that may pass, all of it is done again from the start: the registry gives up an upload
        whose PUT failed, so ``open_stream`` may be called several times.

        :param location: an upload that :meth:`mount_blob` opened.
        """
        opened = [location] if location else []
        scopes = push(repository)
        body = Body(descriptor.size, open_stream)

        def attempt() -> None:
            target = opened.pop() if opened else self._start_upload(repository, "", scopes)
            target += f"{'&' if '?' in target else '?'}{urlencode({'digest': descriptor.digest})}"
            headers = {"Content-Type": "application/octet-stream"}
            request = Request("PUT", target, headers, body, scopes, expect=(201,), repeatable=False)
            self._transport.request(request, limit=_SMALL)

        self._upload_retry.run(attempt)

    def _start_upload(self, repository: str, query: str, scopes: Scopes, *, repeatable: bool = False) -> str:
        target = f"/v2/{repository}/blobs/uploads/{query}"
        request = Request("POST", target, scopes=scopes, expect=(201, 202), repeatable=repeatable)
        answer = self._transport.request(request, limit=_SMALL)
        if answer.status == 201 and query:
            return ""
        return self._upload_target(answer)

    def _upload_target(self, answer: Answer) -> str:
        """Return path and query of an upload's Location, to be used on the registry's own origin.

        Behind a proxy the Location may name an inner host or plain http: its host is never followed, so neither a
        blob nor a password can be sent elsewhere by it.
        """
        location = answer.header("Location")
        _origin, parts = resolve_url(answer.url, location)
        if not location or not parts.path.startswith("/v2/"):
            raise RegistryError(
                f"POST {answer.url}: the registry opened an upload at {parts.path[:100]!r}, outside of its own API.",
                hint="Check http.host and http.prefix of the registry, and the proxy in front of it.",
            )
        return f"{quote(parts.path, safe='/%:@')}?{parts.query}" if parts.query else quote(parts.path, safe="/%:@")

    @staticmethod
    def _manifest_request(method: str, repository: str, reference: str, *, expect: tuple[int, ...] = (200,)) -> Request:
        target = f"/v2/{repository}/manifests/{reference}"
        return Request(method, target, {"Accept": ACCEPT}, scopes=pull(repository), expect=expect)


def pull(repository: str) -> Scopes:
    """Return the token scopes to read a repository."""
    return (f"repository:{repository}:pull",)


def push(repository: str) -> Scopes:
    """Return the token scopes to read and write a repository."""
    return (f"repository:{repository}:pull,push",)


def _media_type(answer: Answer) -> str:
    return answer.header("Content-Type").partition(";")[0].strip()


def _digest(text: str, url: str) -> str:
    try:
        return parse_digest(text)
    except InvalidReference as error:
        raise ContentError(f"{url} names a digest that is none: {error}") from error
