"""No key goes into a checkpoint: RLlib pickles its whole config into every one."""

from __future__ import annotations

import io
from typing import Any

import cloudpickle

from gym_llmteacher.errors import TeacherSpecError
from gym_llmteacher.llm.client import Client
from gym_llmteacher.llm.redact import redact, secrets_of


class _Finder(cloudpickle.Pickler):
    """Pickles, and takes down the keys of every language model and address on the way."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.secrets: set[str] = set()

    def persistent_id(self, part: Any) -> None:
        """Called with everything that is pickled."""
        if isinstance(part, Client):
            self.secrets |= secrets_of(part.options)
        elif isinstance(part, dict):
            self.secrets |= _named(part)
        elif isinstance(part, str) and "://" in part and redact(part) != part:
            self.secrets.add(part)


def _named(options: dict[Any, Any]) -> frozenset[str]:
    """Keys of a model's dict; other dicts have names that only look like a key's."""
    return secrets_of(options) if "model" in options else frozenset()


def check_no_keys(name: str, value: Any) -> None:
    """Check that nothing in ``value`` is a key, or an address with a password.

    :param name: what to call it in the error
    :param value: anything that can be pickled
    :raises TeacherSpecError: it has one, or cannot be pickled

    >>> check_no_keys("teacher", {"model": "openai/x", "api_key": "none"})
    >>> check_no_keys("teacher", {"model": "openai/x", "api_key": "planted-key-1"})
    Traceback (most recent call last):
        ...
    gym_llmteacher.errors.TeacherSpecError: teacher has a key or a password in it, ...
    """
    file = io.BytesIO()
    finder = _Finder(file)
    try:
        finder.dump(value)
    except Exception as error:
        raise TeacherSpecError(
            f"{name} cannot be pickled ({error}), expected to be: it is sent to other processes. "
            "Open clients, files and locks lazily, and leave them out of __getstate__."
        ) from error
    written = file.getvalue()
    if any(secret.encode("utf-8", "surrogatepass") in written for secret in finder.secrets):
        raise TeacherSpecError(
            f"{name} has a key or a password in it, expected none: RLlib writes its config into "
            "every checkpoint. Put it into the environment of Ray's processes, such as "
            "OPENAI_API_KEY, or GYM_LLMTEACHER_ANSWERS for the address of a Redis server."
        )
