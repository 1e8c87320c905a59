"""`learning/` needs no engine: what it imports, and what comes along when it is imported."""

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import gym_llmteacher

ROOM = Path(gym_llmteacher.__file__).parent / "learning"
MODULES = sorted(f"gym_llmteacher.learning.{path.stem}" for path in ROOM.glob("[!_]*.py"))
ENGINES = ("stable_baselines3", "sb3_contrib", "rl_zoo3", "ray", "gymnasium.wrappers")
ROOMS = ("sb3", "wrappers", "zoo", "experiments", "teachers", "llm", "advising")
FORBIDDEN = (*ENGINES, *(f"gym_llmteacher.{room}" for room in ROOMS))


def test_no_module_imports_an_engine():
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path.name}: a relative import"
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for name in names:
                assert not name.startswith(FORBIDDEN), f"{path.name} imports {name}"


def test_it_works_where_no_engine_can_be_imported():
    """Every module, and a gated teaching loss from infos to its gradient."""
    script = f"""
        import importlib, sys

        class Refuse:
            def find_spec(self, name, path=None, target=None):
                if name.startswith({tuple(set(FORBIDDEN) - {"gymnasium.wrappers"})!r}):
                    raise ImportError(name + " is not here")

        sys.meta_path.insert(0, Refuse())
        for name in {MODULES!r}:
            importlib.import_module(name)

        import torch as th
        from gym_llmteacher.learning.gates import GateInputs, as_gates
        from gym_llmteacher.learning.gating import gated_weight
        from gym_llmteacher.learning.joint import with_gradient
        from gym_llmteacher.learning.losses import taught_rows, teaching_gradient
        from gym_llmteacher.learning.priors import read_priors

        infos = [{{"teacher_prior": [1.0, 0.0], "teacher_weight": 1.0}}] * 2
        prior, weight = map(th.as_tensor, read_priors(infos, (2,))[:2])
        logits = th.zeros(2, 2, requires_grad=True)
        log_probs = logits.log_softmax(1)
        one = th.ones(2)
        rows = GateInputs(log_probs.detach(), prior, weight, one.long(), one, one, one)
        weight = gated_weight(as_gates("proximal"), rows)
        taught = taught_rows(log_probs, prior, weight)
        loss = with_gradient(logits.sum(), log_probs, teaching_gradient(taught, "forward_kl"))
        loss.backward()
        print(logits.grad.tolist())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[[0.75, 1.25], [0.75, 1.25]]"
