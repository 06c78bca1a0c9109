# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives registries on loopback names of the world: a proxy that ends TLS itself.

A client that is told of it by HTTPS_PROXY, and of its CA by SSL_CERT_FILE, speaks to https://registry.example.com and to
Docker Hub's name as it would anywhere, and reaches the registries of the test.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import typing as t


class Front:
    """Routes the hosts it knows to ports of loopback, and refuses all others."""

    def __init__(self, context: ssl.SSLContext, routes: t.Mapping[str, int]) -> None:
        self._context = context
        self._routes = routes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                received = client.recv(4096)
                if not received:
                    return
                head += received
            host = head.split()[1].decode().rpartition(":")[0]
            if host not in self._routes:
                client.sendall(b"HTTP/1.1 502 Not a host of this test\r\nContent-Length: 0\r\n\r\n")
                return
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            with contextlib.suppress(OSError):  # a client that breaks off, or that does not trust the CA
                with self._context.wrap_socket(client, server_side=True) as inside:
                    self._join(inside, self._routes[host])

    @staticmethod
    def _join(inside: ssl.SSLSocket, port: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as registry:
            answers = threading.Thread(target=_pump, args=(registry, inside), daemon=True)
            answers.start()
            _pump(inside, registry)
            registry.shutdown(socket.SHUT_WR)
            answers.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
