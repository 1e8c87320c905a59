"""For tests of your own: `check_teacher`, `check_decorator`, `check_grounding`, and a server.

`FakeLLMServer` is a language model with programmed answers.

The server speaks real HTTP on the loopback. Nothing of litellm is mocked: requests go through the
whole client and can be counted.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from gym_llmteacher.groundings.check import check_grounding as check_grounding
from gym_llmteacher.teachers.check import check_decorator as check_decorator
from gym_llmteacher.teachers.check import check_teacher as check_teacher


@dataclass(frozen=True)
class FakeReply:
    """One programmed answer.

    :param text: what the model says
    :param texts: what it says when asked for several samples, repeated as needed
        (default: ``text`` every time)
    :param status: HTTP status; for 400 and above ``text`` is the error message
    :param headers: extra response headers, for example ``{"Retry-After": "1"}``
    :param delay: seconds to wait before answering; ``math.inf``: for ever
    :param body: raw response body instead of all the above
    :param cut: reset the connection after so many bytes of the body; 0: before any response
    :param drip: seconds between two bytes of the body, each of which looks like progress
    :param logprobs: probabilities of the first token, reported as ``top_logprobs``
    """

    text: str = ""
    texts: tuple[str, ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    body: str | None = None
    cut: int | None = None
    drip: float = 0.0
    logprobs: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Request:
    """One request the server received; headers are spelt like ``Authorization``."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


Answer = str | FakeReply
Script = Answer | Sequence[Answer] | Callable[[dict[str, Any]], Answer]


class FakeLLMServer:
    """An OpenAI-compatible chat server on a random loopback port.

    :param replies: one answer for every request; a list, used in turn, the last one for ever; or a
        function of the request body. Several requests may be answered at once, so a function must
        be thread-safe
    :param honours_n: whether several samples are returned for one request, or always one

    Example::

        >>> from gym_llmteacher.testing import FakeLLMServer
        >>> with FakeLLMServer("Action: {go to key}") as server:
        ...     server.model["api_base"].startswith("http://127.0.0.1:")
        True
        >>> len(server.history)
        0
    """

    def __init__(self, replies: Script = "ok", honours_n: bool = True) -> None:
        self.history: list[Request] = []
        self._replies = replies
        self._honours_n = honours_n
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._port = 0
        self.start()

    def start(self) -> None:
        """Serve, again on the same port after `stop`."""
        self._closing.clear()
        self._server = _Server(("127.0.0.1", self._port), _handler_for(self))
        self._port = self._server.server_address[1]
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections until `start`; requests that are being delayed are let go."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Base address, for litellm's ``api_base``."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def model(self) -> dict[str, Any]:
        """Form of the model for `LLMTeacher` and `LLMTeacherWrapper`."""
        return {"model": "openai/fake", "api_base": self.url, "api_key": "fake-key-for-tests"}

    def __enter__(self) -> FakeLLMServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _next(self, request: Request) -> FakeReply:
        with self._lock:
            turn = len(self.history)
            self.history.append(request)
        replies = self._replies
        if callable(replies):
            answer = replies(request.body)
        elif isinstance(replies, (str, FakeReply)):
            answer = replies
        else:
            answer = replies[min(turn, len(replies) - 1)]
        reply = FakeReply(answer) if isinstance(answer, str) else answer
        if reply.delay > 0:
            self._closing.wait(min(reply.delay, threading.TIMEOUT_MAX))
        return reply

    def _body(self, request: Request, reply: FakeReply) -> str:
        if reply.body is not None:
            return reply.body
        if reply.status >= 400:
            return json.dumps({"error": {"message": reply.text, "code": reply.status}})
        n = int(request.body.get("n") or 1) if self._honours_n else 1
        texts = reply.texts or (reply.text,)
        logprobs = _logprobs(reply.logprobs) if reply.logprobs else None
        usage = {"prompt_tokens": 7, "completion_tokens": 3 * n, "total_tokens": 7 + 3 * n}
        return json.dumps(
            {
                "id": "chatcmpl-fake",
                "object": "chat.completion",
                "created": 0,
                "model": request.body.get("model", "fake"),
                "choices": [
                    {
                        "index": i,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": texts[i % len(texts)]},
                        "logprobs": logprobs,
                    }
                    for i in range(n)
                ],
                "usage": usage,
            }
        )


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # of five, a few processes that ask at once would be turned away


def _logprobs(first_token: Mapping[str, float]) -> dict[str, Any]:
    rows = [
        {"token": token, "logprob": math.log(p), "bytes": list(token.encode())}
        for token, p in sorted(first_token.items(), key=lambda item: -item[1])
    ]
    return {"content": [{**rows[0], "top_logprobs": rows}]}


def _handler_for(owner: FakeLLMServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            headers = {name.title(): value for name, value in self.headers.items()}
            body = json.loads(self.rfile.read(length) or b"{}")
            request = Request(self.path, headers, body)
            reply = owner._next(request)
            payload = owner._body(request, reply).encode()
            if reply.cut == 0:
                return self._reset()
            try:
                self.send_response(reply.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self._send(payload[: reply.cut], reply.drip)
                if reply.cut is not None:
                    self._reset()
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client has given up waiting

        def _send(self, payload: bytes, drip: float) -> None:
            if drip <= 0:
                self.wfile.write(payload)
                return
            for i in range(len(payload)):
                self.wfile.write(payload[i : i + 1])
                if owner._closing.wait(drip):
                    return

        def _reset(self) -> None:
            """Close without the usual good-bye: the client reads "connection reset by peer"."""
            self.wfile.flush()
            now = struct.pack("ii", 1, 0)  # linger on, for no time
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
            self.connection.close()
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Write nothing to stderr."""

    return Handler
