"""What a provider's error means: for the model, for one question, or for now."""

from __future__ import annotations

import re

from gym_llmteacher.abstention import Abstention
from gym_llmteacher.errors import CallFailedError, ModelUnavailableError
from gym_llmteacher.llm.redact import redact
from gym_llmteacher.shown import shown

_FATAL = (
    "AuthenticationError", "PermissionDeniedError", "NotFoundError", "BadRequestError",
    "UnsupportedParamsError", "UnprocessableEntityError", "BudgetExceededError",
)  # fmt: skip
_NO_ROUTE = re.compile(r"LLM Provider NOT provided", re.I)
_NO_KEY = re.compile(r"missing credentials|api_key client option must be set|no api[ _]key", re.I)
# Reasoning models that used up their tokens say so with a 400; so do servers with a full context.
_CUT_OFF = re.compile(r"limit was reached|output limit", re.I)
_FILTERED = re.compile(r"content[ _](?:policy|filter|management)|safety system", re.I)
_TOO_LONG = re.compile(r"context (size|length|window)", re.I)
_CURES = {
    "AuthenticationError": 'set the provider\'s key (for example OPENAI_API_KEY), or pass it as '
    '{"model": ..., "api_key": ...}; a server that needs none takes any, such as "none"',
    "PermissionDeniedError": "check that the key may use this model",
    "NotFoundError": "check the model's name and api_base (for ollama: `ollama pull` it first)",
    "BadRequestError": 'name a model as "provider/model", as listed at '
    'https://docs.litellm.ai/docs/providers; if the model refuses an argument that you gave, take '
    'it out of the dict',
}  # fmt: skip


class TransientError(Exception):
    """Trouble that may pass: the request is worth repeating.

    :param retry_after: seconds that the server asks to wait, if it does
    """

    def __init__(self, message: str, retry_after: float | None, reason: Abstention) -> None:
        super().__init__(message)
        self.retry_after, self.reason = retry_after, reason


def translated(error: Exception, model: str, secrets: frozenset[str]) -> Exception:
    """The error of ours that stands for one of litellm's.

    :return: `ModelUnavailableError`: the model can never answer; `CallFailedError`: it does not
        answer this question; `TransientError`: the trouble may pass
    """
    kinds = _kinds(error)
    message = words_of(error, secrets)[:500]
    refused = refused_question(error, secrets)
    if refused is not None:
        return CallFailedError(f"{model} refused this question: {message}", refused)
    fatal = next((kind for kind in kinds if kind in _FATAL), None)
    if _NO_KEY.search(message):  # raised by the provider's client, so it has no status
        fatal = "AuthenticationError"
    if getattr(error, "status_code", None) == 403:  # litellm gives it no class of its own
        fatal = "PermissionDeniedError"
    if fatal is not None:
        cure = _CURES.get(fatal, _CURES["BadRequestError"])
        return ModelUnavailableError(
            f"model {model!r} cannot be used, got {kinds[0]}: {message} Expected an "
            f"answer to a short question. Cure: {cure}."
        )
    slow = isinstance(error, TimeoutError) or "Timeout" in kinds
    return TransientError(
        f"{model} did not answer, got {kinds[0]}: {message}",
        _retry_after(error),
        Abstention.TIMEOUT if slow else Abstention.SERVER_DOWN,
    )


def words_of(error: Exception, secrets: frozenset[str]) -> str:
    """An error's words, without line breaks and keys."""
    return shown(" ".join(redact(str(error), secrets).split()))


def may_be_an_argument(error: Exception) -> str | None:
    """Whether a request may have been refused for one of its arguments.

    :return: ``"bad request"``: nothing else is likely; ``"server error"``, ``"forbidden"``: if it
        says so; ``None``: no
    """
    kinds = _kinds(error)
    status = getattr(error, "status_code", None)
    if _NO_KEY.search(str(error)) or _NO_ROUTE.search(str(error)):
        return None
    if "InternalServerError" in kinds or status == 500:
        return "server error"
    if "PermissionDeniedError" in kinds or status == 403:
        return "forbidden"
    if "AuthenticationError" in kinds or "NotFoundError" in kinds:
        return None
    return "bad request" if status in (400, 422) or "BadRequestError" in kinds else None


def _kinds(error: Exception) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__]


def refused_question(error: Exception, secrets: frozenset[str]) -> Abstention | None:
    """Why this question was refused; ``None`` if it is not about the question."""
    kinds, message = _kinds(error), words_of(error, secrets)
    bad_request = "BadRequestError" in kinds
    if "ContentPolicyViolationError" in kinds or (bad_request and _FILTERED.search(message)):
        return Abstention.REFUSED
    if "ContextWindowExceededError" in kinds or (bad_request and _TOO_LONG.search(message)):
        return Abstention.CONTEXT_LIMIT
    return Abstention.TOKEN_LIMIT if bad_request and _CUT_OFF.search(message) else None


def _retry_after(error: Exception) -> float | None:
    for headers in (
        getattr(error, "litellm_response_headers", None),
        getattr(getattr(error, "response", None), "headers", None),
    ):
        value = (headers or {}).get("retry-after")
        if value is not None:
            try:
                return max(0.0, float(value))
            except ValueError:  # the other form is a date; back off as if nothing was said
                return None
    return None
