"""Keep keys out of everything that is shown, logged or stored."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

_SECRET_NAME = re.compile(r"key|secret|password|passwd|credential|authorization|token$", re.I)
_SHORTEST = 8  # shorter values ("none", "x") are placeholders, and would blank out ordinary words
_USERINFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_LOOKS_LIKE_KEY = re.compile(r"\b(?:sk|pk|gsk|hf|xai)[-_][A-Za-z0-9_\-*.]{6,}|(?<=Bearer )\S+")


def secrets_of(options: Mapping[str, Any]) -> frozenset[str]:
    """Values among a model's options, and in the environment, that must never be shown."""
    found = set(_secrets_in(options))
    found.update(v for k, v in os.environ.items() if re.search(r"(KEY|TOKEN|SECRET|PASSWORD)$", k))
    return frozenset(value for value in found if len(value) >= _SHORTEST)


def _secrets_in(options: Mapping[str, Any], every: bool = False) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _secrets_in(value, every or "header" in str(name).lower())
        elif isinstance(value, str) and (every or _SECRET_NAME.search(str(name))):
            yield value
            yield value.removeprefix("Bearer ")


def redact(text: str, secrets: frozenset[str]) -> str:
    """Replace secrets, passwords in addresses and whatever looks like a key by ``***``.

    >>> redact("no access with planted-key-1 at http://me:pw@host/", frozenset({"planted-key-1"}))
    'no access with *** at http://***@host/'
    """
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return _LOOKS_LIKE_KEY.sub("***", _USERINFO.sub("***", text))


def without_secrets(options: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a model's options for a report: every secret is ``***``.

    >>> without_secrets({"model": "openai/x", "api_key": "short"})
    {'model': 'openai/x', 'api_key': '***'}
    """
    return _hidden(options, secrets_of(options), every=False)


def _hidden(options: Mapping[str, Any], secrets: frozenset[str], every: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in options.items():
        if isinstance(value, Mapping):
            shown[name] = _hidden(value, secrets, every or "header" in str(name).lower())
        elif isinstance(value, str):
            secret = every or _SECRET_NAME.search(str(name))
            shown[name] = "***" if secret else redact(value, secrets)
        else:
            shown[name] = value
    return shown
