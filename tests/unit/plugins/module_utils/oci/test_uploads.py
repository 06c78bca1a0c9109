# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sending blobs: in one piece, in chunks, mounted, resumed and cancelled."""

from __future__ import annotations

import io
import typing as t
from urllib.parse import quote

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci import uploads
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    ConnectionFailed,
    ContentError,
    RegistryError,
    ResponseError,
    Unauthorized,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import Readable, bytes_body
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import digest_of
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Hangup,
    Reply,
    ScriptedServer,
    registry_error,
)

BLOB = b"0123456789"
DESCRIPTOR = m.Descriptor("x", digest_of(BLOB), len(BLOB))
BLOB_PATH = f"/v2/a/b/blobs/{DESCRIPTOR.digest}"
UPLOADS = "/v2/a/b/blobs/uploads/"


@pytest.fixture
def client(server: ScriptedServer, connect: t.Callable[..., RegistryClient]) -> RegistryClient:
    return connect(server.url)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "CHUNK_SIZES", (8, 4))


def opened(name: object) -> Reply:
    return Reply(202, headers={"Location": f"{UPLOADS}{name}", "Range": "0-0"})


def accepted(name: object, last: int) -> Reply:
    return Reply(202, headers={"Location": f"{UPLOADS}{name}", "Range": f"0-{last}"})


def put(name: object, *, state: str = "") -> str:
    return f"{UPLOADS}{name}?{state + '&' if state else ''}digest={quote(DESCRIPTOR.digest, safe='')}"


def test_an_upload_stays_at_the_registrys_own_origin(server: ScriptedServer, client: RegistryClient) -> None:
    location = "https://evil.invalid/v2/a/b/blobs/uploads/7?_state=s%3D"
    server.on("POST", UPLOADS, Reply(202, headers={"Location": location}))
    server.on("PUT", put("7", state="_state=s%3D"), Reply(201))
    client.upload_blob("a/b", DESCRIPTOR, bytes_body(BLOB).open)
    assert server.seen[1].body == BLOB
    assert server.seen[1].headers["Content-Length"] == str(len(BLOB))


@pytest.mark.parametrize("location", ["", "https://evil.invalid/elsewhere", "/"])
def test_an_upload_outside_of_the_api_is_refused(server: ScriptedServer, client: RegistryClient, location: str) -> None:
    server.on("POST", UPLOADS, Reply(202, headers={"Location": location}))
    with pytest.raises(RegistryError, match="outside of its own API.*http.host"):
        client.upload_blob("a/b", DESCRIPTOR, bytes_body(BLOB).open)


@pytest.mark.parametrize("location", ["http://[x/v2/", "ftp://x/v2/"])
def test_an_upload_nowhere(server: ScriptedServer, client: RegistryClient, location: str) -> None:
    server.on("POST", UPLOADS, Reply(202, headers={"Location": location}))
    with pytest.raises(RegistryError, match="URL"):
        client.upload_blob("a/b", DESCRIPTOR, bytes_body(BLOB).open)


@pytest.mark.parametrize("failure", [Hangup(), Reply(503), registry_error(429, "TOOMANYREQUESTS", Retry_After="2")])
def test_a_failed_upload_starts_again(
    server: ScriptedServer, client: RegistryClient, sleeps: list[float], failure: Reply | Hangup
) -> None:
    for number, reply in enumerate((failure, Reply(201))):
        server.on("POST", UPLOADS, opened(number))
        server.on("PUT", put(number), reply)
    server.on("DELETE", f"{UPLOADS}0", Reply(204))
    client.upload_blob("a/b", DESCRIPTOR, bytes_body(BLOB).open)
    assert len(sleeps) == 1


def test_a_wrong_blob_is_not_sent_to_its_end(
    server: ScriptedServer,
    client: RegistryClient,
    connect: t.Callable[..., RegistryClient],
    scripted: t.Callable[..., ScriptedServer],
) -> None:
    source = scripted().on("GET", BLOB_PATH, Reply(body=b"012345678X"))
    server.on("POST", UPLOADS, opened(1)).on("DELETE", f"{UPLOADS}1", Reply(204))
    reader = connect(source.url)

    def open_stream() -> Readable:
        return reader.open_blob("a/b", DESCRIPTOR)

    with pytest.raises(ContentError, match="has the digest"):
        client.upload_blob("a/b", DESCRIPTOR, open_stream)
    assert server.targets() == [f"POST {UPLOADS}", f"DELETE {UPLOADS}1"]


def test_a_refused_upload_is_final(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("POST", UPLOADS, registry_error(403, "DENIED"))
    with pytest.raises(Unauthorized, match="no right"):
        client.upload_blob("a/b", DESCRIPTOR, bytes_body(BLOB).open)


def test_mounts(server: ScriptedServer, client: RegistryClient) -> None:
    mount = f"{UPLOADS}?mount={quote(DESCRIPTOR.digest, safe='')}&from=c%2Fd"
    server.on("POST", mount, Reply(201), opened("5?_state=x"))
    assert client.mount_blob("a/b", DESCRIPTOR.digest, "c/d") is None
    upload = client.mount_blob("a/b", DESCRIPTOR.digest, "c/d")
    server.on("PUT", put("5", state="_state=x"), Reply(201))
    client.upload_blob("a/b", DESCRIPTOR, bytes_body(BLOB).open, upload=upload)


def test_an_upload_by_hand(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("POST", UPLOADS, opened(0)).on("PATCH", f"{UPLOADS}0", accepted(1, 5)).on(
        "GET", f"{UPLOADS}1", Reply(204, headers={"Location": f"{UPLOADS}2", "Range": "0-5"})
    ).on("DELETE", f"{UPLOADS}2", Reply(204), Reply(404))
    upload = client.start_upload("a/b")
    upload.append(bytes_body(BLOB[:6]))
    assert server.seen[1].headers["Content-Range"] == "0-5"
    upload.refresh()
    assert upload.offset == 6
    upload.cancel()
    upload.cancel()


@pytest.mark.usefixtures("small_chunks")
def test_a_request_that_is_too_large_goes_in_smaller_ones(server: ScriptedServer, client: RegistryClient) -> None:
    """As behind a proxy: the whole blob is refused, and chunks of eight bytes are; those of four go through."""
    too_large = Reply(413, b"<html>413 Request Entity Too Large</html>")
    server.on("POST", UPLOADS, opened("a"), opened("b"), opened("c"))
    server.on("PUT", put("a"), too_large).on("DELETE", f"{UPLOADS}a", Reply(204))
    server.on("PATCH", f"{UPLOADS}b", too_large).on("DELETE", f"{UPLOADS}b", Reply(204))
    server.on("PATCH", f"{UPLOADS}c", accepted("c1", 3)).on("PATCH", f"{UPLOADS}c1", accepted("c2", 7))
    server.on("PATCH", f"{UPLOADS}c2", accepted("c3", 9)).on("PUT", put("c3"), Reply(201))
    client.upload_blob("a/b", DESCRIPTOR, bytes_body(BLOB).open)
    sent = [(seen.headers["Content-Range"], seen.body) for seen in server.seen if seen.target.startswith(f"{UPLOADS}c") and seen.method == "PATCH"]
    assert sent == [("0-3", b"0123"), ("4-7", b"4567"), ("8-9", b"89")]


@pytest.mark.usefixtures("small_chunks")
def test_what_has_been_learnt_serves_the_next_blob(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("POST", UPLOADS, opened("a"), opened("b"), opened("c")).on("DELETE", f"{UPLOADS}a", Reply(204))
    server.on("PUT", put("a"), Reply(413))
    for name in ("b", "c"):
        server.on("PATCH", f"{UPLOADS}{name}", accepted(f"{name}1", 7)).on("PATCH", f"{UPLOADS}{name}1", accepted(f"{name}2", 9))
        server.on("PUT", put(f"{name}2"), Reply(201))
    for _time in range(2):
        client.upload_blob("a/b", DESCRIPTOR, bytes_body(BLOB).open)


@pytest.mark.usefixtures("small_chunks")
def test_too_large_even_in_the_smallest_requests(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("POST", UPLOADS, opened("a"), opened("b"), opened("c"))
    server.on("PUT", put("a"), Reply(413)).on("PATCH", f"{UPLOADS}b", Reply(413)).on("PATCH", f"{UPLOADS}c", Reply(413))
    for name in "abc":
        server.on("DELETE", f"{UPLOADS}{name}", Reply(204))
    with pytest.raises(ResponseError, match="413.*client_max_body_size"):
        client.upload_blob("a/b", DESCRIPTOR, bytes_body(BLOB).open)


class CountingOpener:
    """Opens a blob, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Readable:
        self.times += 1
        return io.BytesIO(BLOB)


@pytest.mark.usefixtures("small_chunks")
def test_a_broken_connection_goes_on_where_the_registry_is(
    server: ScriptedServer, client: RegistryClient, sleeps: list[float]
) -> None:
    """The whole blob's connection breaks; of the chunks, one is lost on the way and one's answer is."""
    server.on("POST", UPLOADS, opened("a"), opened("b")).on("PUT", put("a"), Hangup())
    server.on("DELETE", f"{UPLOADS}a", Reply(204))
    status = {"Location": f"{UPLOADS}b", "Range": "0-0"}
    server.on("PATCH", f"{UPLOADS}b", Hangup(), Hangup()).on(
        "GET", f"{UPLOADS}b", Reply(204, headers=status), Reply(204, headers={**status, "Location": f"{UPLOADS}c", "Range": "0-7"})
    )
    server.on("PATCH", f"{UPLOADS}c", accepted("d", 9)).on("PUT", put("d"), Reply(201))
    opener = CountingOpener()
    client.upload_blob("a/b", DESCRIPTOR, opener)
    assert [seen.headers.get("Content-Range") for seen in server.seen if seen.method == "PATCH"] == ["0-7", "0-7", "8-9"]
    assert server.seen[-2].body == b"89"
    assert opener.times == 3  # once whole; once for the chunks, and once more for the chunk that was sent again
    assert len(sleeps) == 3


@pytest.mark.usefixtures("small_chunks")
def test_an_upload_that_the_registry_has_forgotten_starts_again(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("POST", UPLOADS, opened("a"), opened("b"), opened("c")).on("PUT", put("a"), Hangup())
    for name in "ab":
        server.on("DELETE", f"{UPLOADS}{name}", registry_error(404, "BLOB_UPLOAD_UNKNOWN"))
    server.on("PATCH", f"{UPLOADS}b", Hangup()).on("GET", f"{UPLOADS}b", registry_error(404, "BLOB_UPLOAD_UNKNOWN"))
    server.on("PATCH", f"{UPLOADS}c", accepted("d", 7)).on("PATCH", f"{UPLOADS}d", accepted("e", 9))
    server.on("PUT", put("e"), Reply(201))
    client.upload_blob("a/b", DESCRIPTOR, bytes_body(BLOB).open)


@pytest.mark.usefixtures("small_chunks")
def test_a_connection_that_never_holds(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("POST", UPLOADS, *(opened(number) for number in range(3))).on("PUT", put(0), Hangup())
    for number in range(3):
        server.on("DELETE", f"{UPLOADS}{number}", Hangup())
    for number in (1, 2):
        status = Reply(204, headers={"Location": f"{UPLOADS}{number}", "Range": "0-0"})
        server.on("PATCH", f"{UPLOADS}{number}", Hangup(), Hangup(), Hangup()).on("GET", f"{UPLOADS}{number}", status, status)
    with pytest.raises(ConnectionFailed, match="PATCH"):
        client.upload_blob("a/b", DESCRIPTOR, bytes_body(BLOB).open)


@pytest.mark.usefixtures("small_chunks")
def test_a_registry_that_claims_more_than_it_was_sent(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("POST", UPLOADS, opened("a"), opened("b")).on("PUT", put("a"), Reply(413))
    server.on("PATCH", f"{UPLOADS}b", accepted("c", 99)).on("DELETE", f"{UPLOADS}a", Reply(204)).on("DELETE", f"{UPLOADS}c", Reply(204))
    with pytest.raises(RegistryError, match="100 bytes of a blob of 10"):
        client.upload_blob("a/b", DESCRIPTOR, bytes_body(BLOB).open)
