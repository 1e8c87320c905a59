"""The students in ``students/``: they load in plain PPO, play as their cards say, and are small."""

import base64
import json
import re
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.students import ENTRIES
from gym_llmteacher.cli import app
from tests.alone import without_this_package

FOLDERS = [Path(__file__).parent.parent / "students" / entry.name for entry in ENTRIES]
PLAY = """
import gymnasium as gym
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy

model = PPO.load({path!r}, device="cpu")
assert type(model) is PPO
if {own}:  # the env is this package's, so that from here on it is needed
    sys.meta_path.pop(0)
    import gym_llmteacher.envs
env = gym.make({env!r})
env.reset(seed=30_000)
returns, _ = evaluate_policy(model, env, {episodes}, return_episode_rewards=True, warn=False)
print(sum(r >= {solved} for r in returns) / len(returns))
"""


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def folder(request):
    return request.param


def test_loads_in_plain_ppo_and_plays_as_its_card_says(folder, tmp_path):
    env = json.loads((folder / "config.json").read_text("utf-8"))["env"]
    own = env.startswith("LLMTeacher/")
    code = PLAY.format(
        path=str(folder / "student.zip"), env=env, own=own, episodes=25 if own else 4,
        solved=1e-9 if own else 475,
    )  # fmt: skip
    done = without_this_package(code, tmp_path)
    assert done.returncode == 0, done.stderr
    card = (folder / "README.md").read_text("utf-8")
    greedy = float(re.search(r"episodes solved \|.*\| ([\d.]+)% \(", card).group(1)) / 100
    assert float(done.stdout) >= greedy - 0.1


def test_is_small_holds_no_bytecode_and_names_no_folder_of_a_machine(folder):
    path = folder / "student.zip"
    assert path.stat().st_size < 1_000_000
    with zipfile.ZipFile(path) as saved:
        data = json.loads(saved.read("data"))
    pickles = [v[":serialized:"] for v in data.values() if isinstance(v, dict) and v.get(":type:")]
    for pickled in pickles:
        assert not re.search(rb"/[\w./-]+\.py", base64.b64decode(pickled))
        # What cloudpickle saves by value is bytecode: another version of Python crashes on it.
        assert b"cloudpickle" not in base64.b64decode(pickled)


def test_watch_plays_it_where_it_was_trained(folder):
    result = CliRunner().invoke(
        app, ["watch", str(folder / "student.zip"), "--episodes", "1", "--fps", "100000"]
    )
    assert result.exit_code == 0, result.output
    assert re.search(r"Episode 1: solved in \d+ steps", result.output)
