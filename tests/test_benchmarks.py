"""The benchmark runs, resumes, and reports; its experts and arms are what they are called."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import aggregate, claims, paper, report, run, tuning
from benchmarks.arms import ARMS, HardTeacher, wrap_for
from benchmarks.tasks import TASKS
from gym_llmteacher import ScriptedTeacher, Situation
from gym_llmteacher.experiments.evaluate import evaluate
from gym_llmteacher.playing.actors import TeacherActor


@pytest.mark.slow
def test_finished_runs_are_not_run_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(paper, "WORK", tmp_path)
    path = tmp_path / "paper.jsonl"
    arms = ["ppo", "hierarchical", "cloning", "planner", "faulty-alone"]
    paper.run_all(["SimpleDoorKey"], arms, [0, 1], 2, path, steps=1024)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {(r["arm"], r["seed"]) for r in lines if r["last"]} == {
        (a, s) for a in arms for s in (0, 1)
    }
    for row in lines:
        assert set(row) == {
            "task", "arm", "seed", "frames", "success", "success_greedy", "success_argmax",
            "return", "cpu_s",
            "llm_calls", "commit", "last",
        }  # fmt: skip
    paper.run_all(["SimpleDoorKey"], arms, [0, 1], 2, path, steps=1024)
    assert len(path.read_text().splitlines()) == len(lines)
    report.write_report(path, tmp_path)
    assert (tmp_path / "SimpleDoorKey-rivals.png").stat().st_size > 10_000
    text = (tmp_path / "paper.md").read_text()
    assert all(f"| {arm} | 2 |" in text for arm in arms)


@pytest.mark.filterwarnings("ignore:the teacher is not followed")
def test_a_student_does_not_depend_on_how_often_it_is_looked_at(tmp_path, monkeypatch):
    """Nor on a teacher that was dismissed: it ends as plain PPO does."""
    ends = []
    for every, arm in ((1024, "ppo"), (2048, "ppo"), (2048, "wrong+eval")):
        task = replace(TASKS["FrozenLake"], steps=2048, eval_every=every, episodes=20)
        monkeypatch.setitem(run.ALL_TASKS, "FrozenLake", task)
        lines = run.one_run("FrozenLake", arm, 0, None, str(tmp_path))
        ends.append([lines[-1][name] for name in ("success", "return", "success_greedy")])
        played = lines[-1]["frames"] - 2048
        assert (played > 0) == (arm != "ppo")
    assert ends[0] == ends[1] == ends[2]


def test_a_search_runs_an_arm_under_its_settings(tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "WORK", tmp_path)
    changes = {"steps": 1024, "eval_every": 512, "episodes": 4, "n_envs": 2}
    settings = {"as it is": {}, "long": {"n_steps": 512, "batch_size": 64}}
    search = tuning.Search("FrozenLake", "planner", settings, changes)
    monkeypatch.setattr(tuning, "SEARCHES", {"lake": search})
    lines = [row for s in settings for row in tuning.tried("lake", s, 100)]
    frames = {s: [r["frames"] for r in lines if r["arm"] == s] for s in settings}
    assert frames == {"as it is": [512, 1024, 1024], "long": [1024, 1024]}
    path = tmp_path / "tuning.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    text = tuning.table(path)
    assert "## lake: planner on FrozenLake" in text
    assert f"| long | {100 * lines[-1]['success']:.0f} |" in text


def rows(*success, every=100):
    return [{"frames": every * i, "success": s} for i, s in enumerate(success, 1)]


def test_aggregates():
    assert aggregate.frames_to(rows(0.2, 0.95, 0.5)) == 200
    assert aggregate.frames_to(rows(0.2)) == np.inf
    assert aggregate.best_and_last_quarter(rows(0.2, 1.0, 0.9, 0.7)) == (1.0, 0.7)
    assert aggregate.best_and_last_quarter(rows(*[0.2] * 4, 1.0, 0.9, 0.8, 0.6)) == pytest.approx(
        (0.95, 0.7)
    )
    point, low, high = aggregate.iqm(np.array([0.0, 0.5, 0.5, 0.5, 1.0]))
    assert point == pytest.approx(0.5)
    assert low <= point <= high
    better, *_ = aggregate.improvement(np.array([1.0, 0.9]), np.array([0.1, 0.9]))
    assert better == pytest.approx((1 + 1 + 1 + 0.5) / 4)
    pair = np.array([0.1, 0.5, 0.9]), np.array([0.2, 0.4, 0.8])
    assert aggregate.improvement(*pair) == aggregate.improvement(*pair)  # the same dice every time


def some_runs(**arms):
    """Two alike seeds of each arm on SimpleDoorKey."""
    return {
        ("SimpleDoorKey", arm.replace("_", "-")): {
            seed: [{**row, "success_greedy": row["success"], "cpu_s": 1.0} for row in run]
            for seed in (0, 1)
        }
        for arm, run in arms.items()
    }


def verdicts(runs, claim):
    return [verdict for _, _, _, verdict in claims.CLAIMS[claim](runs)]


def test_claims_are_judged():
    quick, slow = rows(0.95, 0.99, every=10_000), rows(0.1, 0.3, every=150_000)
    runs = some_runs(planner=quick, ppo=slow, hierarchical=rows(0.95, every=5_000))
    assert verdicts(runs, "Few frames to 90 % success") == ["met"]
    assert verdicts(runs, "Fewer than plain PPO") == ["met"]
    assert verdicts(runs, "Fewer than PPO over the same options") == ["**not met**"]
    text = claims.claims(runs)
    assert ">= 30x to 80 %; plain PPO >= 300k (median of 2)" in text
    assert "10k against 5k" in text


def test_plain_ppo_that_gets_there_is_no_bound():
    runs = some_runs(planner=rows(0.95, every=10_000), ppo=rows(0.1, 0.95, every=50_000))
    assert verdicts(runs, "Fewer than plain PPO") == ["**not met**"]
    assert " 10x to 90 %, 10x to 80 %; plain PPO 100k" in claims.claims(runs)


def test_a_student_has_to_surpass_a_weak_teacher_only():
    runs = some_runs(llm=rows(0.9), llm_alone=rows(0.9), planner=rows(0.9), planner_alone=rows(1.0))
    assert verdicts(runs, "Students surpass their teachers") == ["**not met**"]
    runs = some_runs(llm=rows(0.95), llm_alone=rows(0.9))
    assert verdicts(runs, "Students surpass their teachers") == ["met"]


def test_a_student_that_falls_without_its_teacher_is_seen():
    claim = "The last quarter, without a teacher, against the best"
    assert verdicts(some_runs(planner=rows(*[0.9] * 7, 0.88)), claim) == ["met"]
    assert verdicts(some_runs(planner=rows(*[0.9] * 7, 0.8)), claim) == ["**not met**"]


@pytest.mark.parametrize(("advised", "verdict"), [(0.6, "met"), (0.3, "**not met**")])
def test_harm_is_seen(advised, verdict):
    runs = {
        ("FrozenLake", arm): {
            seed: [{"frames": 100, "success": success + seed / 10, "return": success + seed / 10}]
            for seed in (0, 1)
        }
        for arm, success in {"ppo": 0.6, "wrong": advised}.items()
    }
    assert verdicts(runs, "Bad advice does no harm") == [verdict]


def test_the_overview_has_losses_too(tmp_path):
    path = tmp_path / "envs.jsonl"
    more = {"return": 0.0, "success_greedy": None, "last": True}
    lines = [
        {"task": "MiniGrid-LockedRoom-v0", "arm": arm, "seed": seed, **row, **more}
        for arm, won in {"planner": (0.2, 0.9), "ppo": (0.0, 0.1)}.items()
        for seed in (0, 1)
        for row in rows(*won, every=1000)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report.overview(path, tmp_path / "envs.md")
    *_, taught, plain = (tmp_path / "envs.md").read_text().splitlines()
    assert taught.startswith("| LockedRoom-v0 | planner | 2 | 2k (2k) | 1k | 90 (90 to 90) | - |")
    assert plain.startswith("| LockedRoom-v0 | ppo | 2 | never (never) | - | 10 (10 to 10) |")


@pytest.mark.parametrize(("task", "bar"), [("Empty-8x8", 1.0), ("FrozenLake", 0.6)])
def test_experts_of_the_small_tasks(task, bar, tmp_path):
    wrap = wrap_for(ARMS["planner"], TASKS[task], tmp_path, 0)
    score = evaluate(lambda: wrap(TASKS[task].make()), TeacherActor(True), 200)
    assert score.success >= bar


def test_a_hard_teacher_draws_one_plan():
    here = Situation("text", ("a", "b"), np.eye(2, dtype=np.float32))
    teacher = HardTeacher(ScriptedTeacher(lambda s: {("a",): 3.0, ("b",): 1.0}))
    plans = [advice.plans for advice in teacher.advise([here] * 400)]
    assert all(len(plan) == 1 and plan[0][1] == 1.0 for plan in plans)
    assert np.mean([plan[0][0] == ("a",) for plan in plans]) == pytest.approx(0.75, abs=0.06)
