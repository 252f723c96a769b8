# SPDX-License-Identifier: Apache-2.0
"""A proxy that cuts the first connections of a server in the middle of their streams."""

import socket
import threading


class CuttingProxy:
    """Forwards connections to a port. The first `cuts` connections are reset after the first bytes that contain `word`."""

    def __init__(self, port: int, cuts: int, word: bytes) -> None:
        self._target = port
        self._cuts = cuts
        self._word = word
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.done = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            threading.Thread(target=self._forward, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._forward, args=(server, client, True), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, is_response: bool) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
                if is_response and self._word in data and self._takes_cut():
                    break
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _takes_cut(self) -> bool:
        with self._lock:
            if self.done >= self._cuts:
                return False
            self.done += 1
            return True
