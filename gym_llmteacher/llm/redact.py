"""Keep keys out of everything that is shown, logged or stored."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_SECRET_NAME = re.compile(
    r"key|secret|password|passwd|credential|auth|bearer|cookie|signature|^sig$|token$", re.I
)
_SHORTEST = 8  # shorter values ("none", "x") are placeholders, and would blank out ordinary words
# A password may have an @ in it: up to the last one before the path.
_USERINFO = re.compile(r"(?<=://)[^/\s]+(?=@)")
_IN_QUERY = re.compile(r"(?<=[?&])([^=&\s]*)=([^&\s'\"]+)")
_LOOKS_LIKE_KEY = re.compile(r"\b(?:sk|pk|gsk|hf|xai)[-_][A-Za-z0-9_\-*.]{6,}|(?<=Bearer )\S+")
# Stricter: replies are about options, and an option may be called sk_turn_left.
_IS_KEY = re.compile(r"\b(?:sk|pk|gsk|hf|xai)[-_](?=[A-Za-z_\-]*[0-9])[A-Za-z0-9_\-]{20,}")
_ENVIRONMENT = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)$")
_RANDOM = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[\w\-./+=~:]{16,}")


def secrets_of(options: Mapping[str, Any]) -> frozenset[str]:
    """Values among a model's options, and in the environment, that must never be shown.

    Of the environment only what looks random: a word that names an option is no secret.
    """
    found = set(_secrets_in(options, every=False))
    found.update(
        value
        for name, value in os.environ.items()
        if _ENVIRONMENT.search(name) and _RANDOM.fullmatch(value)
    )
    return frozenset(value for value in found if len(value) >= _SHORTEST)


def _secrets_in(value: Any, every: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _secrets_in(part, every or _is_secret(name))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _secrets_in(part, every or _is_pair(value))
    elif isinstance(value, str):
        if every:
            yield value
            yield value.removeprefix("Bearer ")
        elif "://" in value:
            yield from _secrets_in(dict(_query(value)), every=False)


def _is_secret(name: Any) -> bool:
    return "header" in str(name).lower() or bool(_SECRET_NAME.search(str(name)))


def _is_pair(value: Any) -> bool:
    """Whether this is a name, which tells of a secret, with its value: ``("x-api-key", "...")``."""
    return len(value) == 2 and isinstance(value[0], str) and _is_secret(value[0])


def _query(address: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(urlsplit(address).query)
    except ValueError:
        return []


def redact(text: str, secrets: frozenset[str] = frozenset()) -> str:
    """Replace secrets, passwords in addresses and whatever looks like a key by ``***``.

    >>> redact("no access with planted-key-1 at http://me:p@w@host/?api_key=x&n=2",
    ...        frozenset({"planted-key-1"}))
    'no access with *** at http://***@host/?api_key=***&n=2'
    """
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _IN_QUERY.sub(lambda m: f"{m[1]}=***" if _is_secret(m[1]) else m[0], text)
    return _LOOKS_LIKE_KEY.sub("***", _USERINFO.sub("***", text))


def redact_reply(text: str, secrets: frozenset[str]) -> str:
    """Replace what a server may have echoed: the keys it was given, and no ordinary words.

    >>> redact_reply("Action: {sk_turn_left}", frozenset())
    'Action: {sk_turn_left}'
    """
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return _IS_KEY.sub("***", text)


def without_secrets(options: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a model's options for a report: every secret is ``***``.

    >>> without_secrets({"model": "openai/x", "api_key": "short"})
    {'model': 'openai/x', 'api_key': '***'}
    """
    shown: dict[str, Any] = _hidden(options, secrets_of(options), every=False)
    return shown


def without_keys(spec: Any) -> Any:
    """Copy what names a teacher, with no secret in it: left out where it has a name, else hidden.

    >>> without_keys([{"process": {"model": "openai/x", "api_key": "k", "samples": 2}}, None])
    [{'process': {'model': 'openai/x', 'samples': 2}}, None]
    """
    if isinstance(spec, Mapping):
        return {name: without_keys(part) for name, part in spec.items() if not _is_secret(name)}
    if isinstance(spec, (list, tuple)):
        return "***" if _is_pair(spec) else [without_keys(part) for part in spec]
    return redact(spec) if isinstance(spec, str) else spec


def _hidden(value: Any, secrets: frozenset[str], every: bool) -> Any:
    if isinstance(value, Mapping):
        return {n: _hidden(part, secrets, every or _is_secret(n)) for n, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hidden(part, secrets, every or _is_pair(value)) for part in value]
    if isinstance(value, str):
        return "***" if every else redact(value, secrets)
    return value
