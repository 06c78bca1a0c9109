# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading blobs: ranges, and connections that break in the middle."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.dockyard.registry.plugins.module_utils.oci import downloads
from ansible_collections.dockyard.registry.plugins.module_utils.oci import media_types as m
from ansible_collections.dockyard.registry.plugins.module_utils.oci.client import RegistryClient
from ansible_collections.dockyard.registry.plugins.module_utils.oci.errors import (
    ConnectionFailed,
    ContentError,
    ResponseError,
)
from ansible_collections.dockyard.registry.plugins.module_utils.oci.streams import read_all
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.images import digest_of
from ansible_collections.dockyard.registry.tests.unit.plugins.module_utils.oci.scripted_server import (
    Reply,
    ScriptedServer,
    registry_error,
)

BLOB = b"0123456789"
DESCRIPTOR = m.Descriptor("x", digest_of(BLOB), len(BLOB))
PATH = f"/v2/a/b/blobs/{DESCRIPTOR.digest}"


@pytest.fixture
def client(server: ScriptedServer, connect: t.Callable[..., RegistryClient]) -> RegistryClient:
    return connect(server.url)


def part(start: int, *, cut: int | None = None, of: bytes = BLOB) -> Reply:
    headers = {"Content-Range": f"bytes {start}-{len(of) - 1}/{len(of)}"}
    return Reply(206, of[start:], headers, cut=cut)


def test_a_broken_connection_is_taken_up_where_it_broke(
    server: ScriptedServer, client: RegistryClient, sleeps: list[float]
) -> None:
    server.on("GET", PATH, Reply(body=BLOB, cut=3), part(3, cut=4), Reply(503), part(7))
    assert read_all(client.open_blob("a/b", DESCRIPTOR)) == BLOB
    assert [seen.headers.get("Range") for seen in server.seen] == [None, "bytes=3-", "bytes=7-", "bytes=7-"]
    assert len(sleeps) == 3


def test_a_registry_that_does_not_know_ranges_sends_all_again(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("GET", PATH, Reply(body=BLOB, cut=3), Reply(body=BLOB))
    assert read_all(client.open_blob("a/b", DESCRIPTOR)) == BLOB


def test_the_rest_of_another_blob_is_found_out(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("GET", PATH, Reply(body=BLOB, cut=3), part(3, of=b"012345678X"))
    with pytest.raises(ContentError, match="has the digest"):
        read_all(client.open_blob("a/b", DESCRIPTOR))


def test_it_ends(server: ScriptedServer, client: RegistryClient) -> None:
    server.on("GET", PATH, Reply(body=BLOB, cut=3), *[part(3, cut=0)] * downloads.MAX_RESUMES)
    with pytest.raises(ConnectionFailed, match="cut off"):
        read_all(client.open_blob("a/b", DESCRIPTOR))


@pytest.mark.parametrize("given", ["", "bytes 0-9/10", "bytes */10", "nonsense"])
def test_another_range_than_was_asked_for(server: ScriptedServer, client: RegistryClient, given: str) -> None:
    reply = Reply(206, BLOB, {"Content-Range": given})
    server.on("GET", PATH, Reply(body=BLOB, cut=3), reply)
    with pytest.raises(ContentError, match="bytes from 3 on were asked for"):
        read_all(client.open_blob("a/b", DESCRIPTOR))


def test_a_part(server: ScriptedServer, client: RegistryClient) -> None:
    reply = Reply(206, b"234", {"Content-Range": "bytes 2-4/10"})
    server.on("GET", PATH, reply, Reply(body=BLOB), registry_error(416, "RANGE_INVALID"))
    for _time in range(2):
        assert read_all(client.open_blob_range("a/b", DESCRIPTOR.digest, 2, 3)) == b"234"
    assert server.seen[0].headers["Range"] == "bytes=2-4"
    with pytest.raises(ResponseError, match="416"):
        client.open_blob_range("a/b", DESCRIPTOR.digest, 20, 3)
