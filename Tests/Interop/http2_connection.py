# SPDX-License-Identifier: Apache-2.0
"""A connection with HTTP/2, for what HTTP clients do not let a test decide: flow control, resets and unusual headers."""

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
import h2.settings

TIMEOUT = 60.0


@dataclass
class Response:
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_complete: bool = False
    reset: int | None = None
    """The code with which the server has reset the stream."""
    unread: int = 0
    """How many bytes of its window the server has not received back."""


class Http2Connection:
    def __init__(self, url: str, authority: Path, *, window: int = 65_535) -> None:
        """`window` is how much the server may send on a stream that is not read. The connection itself is not limited."""
        address = urlsplit(url)
        assert address.hostname is not None and address.port is not None
        context = ssl.create_default_context(cafile=authority)
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection((address.hostname, address.port), timeout=TIMEOUT)
        self._socket = context.wrap_socket(plain, server_hostname=address.hostname)
        assert self._socket.selected_alpn_protocol() == "h2"
        self._host = address.netloc
        self._state = h2.connection.H2Connection(
            h2.config.H2Configuration(
                header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False
            )
        )
        self.responses: dict[int, Response] = {}
        self.is_closed = False
        """Whether the server has ended the connection."""
        self._state.initiate_connection()
        self._state.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self._state.increment_flow_control_window(2**31 - 1 - 65_535)
        self._send()

    def __enter__(self) -> "Http2Connection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def request(self, path: str, *fields: tuple[str, str], method: str = "GET", body: bytes | None = None) -> int:
        """Sends a request with a small body or none, and returns the number of its stream."""
        pseudo = [(":method", method), (":scheme", "https"), (":authority", self._host), (":path", path)]
        return self.send([*pseudo, *fields], body)

    def send(self, headers: list[tuple[str, str]], body: bytes | None = None) -> int:
        stream = self._state.get_next_available_stream_id()
        self.responses[stream] = Response()
        self._state.send_headers(stream, headers, end_stream=body is None)
        if body is not None:
            self._state.send_data(stream, body, end_stream=True)
        self._send()
        return stream

    def reset(self, stream: int) -> None:
        self._state.reset_stream(stream, error_code=8)
        self._send()

    def read(self, stream: int) -> Response:
        """Reads until a stream has ended, and permits the server to send more of it."""
        response = self.responses[stream]
        self._permit(stream)
        self.receive_until(lambda: response.is_complete or response.reset is not None, reading=stream)
        return response

    def receive_until(self, is_done: Callable[[], bool], reading: int | None = None) -> None:
        """Receives until the condition is met or the server closes the connection. Other streams than `reading` are left
        unread."""
        while not self.is_closed and not is_done():
            try:
                data = self._socket.recv(65_536)
            except ConnectionError:
                data = b""
            if not data:
                self.is_closed = True
                return
            for event in self._state.receive_data(data):
                self._handle(event)
            if reading is not None and not self.is_closed:
                self._permit(reading)
            self._send()

    def _permit(self, stream: int) -> None:
        """Permits the server to send as much again as has arrived."""
        response = self.responses[stream]
        if response.unread:
            self._state.acknowledge_received_data(response.unread, stream)
            response.unread = 0
            self._send()

    def _handle(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            response = self.responses[event.stream_id]
            response.headers = dict(event.headers)
            response.status = int(response.headers[":status"])
        elif isinstance(event, h2.events.DataReceived):
            self.responses[event.stream_id].body += event.data
            self.responses[event.stream_id].unread += event.flow_controlled_length
        elif isinstance(event, h2.events.StreamEnded):
            self.responses[event.stream_id].is_complete = True
        elif isinstance(event, h2.events.StreamReset):
            self.responses[event.stream_id].reset = event.error_code
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.is_closed = True

    def _send(self) -> None:
        try:
            self._socket.sendall(self._state.data_to_send())
        except ConnectionError:
            self.is_closed = True
