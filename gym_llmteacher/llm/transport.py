"""What a server may send back: so many bytes, until the deadline, from where it was asked.

The libraries below litellm read whatever comes, for as long as it comes, and follow redirects to
other hosts with every header but ``Authorization``.
"""

from __future__ import annotations

import contextlib
import time
import zlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

import httpx

from gym_llmteacher.llm.locked import Locked

MOST_BYTES = 16 * 2**20  # of one response, unpacked; a hundred long replies have a tenth of it
_PIECE = 2**16
_PACKED = ("gzip", "x-gzip", "deflate")


class _Request(NamedTuple):
    """What is known of the request that this thread makes."""

    ends: float
    verify: Any


_request: ContextVar[_Request | None] = ContextVar("request", default=None)


@contextlib.contextmanager
def guarded(ends: float, verify: Any = None) -> Iterator[None]:
    """Requests of this thread are given up at a time, and their responses are not trusted.

    :param ends: by the monotonic clock
    :param verify: litellm's ``ssl_verify``, where the user gave one
    """
    token = _request.set(_Request(ends, verify))
    try:
        yield
    finally:
        _request.reset(token)


class GuardedTransport(Locked, httpx.BaseTransport):
    """Httpx's own transport, with limits for the requests made inside `guarded`.

    A response that is too long or too late ends in ``httpx.ReadError`` or ``httpx.ReadTimeout``,
    and its connection is closed. A redirect to another host becomes an error 404 that names it:
    keys in headers such as ``x-api-key`` would go there, too.
    """

    def __init__(self) -> None:
        super().__init__()
        self._inner: dict[Any, httpx.HTTPTransport] = {}

    def after_fork(self) -> None:
        """In a forked child: leave the parent's connections alone."""
        super().after_fork()
        self._inner = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its response has a bounded body."""
        limits = _request.get()
        if limits is None:
            return self._transport(None).handle_request(request)
        request.headers["accept-encoding"] = "identity"
        response = self._transport(limits.verify).handle_request(request)
        elsewhere = _elsewhere(request, response)
        if elsewhere is not None:
            response.close()
            said = f"the server redirects to {elsewhere}; if that is right, set api_base to it"
            return httpx.Response(404, json={"error": {"message": said}}, request=request)
        packing = response.headers.pop("content-encoding", "identity").strip().lower()
        if packing in _PACKED:
            response.headers.pop("content-length", None)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Body(response, packing, limits.ends),
            extensions=response.extensions,
        )

    def _transport(self, verify: Any) -> httpx.HTTPTransport:
        from litellm.llms.custom_httpx.http_handler import get_ssl_configuration

        with self._lock:
            if verify not in self._inner:
                self._inner[verify] = httpx.HTTPTransport(
                    verify=get_ssl_configuration(verify), limits=httpx.Limits(max_connections=None)
                )
            return self._inner[verify]

    def close(self) -> None:
        """Nothing: several clients share this transport, and it outlives each of them."""


class _Body(httpx.SyncByteStream):
    """A response's body, unpacked, as far as it goes."""

    def __init__(self, response: httpx.Response, packing: str, ends: float) -> None:
        self._response, self._packing, self._ends = response, packing, ends

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self._response.stream, httpx.SyncByteStream)
        pieces: Iterable[bytes] = self._response.stream
        if self._packing in _PACKED:
            pieces = _unpacked(pieces)
        elif self._packing != "identity":
            raise httpx.ReadError(f"a response packed as {self._packing[:40]!r}, not asked for")
        size = 0
        for piece in pieces:
            size += len(piece)
            if size > MOST_BYTES:
                raise httpx.ReadError(f"a response of more than {MOST_BYTES >> 20} MB")
            if time.monotonic() > self._ends:
                raise httpx.ReadTimeout("a response that does not end")
            yield piece

    def close(self) -> None:
        self._response.close()


def _unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)  # either kind of header
    for piece in pieces:
        more = True
        while more:
            try:
                plain = unpack.decompress(piece, _PIECE)
            except zlib.error as error:
                raise httpx.ReadError(f"a response that cannot be unpacked: {error}") from None
            yield plain
            piece = unpack.unconsumed_tail
            more = bool(piece) or len(plain) == _PIECE


def _elsewhere(request: httpx.Request, response: httpx.Response) -> str | None:
    """The host that a response sends us to, if that is another one."""
    if not response.has_redirect_location:
        return None
    try:
        to = request.url.join(response.headers["location"])
    except (httpx.InvalidURL, ValueError):
        return "nowhere"
    asked = request.url
    if (to.scheme, to.host, to.port) == (asked.scheme, asked.host, asked.port):
        return None
    return f"{to.scheme}://{to.netloc.decode('ascii', 'replace')}"
