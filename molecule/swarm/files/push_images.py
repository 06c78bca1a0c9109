# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pushes small images, one after the other, and writes down which the registry acknowledged; or pulls those again.

    push_images.py push URL LOG WORKERS    until it is ended: {"tag": ..., "digest": ...} a line in LOG for each image
    push_images.py pull URL LOG            each of LOG's images, by its tag and by its digest, with all its blobs

URL is that of a repository: https://host:5000/v2/team/image. REGISTRY_LOGIN is user:password, REGISTRY_CA a file. Plain
HTTP requests, no client of the collection's. `pull` ends with {"acknowledged": ..., "lost": [...]}.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import ssl
import sys
import threading
import time
import typing as t
from urllib.parse import urlsplit

TYPE = "application/vnd.oci.image.manifest.v1+json"
LAYER = 64 << 10  # bytes
TIMEOUT = 10  # seconds without an answer: the push has failed
LOCK = threading.Lock()


class Registry:
    """One connection to a repository, made anew after each error."""

    def __init__(self, url: str) -> None:
        self.url = urlsplit(url)
        self.headers = {}
        if login := os.environ.get("REGISTRY_LOGIN"):
            self.headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
        self.connection = self.connect()

    def connect(self) -> http.client.HTTPConnection:
        host = self.url.netloc
        if self.url.scheme == "http":
            return http.client.HTTPConnection(host, timeout=TIMEOUT)
        return http.client.HTTPSConnection(host, timeout=TIMEOUT, context=ssl.create_default_context(cafile=os.environ["REGISTRY_CA"]))

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, t.Mapping[str, str], bytes]:
        """Status, headers and body of an answer; OSError or HTTPException if there is none."""
        headers = {**self.headers, **({"Content-Type": kind} if body is not None else {"Accept": TYPE})}
        try:
            self.connection.request(method, path, body=body, headers=headers)
            answer = self.connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise

    def upload(self, content: bytes) -> dict[str, t.Any]:
        """Push a blob; returns its digest and size."""
        digest = digest_of(content)
        status, headers, said = self.ask("POST", f"{self.url.path}/blobs/uploads/", b"")
        if status != 202:
            raise OSError(f"an upload does not begin: {status} {said!r}")
        place = urlsplit(headers["Location"])
        status, _headers, said = self.ask("PUT", f"{place.path}?{place.query}&digest={digest}", content, "application/octet-stream")
        if status != 201:
            raise OSError(f"a blob was refused: {status} {said!r}")
        return {"digest": digest, "size": len(content)}

    def push(self, tag: str) -> str:
        """Push an image of which no byte is in another one; returns its digest."""
        layer = self.upload(os.urandom(LAYER))
        config = self.upload(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode())
        manifest = json.dumps({
            "schemaVersion": 2,
            "mediaType": TYPE,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **layer}],
        }).encode()
        status, _headers, said = self.ask("PUT", f"{self.url.path}/manifests/{tag}", manifest, TYPE)
        if status != 201:
            raise OSError(f"a manifest was refused: {status} {said!r}")
        return digest_of(manifest)

    def pull(self, tag: str, digest: str) -> str:
        """Pull an image; returns what is wrong with it, "" if nothing is."""
        for reference in (tag, digest):
            status, _headers, manifest = self.ask("GET", f"{self.url.path}/manifests/{reference}")
            if status != 200 or digest_of(manifest) != digest:
                return f"manifest {reference}: {status}, {digest_of(manifest)} instead of {digest}"
        found = json.loads(manifest)
        for blob in (found["config"], *found["layers"]):
            status, _headers, content = self.ask("GET", f"{self.url.path}/blobs/{blob['digest']}")
            if status != 200 or digest_of(content) != blob["digest"]:
                return f"blob {blob['digest']}: {status}, {len(content)} bytes of {blob['size']}"
        return ""


def digest_of(content: bytes) -> str:
    """A content's name."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def work(url: str, log: t.TextIO, worker: int) -> None:
    """Push for ever. A push without an answer is no harm: nothing was promised."""
    registry = Registry(url)
    number = 0
    while True:
        number += 1
        tag = f"w{worker}-{number}"
        try:
            line = {"tag": tag, "digest": registry.push(tag), "at": time.time()}
        except (OSError, http.client.HTTPException) as problem:
            line = {"failed": tag, "why": repr(problem), "at": time.time()}
            time.sleep(0.5)
        with LOCK:
            log.write(json.dumps(line) + "\n")
            log.flush()


def main(command: str, url: str, log: str, workers: str = "1") -> int:
    """Run the command line; returns the exit code."""
    if command == "push":
        with open(log, "a", encoding="utf-8") as out:
            threads = [threading.Thread(target=work, args=(url, out, worker), daemon=True) for worker in range(int(workers))]
            for thread in threads:
                thread.start()
            threads[0].join()
    with open(log, encoding="utf-8") as lines:
        acknowledged = [line for line in map(json.loads, lines) if "tag" in line]
    registry = Registry(url)
    faults = {line["tag"]: registry.pull(line["tag"], line["digest"]) for line in acknowledged}
    lost = [f"{tag}: {fault}" for tag, fault in faults.items() if fault]
    print(json.dumps({"acknowledged": len(acknowledged), "lost": lost}))
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
