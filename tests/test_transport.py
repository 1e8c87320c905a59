"""A server that sends too much, for too long, or sends us away."""

import gzip
import json
import threading
import tracemalloc
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from gym_llmteacher import LLMTeacher, Situation
from gym_llmteacher.llm.transport import MOST_BYTES

HERE = Situation("text", ("a", "b"), np.eye(2, dtype=np.float32))
SAID = {
    "openai": {
        "id": "1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop",
                     "message": {"role": "assistant", "content": "Action: {a}"}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    },
    "anthropic": {
        "id": "1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "Action: {a}"}],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
}  # fmt: skip


@contextmanager
def serving(answer):
    """A loopback server.

    :param answer: called with the handler, once it has read the request
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            server.asked.append(dict(self.headers))
            try:
                answer(self)
            except OSError:
                server.left.set()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.asked, server.left = [], threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def reply(handler, body, status=200, **headers):
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def teacher(provider, url, **more):
    model = {"model": f"{provider}/m", "api_base": url, "api_key": "none", **more}
    return LLMTeacher(model, ":memory:", samples=1, max_retries=0, timeout=20)


PROVIDERS = pytest.mark.parametrize("provider", SAID)


@PROVIDERS
def test_an_endless_response_is_cut(provider):
    sent = []

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        while True:
            handler.wfile.write(b" " * 2**16)
            sent.append(2**16)

    with serving(answer) as (server, url):
        advice = teacher(provider, url).advise([HERE])[0]
        assert server.left.wait(30)  # the connection is closed
    assert advice.abstained
    # What lies in the buffers of the two sockets was sent, too.
    assert MOST_BYTES < sum(sent) < 2 * MOST_BYTES


@PROVIDERS
def test_a_response_that_drips_ends_at_the_time_out(provider):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        while not stop.wait(0.05):
            handler.wfile.write(b" ")

    stop = threading.Event()
    with serving(answer) as (server, url):
        asking = LLMTeacher(
            {"model": f"{provider}/m", "api_base": url, "api_key": "none"},
            ":memory:", samples=1, max_retries=0, timeout=1,
        )  # fmt: skip
        assert asking.advise([HERE])[0].abstained
        assert server.left.wait(30)
        stop.set()


@PROVIDERS
def test_a_bomb_does_not_go_off(provider):
    bomb = gzip.compress(b" " * 120 * 2**20, compresslevel=9)
    with serving(lambda handler: reply(handler, bomb, Content_Encoding="gzip")) as (_, url):
        asking = teacher(provider, url)
        tracemalloc.start()
        advice = asking.advise([HERE])[0]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert advice.abstained
    assert peak < 4 * MOST_BYTES


@PROVIDERS
@pytest.mark.parametrize("packing", ["gzip", "identity"])
def test_a_packed_response_is_read(provider, packing):
    body = json.dumps(SAID[provider]).encode()
    body = gzip.compress(body) if packing == "gzip" else body
    with serving(lambda handler: reply(handler, body, Content_Encoding=packing)) as (_, url):
        advice = teacher(provider, url).advise([HERE])[0]
    assert advice.plans == ((("a",), 1.0),), advice.source


@pytest.mark.parametrize("status", [302, 307])
@PROVIDERS
def test_no_key_goes_where_a_redirect_leads(provider, status, caplog):
    with serving(lambda handler: reply(handler, b"{}")) as (other, elsewhere):
        answer = lambda handler: reply(handler, b"", status, Location=f"{elsewhere}/v1")  # noqa: E731
        with serving(answer) as (asked, url):
            advice = teacher(provider, url, extra_headers={"x-api-key": "mine"}).advise([HERE])[0]
    assert advice.abstained
    assert len(asked.asked) == 1
    assert other.asked == []
    assert f"the server redirects to {elsewhere}; if that is right, set api_base" in caplog.text


@PROVIDERS
def test_a_redirect_on_the_same_host_is_followed(provider):
    def answer(handler):
        if handler.path.endswith("/moved"):
            return reply(handler, json.dumps(SAID[provider]).encode())
        return reply(handler, b"", 307, Location="/moved")

    with serving(answer) as (_, url):
        advice = teacher(provider, url).advise([HERE])[0]
    assert advice.plans == ((("a",), 1.0),), advice.source
