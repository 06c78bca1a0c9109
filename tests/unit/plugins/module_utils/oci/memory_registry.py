# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry in memory that behaves as Distribution does, for tests of what the client does with a whole one."""

from __future__ import annotations

import base64
import hashlib
import http.server
import itertools
import json
import re
import threading
import typing as t
from urllib.parse import parse_qs, quote, urlsplit

from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import QuietServer

_MANIFEST = re.compile(r"/v2/(?P<repository>.+)/manifests/(?P<reference>[^/]+)")
_BLOB = re.compile(r"/v2/(?P<repository>.+)/blobs/(?P<digest>sha256:[0-9a-f]+)")
_UPLOADS = re.compile(r"/v2/(?P<repository>.+)/blobs/uploads/(?P<session>[0-9]*)")
_TAGS = re.compile(r"/v2/(?P<repository>.+)/tags/list")


class MemoryRegistry:
    """State, and a log of ``METHOD target``. Blobs are linked to repositories, as in Distribution.

    ``major`` 2 cannot delete a tag alone. ``deletes`` is ``storage.delete.enabled``.
    """

    def __init__(
        self,
        *,
        credentials: tuple[str, str] | None = None,
        max_entries: int = 1000,
        major: int = 3,
        deletes: bool = True,
    ) -> None:
        self.log: list[str] = []
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[bytes, str]] = {}
        self.tags: dict[tuple[str, str], str] = {}
        self.max_entries = max_entries
        self.major = major
        self.deletes = deletes
        self.broken: dict[str, tuple[int, str]] = {}
        """``METHOD path`` to answer with an error's status and code."""
        self.plain_404: set[str] = set()
        """Paths to answer as a proxy does that knows no registry."""
        self.authorization = (
            "Basic " + base64.b64encode(":".join(credentials).encode()).decode() if credentials else None
        )
        self.sessions = itertools.count(1)
        self.emptied: set[str] = set()
        """Repositories of which something was deleted; they stay known when nothing is left."""
        self.missed: set[str] = set()
        """Deletes that were refused, or of what was not there."""
        registry = self

        class Handler(_Handler):
            memory = registry

        self._http = QuietServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def authority(self) -> str:
        """``host:port``."""
        return self.url.partition("://")[2]

    @property
    def writes(self) -> list[str]:
        """The requests that may have changed something: all but those to delete what is not there."""
        return [line for line in self.log if line.split()[0] not in ("GET", "HEAD") and line not in self.missed]

    def delete(self, repository: str, reference: str) -> tuple[int, str]:
        """Delete a tag alone, or a manifest with its tags, and return the status and an error's code."""
        if not self.deletes:
            return 405, "UNSUPPORTED"
        if ":" not in reference:
            if self.major == 2:
                return 400, "DIGEST_INVALID"
            return (202, "") if self.tags.pop((repository, reference), None) else (404, "MANIFEST_UNKNOWN")
        for place in [place for place, digest in self.tags.items() if (place[0], digest) == (repository, reference)]:
            del self.tags[place]
        found = self.manifests.pop((repository, reference), None)
        if found is None:
            return 404, "MANIFEST_UNKNOWN"
        self.emptied.add(repository)
        return 202, ""

    def close(self) -> None:
        """Stop."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def put(self, repository: str, tag: str, contents: t.Mapping[str, tuple[bytes, str]], root: str) -> None:
        """Store an image: digest to content and media type (empty for blobs)."""
        for digest, (content, media_type) in contents.items():
            if media_type:
                self.manifests[repository, digest] = (content, media_type)
            else:
                self.blobs[repository, digest] = content
        self.tags[repository, tag] = root


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    memory: MemoryRegistry

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        memory, parts = self.memory, urlsplit(self.path)
        memory.log.append(f"{self.command} {self.path}")
        broken = memory.broken.get(f"{self.command} {parts.path}")
        if memory.authorization and self.headers.get("Authorization") != memory.authorization:
            self._error(401, "UNAUTHORIZED", {"WWW-Authenticate": 'Basic realm="registry"'})
        elif broken:
            self._error(*broken)
        elif parts.path in memory.plain_404:
            self._send(404, b"<html>not found</html>")
        elif parts.path == "/v2/":
            self._send(200, b"{}")
        elif parts.path == "/v2/_catalog":
            self._list("repositories", {name for name, _what in [*memory.tags, *memory.manifests]} | memory.emptied)
        elif match := _TAGS.fullmatch(parts.path):
            self._tags(match["repository"])
        elif match := _MANIFEST.fullmatch(parts.path):
            self._manifest(match["repository"], match["reference"], body)
        elif match := _UPLOADS.fullmatch(parts.path):
            self._upload(match["repository"], match["session"], parse_qs(parts.query), body)
        elif match := _BLOB.fullmatch(parts.path):
            blob = memory.blobs.get((match["repository"], match["digest"]))
            self._error(404, "BLOB_UNKNOWN") if blob is None else self._send(200, blob)
        else:
            self._send(404, b"<html>not found</html>")

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815  # names the base class calls

    def _tags(self, repository: str) -> None:
        tags = {tag for name, tag in self.memory.tags if name == repository}
        known = tags or repository in self.memory.emptied
        if known or any(name == repository for name, _digest in self.memory.manifests):
            self._list("tags", tags)
        else:
            self._error(404, "NAME_UNKNOWN")

    def _list(self, key: str, entries: t.Iterable[str]) -> None:
        query = parse_qs(urlsplit(self.path).query)
        size, last = int(query.get("n", [min(100, self.memory.max_entries)])[0]), query.get("last", [""])[0]
        if size > self.memory.max_entries:
            self._error(400, "PAGINATION_NUMBER_INVALID")
            return
        left = sorted(entry for entry in entries if entry > last)
        page = left[:size]
        more = len(left) > size
        path = urlsplit(self.path).path
        link = {"Link": f'<{path}?last={quote(page[-1], safe="")}&n={size}>; rel="next"'} if more else {}
        self._send(200, json.dumps({key: page or None}).encode(), link)

    def _manifest(self, repository: str, reference: str, body: bytes) -> None:
        memory = self.memory
        digest = reference if ":" in reference else memory.tags.get((repository, reference), "")
        if self.command == "PUT":
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            document = json.loads(body)
            parts = [*document.get("layers", []), *([document["config"]] if "config" in document else [])]
            lost = [part for part in parts if (repository, part["digest"]) not in memory.blobs and not part.get("urls")]
            lost += [
                part for part in document.get("manifests", []) if (repository, part["digest"]) not in memory.manifests
            ]
            if lost:
                self._error(400, "MANIFEST_BLOB_UNKNOWN")
                return
            memory.manifests[repository, digest] = (body, self.headers["Content-Type"])
            if ":" not in reference:
                memory.tags[repository, reference] = digest
            self._send(201, b"", {"Docker-Content-Digest": digest})
        elif self.command == "DELETE":
            status, code = memory.delete(repository, reference)
            if code:
                memory.missed.add(f"DELETE {self.path}")
                self._error(status, code)
            else:
                self._send(status, b"")
        elif (repository, digest) not in memory.manifests:
            self._error(404, "MANIFEST_UNKNOWN")
        else:
            content, media_type = memory.manifests[repository, digest]
            self._send(200, content, {"Content-Type": media_type, "Docker-Content-Digest": digest})

    def _upload(self, repository: str, session: str, query: dict[str, list[str]], body: bytes) -> None:
        memory = self.memory
        if self.command == "POST":
            mounted = memory.blobs.get((query.get("from", [""])[0], query.get("mount", [""])[0]))
            if mounted is not None:
                memory.blobs[repository, query["mount"][0]] = mounted
                self._send(201, b"", {"Location": f"/v2/{repository}/blobs/{query['mount'][0]}"})
                return
            # An inner host, as behind a bad proxy.
            location = f"http://inner.invalid/v2/{repository}/blobs/uploads/{next(memory.sessions)}?_state=secret"
            self._send(202, b"", {"Location": location})
            return
        digest = query["digest"][0]
        if f"sha256:{hashlib.sha256(body).hexdigest()}" != digest:
            self._error(400, "DIGEST_INVALID")
            return
        memory.blobs[repository, digest] = body
        self._send(201, b"")

    def _error(self, status: int, code: str, headers: t.Mapping[str, str] | None = None) -> None:
        body = json.dumps({"errors": [{"code": code, "message": code.replace("_", " ").lower()}]}).encode()
        self._send(status, body, headers or {})

    def _send(self, status: int, body: bytes, headers: t.Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(body)),
            "Content-Type": "application/json",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""
