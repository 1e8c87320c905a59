"""What the blocks of README and docs need to run: models behind servers, and short trainings."""

import contextlib
import warnings
from pathlib import Path

import matplotlib
import pytest
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from tests.routes import ROUTES
from tests.strict_servers import StrictServer

# Where litellm looks for a server when a page names a model and nothing else.
SERVED = {
    "OPENAI_API_BASE": "gpt-4o-mini",
    "ANTHROPIC_API_BASE": "claude-sonnet-4-5",
    "OLLAMA_API_BASE": "ollama qwen3",
}
STUDENTS = Path(__file__).parent.parent / "students"
STEPS = 600
"""Trainings of the pages are cut off here: that they learn is what other tests are for."""


def short(learn):
    """The same, for fewer steps."""

    def shorter(self, total_timesteps, *args, **kwargs):
        return learn(self, min(total_timesteps, STEPS), *args, **kwargs)

    return shorter


@pytest.fixture(scope="module")
def behind_strict_servers(tmp_path_factory):
    """Models are there, files go to a folder of their own, and trainings are short."""
    matplotlib.use("agg")
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        for name, route in SERVED.items():
            server = stack.enter_context(StrictServer(ROUTES[route]))
            patch.setenv(name, server.model["api_base"])
        for provider in ("OPENAI", "ANTHROPIC"):
            patch.setenv(f"{provider}_API_KEY", "none")
        folder = tmp_path_factory.mktemp("page")
        patch.chdir(folder)
        (folder / "students").symlink_to(STUDENTS)
        patch.setenv("GYM_LLMTEACHER_ANSWERS", str(folder / "answers.sqlite"))
        for algorithm in (OnPolicyAlgorithm, OffPolicyAlgorithm):
            patch.setattr(algorithm, "learn", short(algorithm.learn))
        assert BaseAlgorithm.learn is not None
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        yield
