# SPDX-License-Identifier: Apache-2.0
"""A transport that validates every response of the server against the OpenAPI document."""

from collections.abc import AsyncIterator

import httpx
from specification import Exchange, Specification


class Record:
    """The responses so far: the operations of the document that were called, and the violations."""

    def __init__(self, specification: Specification) -> None:
        self.specification = specification
        self.seen: set[Exchange] = set()
        self.violations: list[str] = []

    def add(self, request: httpx.Request, response: httpx.Response, body: bytes, *, complete: bool) -> None:
        headers = {name.lower(): value for name, value in response.headers.items()}
        path = request.url.raw_path.decode("ascii").partition("?")[0]
        try:
            exchange, problems = self.specification.judge(
                request.method, path, response.status_code, headers, body, complete=complete
            )
        except ValueError as error:
            exchange, problems = None, [f"{request.method} {path} {response.status_code}: {error}"]
        if exchange is not None:
            self.seen.add(exchange)
        self.violations += problems


class RecordingTransport(httpx.AsyncBaseTransport):
    """Forwards all requests, and adds each response to the record when its body has been read or abandoned."""

    def __init__(self, record: Record, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._record = record
        self._transport = transport or httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _RecordedStream(self._record, request, response, response.stream)
        return response

    async def aclose(self) -> None:
        await self._transport.aclose()


class _RecordedStream(httpx.AsyncByteStream):
    def __init__(
        self, record: Record, request: httpx.Request, response: httpx.Response, stream: httpx.AsyncByteStream
    ) -> None:
        self._record = record
        self._request = request
        self._response = response
        self._stream = stream
        self._body = bytearray()
        self._complete = False
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._body += chunk
            yield chunk
        self._complete = True

    async def aclose(self) -> None:
        await self._stream.aclose()
        if not self._closed:
            self._closed = True
            self._record.add(self._request, self._response, bytes(self._body), complete=self._complete)
