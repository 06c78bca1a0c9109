# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What errors say, and what they never say."""

from __future__ import annotations

import json

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import errors


def registry_body(code: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": "some message"}]}).encode()


@pytest.mark.parametrize(
    ("method", "status", "body", "hint"),
    [
        ("GET", 401, b"", "user name and password"),
        ("GET", 403, b"", "no right"),
        ("PUT", 404, registry_body("DENIED"), "no right"),
        ("DELETE", 405, registry_body("UNSUPPORTED"), "storage.delete.enabled"),
        ("PUT", 405, b"", "read-only"),
        ("PUT", 413, b"<html>", "client_max_body_size"),
        ("GET", 429, b"", "log in for a higher limit"),
        ("PUT", 400, registry_body("MANIFEST_BLOB_UNKNOWN"), "lost a blob"),
        ("GET", 400, b"Client sent an HTTP request to an HTTPS server.\n", "use https://"),
        ("GET", 404, b"<html>", "that the URL is a registry's"),
        ("GET", 500, b"", "log"),
    ],
)
def test_hints_say_what_to_do(method: str, status: int, body: bytes, hint: str) -> None:
    error = errors.response_error(method, "http://x/v2/", status, body=body)
    assert hint in error.hint
    assert str(error) == f"{error.message} {error.hint}"


def test_a_registrys_own_words_are_kept() -> None:
    error = errors.response_error("GET", "http://x/v2/a/manifests/1", 404, body=registry_body("MANIFEST_UNKNOWN"))
    assert isinstance(error, errors.NotFound)
    assert error.codes == ("MANIFEST_UNKNOWN",)
    assert str(error) == "GET http://x/v2/a/manifests/1 answered 404: MANIFEST_UNKNOWN (some message)."
    assert error.as_dict()["codes"] == ["MANIFEST_UNKNOWN"]


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"[]", b'{"errors": 1}', b'{"errors": [1]}', b"[" * 100_000, b"<p>" * 100_000]
)
def test_any_body_is_bounded(body: bytes) -> None:
    error = errors.response_error("GET", "http://x/", 500, body=body)
    assert len(str(error)) < 500
    assert len(error.body) <= errors.MAX_ERROR_BODY


def test_waiting_time_is_told() -> None:
    assert "again in 30 seconds" in errors.response_error("GET", "http://x/", 429, retry_after=30).hint


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://user:secret@x:1/v2/?n=1000&last=a/b", "http://x:1/v2/?n=1000&last=a/b"),
        ("http://x/u/1?_state=secret&digest=sha256:ab", "http://x/u/1?_state=REDACTED&digest=sha256:ab"),
        ("https://s3/x?X-Amz-Signature=secret#secret", "https://s3/x?X-Amz-Signature=REDACTED"),
    ],
)
def test_urls_are_redacted(url: str, expected: str) -> None:
    assert errors.redact_url(url) == expected
    for error in (errors.ResponseError("GET", url, 500), errors.ConnectionFailed("GET", url, "cut off")):
        assert "secret" not in str(error) + json.dumps(error.as_dict())


@pytest.mark.parametrize(
    ("status", "transient"),
    [(200, False), (400, False), (408, True), (429, True), (500, True), (501, False), (503, True)],
)
def test_what_may_pass(status: int, transient: bool) -> None:
    assert errors.ResponseError("GET", "http://x/", status).transient is transient
