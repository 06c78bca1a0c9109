# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proving that a registry works: a login, and a small image that goes in, comes out the same, and is taken away again."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
import typing as t

from ..oci.auth import Credentials
from ..oci.client import RegistryClient, push
from ..oci.connections import Timeouts, TlsSettings
from ..oci.errors import RegistryError, ResponseError, Unauthorized
from ..oci.media_types import OCI_CONFIG, OCI_MANIFEST, Descriptor, Manifest, digest_of, parse_manifest
from ..oci.origin import Origin
from ..oci.retry import RetryPolicy
from ..oci.streams import Opener, bytes_body
from ..oci.transport import Request, Transport

REPOSITORY = "dockyard/doctor"
TAG = "doctor"

_TIMEOUTS = Timeouts(10.0, 30.0)
_CONTENT = b"Pushed by dockyard.registry to see whether that works; it may be deleted at any time.\n"
_CONFIG = b'{"architecture":"unknown","os":"unknown","rootfs":{"type":"layers","diff_ids":[]}}'
_LAYER_TYPE = "application/vnd.dockyard.doctor.v1+text"

LoginProblem = t.Literal["", "refused", "untried", "failed"]
Stage = t.Literal["", "upload", "tag", "download", "untried"]


@dataclasses.dataclass(frozen=True)
class LoginTried:
    """What came of a login, and the seconds it took; ``problem`` is empty if it was accepted."""

    username: str = ""
    problem: LoginProblem = "untried"
    detail: str = ""
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class RoundTrip:
    """How far an image came. ``failed_at`` is empty if it came back as it went; ``kept`` says why it is still there."""

    failed_at: Stage = "untried"
    detail: str = ""
    status: int | None = None
    seconds: float = 0.0
    kept: str = ""


def try_login(origin: Origin, credentials: Credentials, tls: TlsSettings) -> LoginTried:
    """Log in once."""
    started = time.monotonic()
    problem: LoginProblem = ""
    detail = ""
    try:
        with _client(origin, credentials, tls) as client:
            client.ping()
    except Unauthorized:
        problem = "refused"
    except RegistryError as error:
        problem, detail = "failed", str(error)
    return LoginTried(credentials.username, problem, detail, time.monotonic() - started)


def make_round_trip(origin: Origin, credentials: Credentials | None, tls: TlsSettings) -> RoundTrip:
    """Push an image, pull it and remove it. Its content is always the same, so nothing piles up."""
    started = time.monotonic()
    manifest = _manifest()
    stage: Stage = "upload"
    with _client(origin, credentials, tls) as client:
        try:
            for content in (_CONFIG, _CONTENT):
                client.upload_blob(REPOSITORY, _descriptor(content), _opener(content))
            stage = "tag"
            client.put_manifest(REPOSITORY, TAG, manifest)
            stage = "download"
            # Manifest and blobs are verified by their digests on the way.
            found = client.get_manifest(REPOSITORY, TAG)
            for blob in found.blobs:
                client.get_blob(REPOSITORY, blob, limit=4096)
        except RegistryError as error:
            status = error.status if isinstance(error, ResponseError) else None
            kept = "" if stage == "upload" else _remove(origin, credentials, tls, manifest)
            return RoundTrip(stage, str(error), status, time.monotonic() - started, kept)
    return RoundTrip("", "", None, time.monotonic() - started, _remove(origin, credentials, tls, manifest))


def _client(origin: Origin, credentials: Credentials | None, tls: TlsSettings) -> RegistryClient:
    return RegistryClient(origin, credentials=credentials, tls=tls, timeouts=_TIMEOUTS, retry=RetryPolicy(1))


def _manifest() -> Manifest:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {**_descriptor(_CONFIG).as_dict(), "mediaType": OCI_CONFIG},
        "layers": [_descriptor(_CONTENT).as_dict()],
    }
    return parse_manifest(json.dumps(document).encode(), OCI_MANIFEST, where="the doctor's image")


def _descriptor(content: bytes) -> Descriptor:
    return Descriptor(_LAYER_TYPE, digest_of(content), len(content))


def _opener(content: bytes) -> Opener:
    return bytes_body(content).open


def _remove(origin: Origin, credentials: Credentials | None, tls: TlsSettings, manifest: Manifest) -> str:
    """Delete the image by its digest (spec: end-9), and return why it could not be, if so; 404 is as good as done."""
    transport = Transport(origin, credentials=credentials, tls=tls, timeouts=_TIMEOUTS, retry=RetryPolicy(1))
    request = Request(
        "DELETE", f"/v2/{REPOSITORY}/manifests/{manifest.digest}", scopes=push(REPOSITORY), expect=(202, 404)
    )
    with contextlib.closing(transport):
        try:
            transport.request(request, limit=4096)
        except RegistryError as error:
            return str(error)
    return ""
