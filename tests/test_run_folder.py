"""What a training keeps in its folder: it is whole, and nobody else's."""

import pickle
import subprocess
import sys
import textwrap
from concurrent.futures import Future

import pytest
from rich.console import Console

from gym_llmteacher.errors import CheckpointError
from gym_llmteacher.experiments.checkpoint import FILE, Checkpoint, read_checkpoint
from gym_llmteacher.experiments.compare import compare
from gym_llmteacher.experiments.config import ComparisonConfig
from gym_llmteacher.experiments.folder_lock import locked


def test_an_interrupted_training_goes_on_from_its_last_rollout(tmp_path, monkeypatch):
    config = ComparisonConfig(teacher={"script": "door_key_planner"}, steps=1024, n_envs=2,
                              eval_episodes=2, out=str(tmp_path), students=("ppo",))  # fmt: skip
    from gym_llmteacher.experiments.progress import ProgressCallback

    end = ProgressCallback._on_rollout_end

    def interrupted(self):
        end(self)
        if self.num_timesteps == 768:
            raise KeyboardInterrupt

    monkeypatch.setattr(ProgressCallback, "_on_rollout_end", interrupted)
    monkeypatch.setattr("gym_llmteacher.experiments.compare.film", lambda *args: None)
    with pytest.raises(KeyboardInterrupt):
        compare(config, Console(quiet=True))
    student = read_checkpoint(tmp_path, config.identity()).student
    assert [frames for frames, _ in student.curve] == [256, 512]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"garbage", b"\x80\x04N.", b"\x80\x05\x95", b"cos\nsystem\n(S'touch hacked'\ntR.",
        pickle.dumps(Checkpoint("{}")), "torn", "altered", "other class",
    ],
    ids=range(9),
)  # fmt: skip
def test_garbage_is_a_checkpoint_error(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / FILE
    Checkpoint("{}").write(tmp_path)
    if content == "torn":
        content = path.read_bytes()[:-7]
    elif content == "altered":
        content = path.read_bytes().replace(b"config", b"cinfog")
    elif content == "other class":
        Checkpoint.write(Future, tmp_path)
        content = path.read_bytes()
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="Cure: "):
        read_checkpoint(tmp_path, "{}")
    assert not (tmp_path / "hacked").exists()


HOLD = """
    import sys
    from pathlib import Path
    from gym_llmteacher.experiments.folder_lock import locked
    with locked(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.readline()
"""


def test_two_trainings_do_not_share_a_folder(tmp_path):
    config = ComparisonConfig(steps=256, out=str(tmp_path), students=("ppo",))
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(CheckpointError, match=rf"in use by process {holder.pid} on .*--out"):
        compare(config, Console(quiet=True))
    holder.kill()
    holder.communicate()
    with locked(tmp_path):
        pass
