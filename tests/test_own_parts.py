"""Gates, divergences and schedules of one's own: trained with, named, saved and loaded."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch as th
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import TeacherPPO
from gym_llmteacher.errors import StudentError
from gym_llmteacher.learning.divergences import (
    DIVERGENCES,
    CrossEntropy,
    Divergence,
    ReverseKL,
    as_divergence,
    register_divergence,
)
from gym_llmteacher.learning.gates import (
    GATES,
    Confidence,
    Gate,
    Proximal,
    as_gates,
    register_gate,
)
from gym_llmteacher.learning.losses import taught_rows, teaching_gradient, teaching_loss
from gym_llmteacher.learning.schedules import CoefSchedule
from tests.students import ALL, OFF_POLICY, ON_POLICY, make, parameters
from tests.tagging import Counter


class JensenShannon(Divergence):
    """Half the KL of each to their mean; never infinite."""

    def value(self, log_probs, prior):
        policy = log_probs.exp()
        mean = ((prior + policy) / 2).clamp_min(1e-12).log()
        theirs = th.special.xlogy(prior, prior) - prior * mean
        return (theirs + policy * (log_probs - mean)).sum(dim=1) / 2


class OwnCrossEntropy(Divergence):
    """The built-in one, without a gradient worked out by hand."""

    def value(self, log_probs, prior):
        return -(prior * log_probs).sum(dim=1)


class Beginner(Gate):
    """Teaches less of what the student does already; counts how often it was asked."""

    def __init__(self, trust):
        self.trust, self.asked = trust, 0

    def __call__(self, rows):
        self.asked += 1
        return 1.0 - self.trust * (rows.log_probs.exp() * rows.prior).sum(dim=1)


class Halving(CoefSchedule):
    """λ halves with every rollout it has seen."""

    zero_from = float("inf")

    def __init__(self):
        self.seen = 0

    def observe(self, progress):
        self.seen += 1

    def __call__(self, num_timesteps):
        return 0.5**self.seen


def flipped(observations, priors):
    return observations[::-1], priors[::-1]


OWN = {
    "teacher_divergence": JensenShannon(),
    "teacher_gates": ["confidence", Beginner(0.5)],
}


@pytest.mark.parametrize("name", ALL)
def test_a_divergence_of_ones_own_teaches(name):
    """By autograd: bit for bit the built-in one, and another value teaches something else."""
    given = {"teacher_coef": 0.7}
    built_in = parameters(make(name, **given).learn(192))
    ours = parameters(make(name, teacher_divergence=OwnCrossEntropy(), **given).learn(192))
    assert th.equal(built_in, ours)
    other = make(name, teacher_divergence=JensenShannon(), **given).learn(192)
    assert not th.equal(built_in, parameters(other))
    assert parameters(other).isfinite().all()
    assert 0 < other.logger.name_to_value["teacher/loss"] < np.log(2)


@pytest.mark.parametrize("name", ON_POLICY)
def test_a_gate_of_ones_own_teaches(name):
    gate = Beginner(0.9)
    model = make(name, teacher_coef=1.0, teacher_gates=gate).learn(192)
    assert gate.asked > 1
    assert parameters(model).isfinite().all()
    plain = make(name, teacher_coef=1.0, teacher_gates=Beginner(0.0)).learn(192)
    assert not th.equal(parameters(model), parameters(plain))
    assert th.equal(parameters(make(name, teacher_coef=1.0).learn(192)), parameters(plain))


@pytest.mark.parametrize("name", ALL)
def test_saved_and_loaded_with_its_state(name, tmp_path):
    own = {**OWN, "teacher_gates": ["confidence", Beginner(0.5)]}
    if name in OFF_POLICY:
        del own["teacher_gates"]
    model = make(name, teacher_coef=Halving(), **own).learn(96)
    model.save(tmp_path / "student")
    assert isinstance(model.teacher_divergence, JensenShannon)  # saving changes nothing
    loaded = ALL[name][0].load(tmp_path / "student", env=model.get_env())
    assert type(loaded.teacher_divergence) is JensenShannon
    assert type(loaded.teacher_coef) is Halving
    assert loaded.current_coef == model.current_coef == 0.5**model.teacher_coef.seen < 1
    if name not in OFF_POLICY:
        assert loaded.teacher_gates[0] == "confidence"
        asked = loaded.teacher_gates[1].asked
        assert asked == model.teacher_gates[1].asked > 0
    loaded.learn(96, reset_num_timesteps=False)
    assert loaded.current_coef < model.current_coef
    if name not in OFF_POLICY:
        assert loaded.teacher_gates[1].asked > asked


def test_the_parent_loads_it_where_neither_this_package_nor_the_class_is_known(tmp_path):
    model = make("PPO", teacher_coef=Halving(), teacher_divergence=JensenShannon())
    model.learn(96)
    again = make("PPO", teacher_coef=1.0, teacher_replay_steps=2, teacher_augment=flipped)
    again.learn(96)
    gated = make("PPO", teacher_coef=1.0, teacher_gates=[Proximal(0.1), Beginner(0.5)]).learn(96)
    students = {"diverged": model, "augmented": again, "gated": gated}
    obs = np.arange(20, dtype=np.float32).reshape(10, 2)
    np.save(tmp_path / "obs.npy", obs)
    for name, student in students.items():
        student.save(tmp_path / name)
    script = """
        import sys

        class Refuse:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in ("gym_llmteacher", "tests"):
                    raise ImportError("not here")

        sys.meta_path.insert(0, Refuse())
        import numpy as np
        from stable_baselines3 import PPO

        for name in ("diverged", "augmented", "gated"):
            model = PPO.load(name, device="cpu")
            print(model.predict(np.load("obs.npy"), deterministic=True)[0].tolist())
    """
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", textwrap.dedent(script)],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    expected = [str(s.predict(obs, deterministic=True)[0].tolist()) for s in students.values()]
    assert done.stdout.splitlines() == expected


def test_what_is_built_in_is_saved_by_name():
    model = make("PPO", teacher_divergence=ReverseKL(), teacher_gates=[Proximal(), Confidence()])
    assert model.teacher_divergence == "reverse_kl"
    assert model.teacher_gates == ("proximal", "confidence")
    other = make("PPO", teacher_gates=Proximal(0.1))
    assert other.teacher_gates == (Proximal(0.1),)


def test_a_class_that_is_gone_raises_with_the_cure(tmp_path, monkeypatch):
    (tmp_path / "my_gates.py").write_text(
        "from gym_llmteacher.learning.gates import Gate\n"
        "class Mine(Gate):\n"
        "    def __call__(self, rows):\n"
        "        return rows.weight\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import my_gates

    make("PPO", teacher_gates=my_gates.Mine()).save(tmp_path / "student")
    monkeypatch.delitem(sys.modules, "my_gates")
    (tmp_path / "my_gates.py").unlink()
    with pytest.raises(StudentError, match=r"(?s)teacher_gates .*my_gates.*load\(path, teacher_g"):
        TeacherPPO.load(tmp_path / "student")
    loaded = TeacherPPO.load(tmp_path / "student", teacher_gates="proximal")
    assert loaded.teacher_gates == ("proximal",)


def test_an_object_that_cannot_be_pickled_raises_and_spoils_nothing(tmp_path):
    gate = Beginner(0.5)
    gate.lines = (line for line in "ab")  # generators cannot be pickled
    model = make("PPO", teacher_gates=gate, teacher_divergence=JensenShannon())
    with pytest.raises(StudentError, match=r"teacher_gates .*exclude=\[\"teacher_gates\"\]"):
        model.save(tmp_path / "student")
    assert model.teacher_gates == (gate,)
    assert isinstance(model.teacher_divergence, JensenShannon)
    model.save(tmp_path / "student", exclude=["teacher_gates"])
    loaded = TeacherPPO.load(tmp_path / "student", env=make_vec_env(Counter, 3))
    assert loaded.teacher_gates == ()
    loaded.learn(96)


@pytest.mark.parametrize(
    ("register", "known", "read", "own", "built_in"),
    [
        (register_gate, GATES, lambda name: as_gates(name)[0], Beginner(0.5), "confidence"),
        (register_divergence, DIVERGENCES, as_divergence, JensenShannon(), "reverse_kl"),
    ],
)
def test_names_of_ones_own(register, known, read, own, built_in, monkeypatch):
    monkeypatch.setitem(known, "mine", own)  # taken away again at the end
    register("mine", own)
    assert read("mine") is own
    before = known[built_in]
    for name, thing, message in [
        (built_in, own, f"name is '{built_in}', expected a string that is not one of"),
        ("", own, "name is '', expected a string"),
        ("other", type(own), "'other' stands for <class .*expected an object of a subclass of"),
        ("other", len, "'other' stands for <built-in function len>"),
    ]:
        with pytest.raises(StudentError, match=message):
            register(name, thing)
    assert known[built_in] is before
    assert "other" not in known
    argument = "teacher_gates" if register is register_gate else "teacher_divergence"
    model = make("PPO", teacher_coef=1.0, **{argument: "mine"}).learn(96)
    assert getattr(model, argument) in ("mine", ("mine",))


class Twice(CrossEntropy):
    def gradient(self, log_probs, prior, share):
        return super().gradient(log_probs, prior, share)[:, :1]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda q, p: (q - p) ** 2, r"value returned a tensor of shape \(2, 3\)"),
        (lambda q, p: (q.detach() - p).sum(dim=1), "requires_grad=False, expected"),
        (lambda q, p: (q * p.log()).sum(dim=1), "not finite.*clamp them before a logarithm"),
    ],
)
def test_what_is_no_divergence_raises(value, message):
    class Own(Divergence):
        pass

    Own.value = staticmethod(value)
    Own.__abstractmethods__ = frozenset()
    rows = taught_rows(th.full((2, 3), 1 / 3).log(), th.eye(3)[:2], th.ones(2))
    with pytest.raises(StudentError, match=f"(?s){message}"):
        teaching_gradient(rows, Own())


def test_other_shapes_raise():
    log_probs, prior = th.full((2, 3), 1 / 3).log(), th.eye(3)[:2]
    with pytest.raises(StudentError, match=r"Twice\.gradient returned .*\(2, 1\), expected \(2, 3"):
        teaching_gradient(taught_rows(log_probs, prior, th.ones(2)), Twice())

    class Column(Divergence):
        def value(self, log_probs, prior):
            return (log_probs * prior).sum(dim=1, keepdim=True)

    with pytest.raises(StudentError, match=r"Column\.value returned .*\(2, 1\), expected \(2,\)"):
        teaching_loss(log_probs, prior, th.ones(2), Column())
