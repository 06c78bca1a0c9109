# Copyright (c) 2026, the dockyard.registry contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands between a client and a server on 127.0.0.1: as another address of it, or as a proxy that knows CONNECT."""

from __future__ import annotations

import contextlib
import socket
import threading
import typing as t


class Relay:
    """Passes bytes on until it is closed; ``sent`` counts those that went to the server.

    :param port: the server's port on 127.0.0.1; a proxy leads there whatever it is asked for.
    :param host: where to listen.
    :param connect: the status line to answer CONNECT with; none makes it no proxy.
    """

    def __init__(self, port: int, *, host: str = "127.0.0.1", connect: str = "") -> None:
        self.heads: list[str] = []
        self.sent = 0
        self._lock = threading.Lock()
        self._target = ("127.0.0.1", port)
        self._connect = connect
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; what is connected ends with its client."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            if self._connect:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += client.recv(1)
                self.heads.append(head.decode())
                client.sendall(f"HTTP/1.1 {self._connect}\r\n\r\n".encode())
            with socket.create_connection(self._target) as server:
                back = threading.Thread(target=_pump, args=(server, client, lambda _size: None), daemon=True)
                back.start()
                _pump(client, server, self._count)
                back.join()

    def _count(self, size: int) -> None:
        with self._lock:
            self.sent += size


def _pump(source: socket.socket, target: socket.socket, count: t.Callable[[int], None]) -> None:
    with contextlib.suppress(OSError):
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
            count(len(data))
        target.shutdown(socket.SHUT_WR)
