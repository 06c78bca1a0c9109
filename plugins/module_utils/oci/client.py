# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verbs of a registry's API (OCI distribution spec 1.1, "API"), typed: no policy, no planning.

A :class:`RegistryClient` may be shared by threads. All its methods raise
:exc:`~.errors.RegistryError`; those that say "None if" turn exactly that 404 into None and no other.
"""

from __future__ import annotations

import typing as t
from urllib.parse import urlencode

from .auth import Login, Scopes
from .connections import Timeouts, TlsSettings
from .downloads import ResumingReader, open_range
from .errors import ContentError, InvalidReference, NotFound
from .media_types import ACCEPT, MAX_MANIFEST_SIZE, OCI_INDEX, Descriptor, Manifest, parse_manifest
from .origin import HostPort, Origin
from .paging import PAGE_SIZE, follow_links, read_pages
from .reference import parse_digest
from .retry import RetryPolicy
from .streams import Opener, Readable, VerifyingReader, bytes_body, read_all
from .transport import Answer, Request, Transport
from .uploads import Upload, Uploader

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
        self.names_files = bool(tls and (tls.ca_path or tls.client_cert or tls.extra_cas))
        """Whether certificates are named that have to be read, or else be told of."""
        self._transport = Transport(
            origin, credentials=credentials, token_hosts=token_hosts, tls=tls, timeouts=timeouts, retry=retry
        )
        self._uploader = Uploader(self._transport)

    def __enter__(self) -> RegistryClient:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the idle connections."""
        self._transport.close()

    @property
    def requests(self) -> int:
        """The number of requests that were sent, for whatever reason."""
        return self._transport.requests

    def ping(self) -> None:
        """Check that a registry answers at ``/v2/`` (spec: end-1), and that it accepts the credentials.

        :raises ContentError: if something else answers there, such as a web page.
        """
        answer = self._transport.request(Request("GET", "/v2/"), limit=_SMALL)
        if "html" in answer.header("Content-Type").lower():
            raise ContentError(f"{answer.shown_url} answers with a web page.", hint="Is this a registry's URL?")

    def repositories(self, *, page_size: int = PAGE_SIZE, after: str = "") -> t.Iterator[str]:
        """Yield the names of all repositories, page by page, in the registry's order.

        :param after: begin behind this one.
        """
        for page in read_pages(
            self._transport, "/v2/_catalog", "repositories", ("registry:catalog:*",), page_size=page_size, after=after
        ):
            yield from page

    def tags(self, repository: str) -> t.Iterator[str]:
        """Yield the tags of a repository in the registry's order (spec: end-8); none if it does not exist."""
        # A repository is no more than its content: one without any is as good as none.
        yield from self.find_tags(repository) or ()

    def find_tags(self, repository: str, *, page_size: int = PAGE_SIZE) -> list[str] | None:
        """Return the tags of a repository in the registry's order, None if it does not know the repository."""
        path = f"/v2/{repository}/tags/list"
        try:
            pages = read_pages(self._transport, path, "tags", pull(repository), page_size=page_size)
            return [tag for page in pages for tag in page]
        except NotFound as error:
            if not error.is_registrys_own:
                raise
            return None

    def head_manifest(self, repository: str, reference: str) -> Descriptor | None:
        """Return what a tag or digest names (spec: end-3 by HEAD), None if it is not there.

        A registry that names no digest or length in its answer is asked for the whole manifest.
        """
        request = self._manifest_request("HEAD", repository, reference, expect=(200, 404))
        answer = self._transport.request(request, limit=_SMALL)
        if answer.status == 404:
            return None
        return _described(answer) or self.get_manifest(repository, reference).descriptor

    def head_manifests(self, repository: str, references: t.Sequence[str]) -> list[Descriptor | None]:
        """Return what some tags or digests name, in their order, asked for in one piece: several times as quick as one by one.

        None says only that it was not answered so; :meth:`head_manifest` tells what it is.
        """
        targets = [f"/v2/{repository}/manifests/{reference}" for reference in references]
        answers = self._transport.heads(targets, {"Accept": ACCEPT}, pull(repository))
        return [_described_well(answer) for answer in answers]

    def get_manifest(self, repository: str, reference: str) -> Manifest:
        """Return the manifest or index that a tag or digest names (spec: end-3), its digest verified.

        :raises NotFound: if there is none.
        """
        request = self._manifest_request("GET", repository, reference)
        answer = self._transport.request(request, limit=MAX_MANIFEST_SIZE)
        digest = reference if ":" in reference else answer.header("Docker-Content-Digest")
        where = f"{repository}{'@' if ':' in reference else ':'}{reference} on {self.origin}"
        known = _digest(digest, answer) if digest else ""
        return parse_manifest(answer.body, _media_type(answer), where=where, digest=known)

    def put_manifest(self, repository: str, reference: str, manifest: Manifest) -> bool:
        """Write a manifest under a tag or its own digest (spec: end-7). All it names must be there already.

        :returns: False if the manifest has a subject and the registry does not list referrers by itself: then that is
            the client's task (spec: "Pushing Manifests with Subject").
        :raises ContentError: if the registry stored something else.
        """
        headers = {"Content-Type": manifest.media_type}
        target = f"/v2/{repository}/manifests/{reference}"
        request = Request("PUT", target, headers, bytes_body(manifest.raw), push(repository), expect=(201, 202))
        answer = self._transport.request(request, limit=_SMALL)
        stored = answer.header("Docker-Content-Digest")
        # A registry may name the digest by another algorithm than ours, which says nothing about this one.
        if stored and stored.partition(":")[0] == manifest.digest.partition(":")[0] and stored != manifest.digest:
            raise ContentError(f"{answer.shown_url}: the registry stored {stored[:140]}, not {manifest.digest}.")
        return manifest.subject is None or bool(answer.header("OCI-Subject"))

    def delete_manifest(self, repository: str, reference: str) -> bool:
        """Delete a manifest by its digest, with all tags that point at it, or a tag alone (spec: end-9).

        Distribution 2.8 cannot delete a tag and answers 400.

        :returns: False if it was not there.
        """
        request = Request(
            "DELETE", f"/v2/{repository}/manifests/{reference}", scopes=delete(repository), expect=(200, 202, 204)
        )
        try:
            self._transport.request(request, limit=_SMALL)
        except NotFound as error:
            if not error.is_registrys_own:
                raise
            return False
        return True

    def referrers(self, repository: str, digest: str, *, artifact_type: str = "") -> tuple[Descriptor, ...] | None:
        """Return what the referrers API lists for a manifest (spec: end-12a), None if the registry has no such API.

        :param artifact_type: only those of this type; filtered here, too, for a registry may not.
        """
        path = f"/v2/{repository}/referrers/{digest}"
        target = f"{path}?{urlencode({'artifactType': artifact_type})}" if artifact_type else path
        scopes = pull(repository)
        request = Request("GET", target, {"Accept": OCI_INDEX}, scopes=scopes, expect=(200, 404))
        first = self._transport.request(request, limit=MAX_MANIFEST_SIZE)
        if first.status == 404 or _media_type(first) != OCI_INDEX:
            return None
        found: dict[str, Descriptor] = {}
        for page in follow_links(self._transport, path, scopes, first):
            index = parse_manifest(page.body, OCI_INDEX, where=page.shown_url)
            found.update((child.digest, child) for child in index.children)
        return tuple(child for child in found.values() if artifact_type in ("", child.artifact_type))

    def head_blob(self, repository: str, digest: str) -> bool:
        """Tell whether a repository has a blob (spec: end-2 by HEAD)."""
        request = Request("HEAD", f"/v2/{repository}/blobs/{digest}", scopes=pull(repository), expect=(200, 404))
        return self._transport.request(request, limit=_SMALL).status == 200

    def open_blob(self, repository: str, descriptor: Descriptor) -> Readable:
        """Open a blob for reading (spec: end-2). The caller closes it.

        Size and digest are verified on the way, and a connection that breaks is opened again where it broke.
        """
        stream = ResumingReader(self._transport, f"/v2/{repository}/blobs/{descriptor.digest}", pull(repository))
        return VerifyingReader(stream, descriptor, where=f"blob {descriptor.digest} of {self.origin}/{repository}")

    def open_blob_range(self, repository: str, digest: str, offset: int, length: int) -> Readable:
        """Open ``length`` bytes of a blob from ``offset`` on. A part has no digest: nothing verifies what it holds."""
        target = f"/v2/{repository}/blobs/{digest}"
        return open_range(self._transport, target, pull(repository), offset=offset, length=length)

    def get_blob(self, repository: str, descriptor: Descriptor, *, limit: int) -> bytes:
        """Return a small blob, such as an image configuration, of at most ``limit`` bytes."""
        if descriptor.size > limit:
            raise ContentError(
                f"{descriptor.digest} in {repository} has {descriptor.size} bytes; at most {limit} are read."
            )
        return read_all(self.open_blob(repository, descriptor))

    def mount_blob(self, repository: str, digest: str, from_repository: str) -> Upload | None:
        """Link a blob of another repository of this registry (spec: end-11).

        :returns: None if it is done; else an upload to fill (spec: "the registry may fall back to an upload").
        """
        scopes = push(repository) if from_repository == repository else push(repository) + pull(from_repository)
        return self._uploader.mount(repository, scopes, digest, from_repository)

    def upload_blob(
        self, repository: str, descriptor: Descriptor, open_stream: Opener, *, upload: Upload | None = None
    ) -> None:
        """Write a blob, streamed (spec: "Pushing blobs"). What may pass is tried again, see :mod:`.uploads`.

        :param open_stream: may be called several times.
        :param upload: an upload that :meth:`mount_blob` opened.
        """
        self._uploader.send(repository, push(repository), descriptor, open_stream, upload)

    def start_upload(self, repository: str) -> Upload:
        """Open an upload to be filled, resumed or cancelled by hand (spec: end-4a)."""
        return self._uploader.open(repository, push(repository))

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


def delete(repository: str) -> Scopes:
    """Return the token scopes to delete in a repository (Docker's token specification, "delete")."""
    return (f"repository:{repository}:pull,delete",)


def _described(answer: Answer) -> Descriptor | None:
    """Return what an answer to a HEAD describes, None if it leaves out half of it.

    :raises ContentError: if it names a digest that is none.
    """
    digest, length = answer.header("Docker-Content-Digest"), answer.header("Content-Length")
    if not digest or not (length.isascii() and length.isdigit()):
        return None
    return Descriptor(_media_type(answer), _digest(digest, answer), int(length))


def _described_well(answer: Answer | None) -> Descriptor | None:
    """Return the same, None if there is anything wrong with it."""
    try:
        return _described(answer) if answer else None
    except ContentError:
        return None


def _media_type(answer: Answer) -> str:
    return answer.header("Content-Type").partition(";")[0].strip()


def _digest(text: str, answer: Answer) -> str:
    try:
        return parse_digest(text)
    except InvalidReference as error:
        raise ContentError(f"{answer.shown_url} names a digest that is none: {error}") from error
