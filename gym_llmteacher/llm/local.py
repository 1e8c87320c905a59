"""The embedded model: llama.cpp inside this process, one thread, one model per file.

Speed and memory (SmolLM2-135M, one core): 0.5 s to load, 200 MB, about 6 ms per new prompt token;
what a prompt shares with the one before is kept, so what changes should come last.
"""

from __future__ import annotations

import atexit
import json
import math
import os
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gym_llmteacher.errors import LLMError, ModelUnavailableError
from gym_llmteacher.llm.weights import SETUP, weights

PREFIX = "local/"
DEFAULT_MODEL = "local/smollm2-135m"
_CONTEXT_TOKENS = 4096
# Added to the logits of the tokens that may come next; far above the spread of real logits, so
# that after the softmax these tokens hold all the mass and their ratios are those of the model.
_BIAS = 80.0


class LocalModelError(LLMError):
    """The embedded model refused one question, for example because it is too long."""


class LocalModel:
    """A GGUF model in this process; calls are serialised, from whatever thread they come.

    :param path: the GGUF file
    :param n_ctx: longest prompt plus answer, in tokens
    :raises ModelUnavailableError: xllamacpp is not installed, or cannot read the file
    """

    def __init__(self, path: Path, n_ctx: int = _CONTEXT_TOKENS) -> None:
        check_runtime()
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = n_ctx
        # One thread: beside a trainer on the same cores, llama.cpp's spin barriers make two
        # threads several times slower than one.
        params.n_parallel = 1
        params.cpuparams.n_threads = 1
        params.cpuparams_batch.n_threads = 1
        params.n_gpu_layers = 0
        params.warmup = False
        params.ui = False
        params.verbosity = -1  # llama.cpp writes straight to the process's stderr
        self.path = path
        self._lock = threading.Lock()
        try:
            self._server = xllamacpp.Server(params)
        except Exception as error:
            raise ModelUnavailableError(
                f"llama.cpp cannot load {path} ({error}); expected a GGUF language model. Cure: "
                "check the file, or leave the path out to use the embedded model."
            ) from error
        # The tokeniser is reachable only through the loopback port llama.cpp opens by itself.
        # Proxy settings of the environment must not apply to it.
        self._http = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def chat(
        self, messages: Sequence[Mapping[str, str]], n: int = 1, **sampling: Any
    ) -> tuple[list[dict[str, Any]], int, int]:
        """Answer a conversation ``n`` times.

        :param sampling: llama.cpp's (and OpenAI's) names: ``temperature``, ``top_p``,
            ``max_tokens``, ``stop``, ``logprobs``, ``top_logprobs``, ``seed``, ...
        :return: choices in the OpenAI format, prompt tokens, completion tokens
        :raises LocalModelError: the question does not fit the context
        """
        choices: list[dict[str, Any]] = []
        prompt_tokens = completion_tokens = 0
        seed = int(sampling.pop("seed", None) or 0)
        with self._lock:
            for i in range(n):
                request = {"messages": [dict(m) for m in messages], **sampling, "seed": seed + i}
                answer = _checked(self._server.handle_chat_completions(request))
                choices.append(answer["choices"][0])
                prompt_tokens += answer["usage"]["prompt_tokens"]
                completion_tokens += answer["usage"]["completion_tokens"]
        return choices, prompt_tokens, completion_tokens

    def score(self, prompt: str, candidates: Sequence[str]) -> tuple[list[float], int]:
        """Probability that the model goes on with each candidate, given that it is one of them.

        Prompt and candidate are tokenised together and the candidates form a tree of tokens. Where
        the tree branches, one forward pass gives the model's distribution over exactly the
        branches; a candidate's probability is the product along its path. That is decoding
        constrained to the candidates, as for SayCan (arXiv 2204.01691), without sampling.

        :param prompt: text before the candidates
        :param candidates: distinct strings, none the beginning of another
        :return: float probabilities, one per candidate, that sum to 1; prompt tokens
        :raises LocalModelError: the candidates cannot be told apart, or the prompt does not fit

        Example::

            >>> from gym_llmteacher.llm.local import get_model
            >>> p, _ = get_model().score("The capital of France is", [" Paris.", " Oslo."])
            >>> p[0] > 0.9
            True
        """
        with self._lock:
            paths = [self._tokens(prompt + candidate) for candidate in candidates]
            scores = [0.0] * len(paths)
            self._walk(paths, list(range(len(paths))), 0, 1.0, scores)
        total = sum(scores)
        return [score / total for score in scores], max(map(len, paths))

    def _walk(
        self, paths: list[list[int]], here: list[int], depth: int, mass: float, out: list[float]
    ) -> None:
        """Share ``mass`` among the candidates ``here``, which agree on the first tokens."""
        while True:
            if len(here) == 1:
                out[here[0]] = mass
                return
            if any(len(paths[i]) <= depth for i in here):
                raise LocalModelError("one candidate is the beginning of another one")
            groups: dict[int, list[int]] = {}
            for i in here:
                groups.setdefault(paths[i][depth], []).append(i)
            if len(groups) > 1:
                break
            depth += 1
        shares = self._next(paths[here[0]][:depth], list(groups))
        for token, members in groups.items():
            self._walk(paths, members, depth + 1, mass * shares[token], out)

    def _next(self, prefix: list[int], tokens: list[int]) -> dict[int, float]:
        """Distribution of the next token over ``tokens`` alone."""
        answer = _checked(
            self._server.handle_completions(
                {
                    "prompt": prefix,
                    "max_tokens": 1,
                    "temperature": 1.0,
                    "samplers": ["temperature"],
                    "logit_bias": [[token, _BIAS] for token in tokens],
                    "n_probs": len(tokens),
                    "post_sampling_probs": True,
                    "cache_prompt": True,
                    "seed": 0,
                }
            )
        )
        (entry,) = answer["choices"][0]["logprobs"]["content"]
        found = {e["id"]: float(e["prob"]) for e in entry["top_probs"]}
        shares = {token: found.get(token, 0.0) for token in tokens}
        total = math.fsum(shares.values())
        if not total > 0.5:  # the bias did not dominate: never seen, but would be silently wrong
            raise LocalModelError("the model gave no probabilities for the candidates")
        return {token: share / total for token, share in shares.items()}

    def _tokens(self, text: str) -> list[int]:
        body = json.dumps({"content": text, "add_special": True}).encode()
        request = urllib.request.Request(
            f"{self._server.listening_address}/tokenize",
            data=body,
            headers={"Content-Type": "application/json"},
        )
        with self._http.open(request, timeout=30) as response:
            tokens: list[int] = json.loads(response.read())["tokens"]
        return tokens


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        raise LocalModelError(str(answer["error"].get("message", answer["error"])))
    return answer


def check_runtime() -> None:
    """Check that llama.cpp's Python binding can be imported.

    :raises ModelUnavailableError: it cannot; the message has the command that installs it
    """
    try:
        import xllamacpp  # noqa: F401
    except ImportError as error:
        raise ModelUnavailableError(
            f"the embedded model needs xllamacpp, which cannot be imported ({error}). "
            f"Cure: run {SETUP}"
        ) from None


def is_local(model: str) -> bool:
    """Whether this model name means the embedded model."""
    return model.startswith(PREFIX)


def find_weights(model: str) -> Path:
    """GGUF file behind ``local/smollm2-135m`` or ``local//path/to/any.gguf``.

    :raises ModelUnavailableError: neither of the two, or no such file
    """
    name = model.removeprefix(PREFIX)
    if name == DEFAULT_MODEL.removeprefix(PREFIX):
        return weights()
    if name.lower().endswith(".gguf"):
        return weights(name)
    raise ModelUnavailableError(
        f"model is {model!r}, expected {DEFAULT_MODEL!r} or 'local//path/to/a/model.gguf'. For a "
        'model behind a server use its litellm name, such as "ollama_chat/qwen3".'
    )


_models: dict[Path, LocalModel] = {}
_inherited: list[dict[Path, LocalModel]] = []
_models_lock = threading.Lock()


def get_model(model: str = DEFAULT_MODEL) -> LocalModel:
    """Return the process's one model of that name; it is loaded by the first call.

    :raises ModelUnavailableError: weights or xllamacpp are missing
    """
    path = find_weights(model)
    with _models_lock:
        if path not in _models:
            _models[path] = LocalModel(path)
        return _models[path]


def _after_fork() -> None:
    # A forked child has the object but not llama.cpp's threads: it must load its own, and must not
    # run the destructor of the inherited one, which would wait for those threads for ever.
    global _models, _models_lock
    _inherited.append(_models)
    _models = {}
    _models_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
# llama.cpp's threads are joined while the interpreter is still whole.
atexit.register(lambda: _models.clear())
