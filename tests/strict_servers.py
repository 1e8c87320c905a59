"""Servers as strict as the providers they stand for: each refuses what its provider refuses.

Facts of late 2026; see docs/which_model.md for the table. Wire formats: OpenAI's, Anthropic's,
Gemini's and Ollama's.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import gymnasium as gym

from gym_llmteacher import LLMTeacher, LLMTeacherWrapper
from tests.lessons import TASK

Refusal = tuple[int, str] | None
Rule = Callable[[dict[str, Any]], Refusal]


@dataclass(frozen=True)
class Route:
    """A model behind a provider.

    :param model: litellm's name
    :param rules: each returns a status and a message for a body it refuses
    :param honours_n: whether ``n`` samples come back
    :param thinks: tokens of hidden thought before an answer, counted against the limit
    :param tagged: whether thoughts stand in the content, between marks
    :param wire: the format of requests and replies
    :param path: of the API, after the address
    """

    model: str
    rules: tuple[Rule, ...] = ()
    honours_n: bool = True
    thinks: int = 0
    tagged: bool = False
    wire: str = "openai"
    path: str = "/v1"
    options: dict[str, Any] = field(default_factory=dict)


def limit_of(body: dict[str, Any]) -> int | None:
    """The token limit of a request, in whatever format."""
    nested = {**body.get("generationConfig", {}), **body.get("options", {})}
    for name in ("max_completion_tokens", "max_tokens", "max_output_tokens", "num_predict"):
        if name in body or name in nested:
            return int(body.get(name, nested.get(name)))
    value = nested.get("maxOutputTokens")
    return None if value is None else int(value)


class StrictServer:
    """Serves one route and logs every body it gets, and every refusal."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.bodies: list[dict[str, Any]] = []
        self.refusals: list[tuple[int, str]] = []
        self.tokens = 0
        self.empty = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def model(self) -> dict[str, Any]:
        """The teacher, as a user would write it."""
        base = f"http://127.0.0.1:{self._server.server_address[1]}{self.route.path}"
        return {
            "model": self.route.model, "api_base": base, "api_key": "none", **self.route.options
        }  # fmt: skip

    def __enter__(self) -> StrictServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body of the response to a request."""
        with self._lock:
            self.bodies.append(body)
        for rule in self.route.rules:
            refused = rule(body)
            if refused is not None:
                with self._lock:
                    self.refusals.append(refused)
                return refused[0], _error(self.route.wire, *refused)
        nested = body.get("generationConfig", {})
        n = int(body.get("n") or nested.get("candidateCount") or nested.get("candidate_count") or 1)
        texts = [self._say(body) for _ in range(n if self.route.honours_n else 1)]
        return 200, _FORMATS[self.route.wire](body, texts, self.route)

    def _say(self, body: dict[str, Any]) -> tuple[str, str, int]:
        """Text, finish reason and tokens of one sample."""
        limit = limit_of(body) or 1_000_000
        words = right_answer(json.dumps(body, ensure_ascii=False))
        used = self.route.thinks + 8
        text, finish = words, "stop"
        if self.route.thinks >= limit:
            text, finish, used = "", "length", limit
        if self.route.tagged:
            thought = "<think>Maybe Action: {drop key}? No, the agent should "
            text = f"{thought}go on.</think>{words}" if finish == "stop" else thought
        with self._lock:
            self.tokens += used
            self.empty += finish == "length"
        return text, finish, used


def right_answer(asked: str) -> str:
    """What a capable model says to any of our questions about a door and its key."""
    last = asked[asked.rfind("Situation: ") :]
    holds = "holds the key" in last or "holds <key>" in last
    if "Choose one:" in last:
        return "door" if holds else "key"
    listed = re.findall(r"- ([a-z ]+)", last)
    wanted = ("open door", "go to door") if holds else ("pick up key", "go to key")
    plan = [option for option in wanted[::-1] if option in listed] or ["explore"]
    return f"It holds {'a key' if holds else 'nothing'}. Action: {{{', '.join(plan)}}}"


def _error(wire: str, status: int, message: str) -> dict[str, Any]:
    if wire == "anthropic":
        kind = "invalid_request_error"
        return {"type": "error", "error": {"type": kind, "message": message}}
    if wire == "gemini":
        error = {"code": status, "message": message, "status": "INVALID_ARGUMENT"}
        return {"error": error}
    if wire == "ollama":
        return {"error": message}
    return {"error": {"message": message, "type": "invalid_request_error", "code": status}}


def _openai(body: dict[str, Any], texts: list[tuple[str, str, int]], route: Route) -> Any:
    used = sum(tokens for _, _, tokens in texts)
    return {
        "id": "x", "object": "chat.completion", "created": 0, "model": body.get("model", "x"),
        "service_tier": "on_demand",
        "choices": [
            {"index": i, "finish_reason": finish, "logprobs": None,
             "message": {"role": "assistant", "content": text}}
            for i, (text, finish, _) in enumerate(texts)
        ],
        "usage": {"prompt_tokens": 50, "completion_tokens": used, "total_tokens": 50 + used},
    }  # fmt: skip


def _anthropic(body: dict[str, Any], texts: list[tuple[str, str, int]], route: Route) -> Any:
    text, finish, used = texts[0]
    return {
        "id": "x", "type": "message", "role": "assistant", "model": body["model"],
        "content": [{"type": "text", "text": text}],
        "stop_reason": "max_tokens" if finish == "length" else "end_turn",
        "usage": {"input_tokens": 50, "output_tokens": used},
    }  # fmt: skip


def _gemini(body: dict[str, Any], texts: list[tuple[str, str, int]], route: Route) -> Any:
    return {
        "candidates": [
            {"index": i, "finishReason": "MAX_TOKENS" if finish == "length" else "STOP",
             "content": {"role": "model", "parts": [{"text": text}] if text else []}}
            for i, (text, finish, _) in enumerate(texts)
        ],
        "usageMetadata": {
            "promptTokenCount": 50, "candidatesTokenCount": sum(used for *_, used in texts),
            "totalTokenCount": 50 + sum(used for *_, used in texts),
        },
    }  # fmt: skip


def _ollama(body: dict[str, Any], texts: list[tuple[str, str, int]], route: Route) -> Any:
    text, finish, used = texts[0]
    return {
        "model": body["model"], "created_at": "2026-01-01T00:00:00Z", "done": True,
        "done_reason": finish, "message": {"role": "assistant", "content": text},
        "prompt_eval_count": 50, "eval_count": used,
    }  # fmt: skip


_FORMATS = {"openai": _openai, "anthropic": _anthropic, "gemini": _gemini, "ollama": _ollama}


def _handler(owner: StrictServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length) or b"{}")
            # Ollama is asked about the model before it is asked anything.
            status, form = (200, {}) if self.path.endswith("/api/show") else owner.answer(body)
            payload = json.dumps(form).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: object) -> None:
            """Write nothing to stderr."""

    return Handler


def taught(server, answers, steps=30, **arguments):
    """Mean weight of so many random steps, and the teacher."""
    teacher = LLMTeacher(server.model, answers, timeout=20.0, max_retries=2, **arguments)
    teacher.oracle.client.endpoint.sleep = lambda seconds: None
    env = LLMTeacherWrapper(gym.make(TASK), teacher)
    env.action_space.seed(0)
    _, info = env.reset(seed=0)
    weights = []
    for _ in range(steps):
        weights.append(info["teacher_weight"])
        _, _, terminated, truncated, info = env.step(env.action_space.sample())
        if terminated or truncated:
            _, info = env.reset()
    return sum(weights) / len(weights), teacher
