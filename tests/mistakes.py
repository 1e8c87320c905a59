"""What people get wrong: commands and calls, with words that the message must have.

``python -m tests.mistakes`` writes docs/mistakes.md, which shows what is printed.
"""

import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import gymnasium as gym

import gym_llmteacher

SHORT = ("--students", "ppo", "--episodes", "2", "--n-envs", "2", "--steps", "256")
COMMANDS = [
        (("train", "--env", "CartPole-v1", "--teacher", "script:door_key_planner", *SHORT[2:]),
         "the script 'door_key_planner' cannot make anything of 'Pole"),
        (("train", "--env", "Blackjack-v1", *SHORT), "which Stable-Baselines3 does not take"),
        (("train", "--env", "Pendulum-v1", *SHORT[2:]), "expected Discrete"),
        (("train", "--env", "Nowhere-v0"), "Nowhere"),
        (("train", "--out", "file", *SHORT), "file cannot be written"),
        (("train", "--teacher", "frozen_lake_planner"), 'write "script:frozen_lake_planner"'),
        (("train", "--teacher", "script"), '{"script": ...}'),
        (("train", "--teacher", "script:nosuch"), "there is no script 'nosuch', expected one of"),
        (("train", "--teacher", '{"scirpt": "x"}'), "expected a dict with"),
        (("train", "--teacher", "{"), "neither a number nor JSON"),
        (("train", "--seeds", "one"), "expected whole numbers such as 0,1,2"),
        (("train", "--students", "sac"), "expected some of teacher, ppo"),
        (("train", "--coef", "-1"), "-1"),
        (("train", "--subgoals", "relatve"), "which is no encoding and no file, expected relative"),
        (("train", "--subgoals", '{"bonsu": "paper"}'), "have 'bonsu', expected any of encoding"),
        (("train", "--env", "CartPole-v1", "--subgoals", "look", *SHORT), "encoding='words'"),
        (("train", "--steps", "0"), "Invalid value for '--steps'"),
        (("evaluate", "nosuch.zip"), "there is no nosuch.zip; expected a zip saved by"),
        (("evaluate", "file"), "file cannot be loaded as a student"),
        (("answers", "list", "--file", "file"), "file"),
        (("answers", "export", "/nowhere/x.jsonl"), "/nowhere/x.jsonl: No such file or directory"),
        (("answers", "import", "nosuch.jsonl"), "nosuch.jsonl"),
        (("answers", "show", "abc"), "abc"),
        (("nosuch",), "No such command"),
        (("train", "--nosuch"), "No such option"),
]  # fmt: skip
CALLS = [
    'LLMTeacher({"model": "openai/x", "api_key": "none", "bugdet": {"calls": 5}}, ":memory:")',
    'LLMTeacher("openai/unheard-of", ":memory:", budget={"usd": 2})',
    'LLMTeacher("openai/x", ":memory:", budget={"dollars": 2})',
    'LLMTeacher("openai/x", ":memory:", "logprob")',
    'LLMTeacher("openai/x", ":memory:", samples=0)',
    'LLMTeacher("openai/x", ":memory:", timeout=-1)',
    'LLMTeacher("openai/x", "redis://[")',
    'TeacherPPO("MlpPolicy", "CartPole-v1", n_steps=64).learn(64)',
    'TeacherPPO("MlpPolicy", "CartPole-v1", teacher_coef=-1)',
    'TeacherPPO("MlpPolicy", "CartPole-v1", teacher_coef="much")',
    'TeacherPPO("MlpPolicy", "CartPole-v1", teacher_coef={"shape": "linaer"})',
    'TeacherPPO("MlpPolicy", "CartPole-v1", teacher_gates=["confidenc"])',
    'TeacherPPO("MlpPolicy", "CartPole-v1", teacher_divergence="klx")',
    'TeacherPPO("MlpPolicy", "CartPole-v1", teacher_eval_episodes=-1)',
    'TeacherPPO("MlpPolicy", "CartPole-v1", teacher_replay_steps=-1)',
    'LLMTeacherWrapper(gym.make("FrozenLake-v1"), grounding=ActionGrounding(str, ["left", "up"]))',
    'LLMTeacherWrapper(gym.make("FrozenLake-v1"), grounding="a lake")',
    'LLMTeacherWrapper(gym.make("Pendulum-v1"))',
    'LLMTeacherWrapper(gym.make("CartPole-v1"), teacher=3)',
    'ActionGrounding("a lake", ["left"])',
    'ActionGrounding(str, ["left", "left"])',
    'OptionGrounding(str, {"": str})',
    'ScriptedTeacher("door_key_planner")',
    'SimulatedTeacher(ScriptedTeacher.named("door_key_planner"), accuracy=1.5)',
    "CascadeTeacher([])",
    'PolicyTeacher("nosuch.zip")',
    "EveryNSteps(0)",
    "WithProbability(2)",
    'Experience.load("nosuch.json")',
    'practise("script:door_key_planner", lambda: gym.make("LLMTeacher/SimpleDoorKey-v0"), steps=0)',
    'play(lambda: gym.make("CartPole-v1"), "teacher", 1)',
    'Advice(((("a",), 2.0),))',
    'OptionsWrapper(gym.make("CartPole-v1"), options="push left")',
]
PAGE = Path(__file__).parent.parent / "docs" / "mistakes.md"


def call(code):
    """Evaluate a line with the package's names; returns the error it ends with."""
    names = {name: getattr(gym_llmteacher, name) for name in gym_llmteacher.__all__}
    try:
        eval(code, {"gym": gym, **names})
    except Exception as error:
        return error
    return None


def main():
    """Write the page."""
    lines = [
        "# Mistakes", "",
        "What is said to what people get wrong. Every line is tested (`tests/test_mistakes.py`). "
        "The page is written by `python -m tests.mistakes`.", "",
        "| typed | printed |", "|---|---|",
    ]  # fmt: skip
    quiet = {"COLUMNS": "1000", "GYM_LLMTEACHER_ANSWERS": "answers.sqlite"}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "file").write_text("no student")
        for arguments, _ in COMMANDS:
            ran = subprocess.run(
                [sys.executable, "-m", "gym_llmteacher", *arguments], capture_output=True,
                text=True, cwd=folder, env={**os.environ, **quiet},
            )  # fmt: skip
            said = [line.strip("│ ╭╮╰╯─") for line in (ran.stderr or ran.stdout).splitlines()]
            said = [
                line for line in said if line and not line.startswith(("Usage", "Try", "Error ─"))
            ]
            lines.append(row("gym-llmteacher " + " ".join(arguments), said[-1]))
    warnings.simplefilter("ignore")
    lines += [row(code, f"{type(call(code)).__name__}: {call(code)}") for code in CALLS]
    PAGE.write_text("\n".join(lines) + "\n")


def row(typed, said):
    """A line of the table."""
    said = " ".join(said.split()).replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
    return f"| `{typed.replace('|', chr(92) + '|')}` | {said[:400]} |"


if __name__ == "__main__":
    main()
