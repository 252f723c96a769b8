# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy whose connections can be cut, and whose target can change, as behind a load balancer."""

import socket
import threading
from types import TracebackType


class Proxy:
    def __init__(self, target: int) -> None:
        self.target = target
        #: After how many bytes from the server a connection is cut. `None` for never.
        self.cut_after: int | None = None
        self.cut_count = 0
        self._lost = b""
        self._losses = 0
        self._before_server = False
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        #: Connections to the server whose next response is lost.
        self._doomed: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def lose_responses(self, request: str, *, count: int, before_server: bool = False) -> None:
        """Cuts connections whose request begins with a text: after the server has received it, or before."""
        with self._lock:
            self._lost, self._losses, self._before_server = request.encode(), count, before_server

    def __enter__(self) -> "Proxy":
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(10)
        with self._lock:
            sockets = list(self._sockets)
        for each in sockets:
            close(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                close(client)
                continue
            with self._lock:
                self._sockets |= {client, server}
            threading.Thread(target=self._to_server, args=(client, server), daemon=True).start()
            threading.Thread(target=self._to_client, args=(client, server), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(65_536):
                if self._is_lost(data):
                    if self._before_server:
                        break
                    self._doomed.add(server)
                server.sendall(data)
        except OSError:
            pass
        close(client)
        close(server)

    def _is_lost(self, data: bytes) -> bool:
        with self._lock:
            if self._losses == 0 or not data.startswith(self._lost + b" "):
                return False
            self._losses -= 1
            return True

    def _to_client(self, client: socket.socket, server: socket.socket) -> None:
        passed = 0
        try:
            while True:
                data = server.recv(65_536)
                if not data or server in self._doomed:
                    break
                client.sendall(data)
                passed += len(data)
                if self.cut_after is not None and passed > self.cut_after:
                    self.cut_count += 1
                    break
        except OSError:
            pass
        close(client)
        close(server)


def close(each: socket.socket) -> None:
    try:
        each.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    each.close()
