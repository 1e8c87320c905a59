"""What the seams between env, adviser, teacher and model have to hold."""

import threading
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    Abstention,
    ActionGrounding,
    Advice,
    CascadeTeacher,
    Condition,
    Grounding,
    GroundingWrapper,
    LLMTeacher,
    LLMTeacherWrapper,
    ObservationGrounding,
    Oracle,
    PolicyTeacher,
    ProcessTeacher,
    Question,
    ScriptedTeacher,
    SimulatedTeacher,
    Situation,
    TeacherPPO,
    VecTeacher,
    VectorTeacher,
    WithProbability,
    make_teacher,
)
from gym_llmteacher.advising.adviser import Adviser
from gym_llmteacher.errors import (
    AdviceError,
    GroundingError,
    ModelUnavailableError,
    NoReplyError,
    TeacherSpecError,
)
from gym_llmteacher.llm.elicitation import Elicitation
from gym_llmteacher.llm.loading import load_litellm
from gym_llmteacher.testing import FakeLLMServer, FakeReply
from tests.lessons import PLANNER

LEFT, RIGHT = "go left", "go right"


def cart(text="A cart.", task="x", options=(LEFT, RIGHT)):
    return Situation(text, options, np.eye(2, dtype=np.float32), task=task)


def west_or_east(body):
    where = "west" in str(body["messages"][-1])
    return f"Action: {{{LEFT if where else RIGHT}}}"


class Track(gym.Env):
    """Left or right; its one text never changes, its task is given."""

    observation_space = gym.spaces.Discrete(2)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return 0, {}

    def step(self, action):
        self.steps += 1
        return self.steps % 2, 0.0, False, self.steps == 6, {}


def on(task):
    return ActionGrounding(lambda obs: "A cart.", [LEFT, RIGHT], task=task)


def chosen(info):
    return (LEFT, RIGHT)[int(info["teacher_prior"].argmax())]


# -- one key ------------------------------------------------------------------------------------


def test_the_same_words_and_another_task_are_another_question():
    with FakeLLMServer(west_or_east) as server:
        teacher = LLMTeacher(server.model, ":memory:")
        told = [teacher.advise([cart(task=f"go {k}")])[0].plans[0][0] for k in ("west", "east")]
        assert told == [(LEFT,), (RIGHT,)]
        one, two = (LLMTeacherWrapper(Track(), teacher, on(f"go {k}")) for k in ("west", "east"))
        assert (chosen(one.reset()[1]), chosen(two.reset()[1])) == (LEFT, RIGHT)
        helper = ProcessTeacher(LLMTeacher(server.model, ":memory:"))
        told = [helper.advise([cart(task=f"go {k}")])[0].plans[0][0] for k in ("west", "east")]
        helper.close()
    assert told == [(LEFT,), (RIGHT,)]


def test_two_tasks_in_one_vec_teacher():
    with FakeLLMServer(west_or_east) as server:
        tasks = iter(("west", "east"))
        envs = make_vec_env(lambda: GroundingWrapper(Track(), on(f"go {next(tasks)}")), 2)
        venv = VecTeacher(envs, LLMTeacher(server.model, ":memory:"), workers=0)
        venv.reset()
        assert [chosen(info) for info in venv.unwrapped.reset_infos] == [LEFT, RIGHT]
        venv.close()


@pytest.mark.parametrize(
    "change",
    [{"text": "b"}, {"task": "b"}, {"options": (LEFT, "b")}, {"state": "b"}, {"example": "b"},
     {"obs": np.zeros(2)}, {"obs": {"a": 1}}],
)  # fmt: skip
def test_the_key_tells_apart_all_that_advice_depends_on(change):
    here = cart()
    assert replace(here, **change).key != here.key
    assert replace(here, option_actions=np.zeros((2, 2), np.float32)).key == here.key


def test_observations_are_told_apart_by_value():
    keys = {replace(cart(), obs=obs).key for obs in (np.zeros(2), np.ones(2), np.zeros(3), (1, 2))}
    assert len(keys) == 4
    assert replace(cart(), obs=np.zeros(2)).key == replace(cart(), obs=np.zeros(2)).key


# -- teachers as data ---------------------------------------------------------------------------


def test_a_budget_in_the_dict_is_a_budget():
    with FakeLLMServer(f"Action: {{{LEFT}}}") as server:
        for make in (LLMTeacher, make_teacher):
            spec = {**server.model, "budget": {"calls": 1}, "answers": ":memory:", "samples": 1}
            teacher = make(spec)
            advices = teacher.advise([cart("a"), cart("b")])
            assert [advice.abstained for advice in advices] == [False, True]
            assert advices[1].reason is Abstention.OVER_BUDGET
        assert all("budget" not in request.body for request in server.history)
        assert len(server.history) == 2


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"model": "openai/x", "budgte": {"calls": 1}}, "did you mean 'budget'"),
        ({"scirpt": "door_key_planner"}, "expected a dict with \"model\", or one of 'script'"),
        ({"script": "door_key_planner", "seed": 1}, "unexpected keyword argument 'seed'"),
        ({"model": "openai/x", "rpm": 0}, "rpm is 0, expected 1 or more"),
        ({"model": "openai/x", "timeout": -1}, "timeout is -1"),
        ({"model": "openai/x", "samples": 0}, "samples is 0"),
        ({"simulated": "script:door_key_planner", "accuracy": 2}, "accuracy is 2"),
        ([], "a cascade of no teachers"),
        (7, "teacher is 7"),
    ],
)
def test_what_names_no_teacher_is_refused(spec, message):
    with pytest.raises(TeacherSpecError, match=message):
        make_teacher(spec)


def test_every_form_of_a_teacher():
    kinds = [
        (None, LLMTeacher), ("embedded", LLMTeacher), ({"samples": 4}, LLMTeacher),
        ("script:door_key_planner", ScriptedTeacher), (PLANNER, ScriptedTeacher),
        ({"simulated": PLANNER, "accuracy": 0.7}, SimulatedTeacher),
        ([None, PLANNER], CascadeTeacher), ({"process": PLANNER}, ProcessTeacher),
    ]  # fmt: skip
    for spec, kind in kinds:
        assert type(make_teacher(spec)) is kind
    assert make_teacher(PLANNER) is make_teacher("script:door_key_planner")
    assert make_teacher({"model": "openai/x", "litellm": {"odd": 1}}).oracle.client.options == {
        "odd": 1
    }


@pytest.mark.parametrize("teacher", [PLANNER, ScriptedTeacher(lambda here: ("a",)), [PLANNER]])
def test_answers_beside_a_teacher_that_has_none_are_refused(teacher):
    with pytest.raises(TeacherSpecError, match=r"answers came with the teacher .*would ignore it"):
        LLMTeacherWrapper(Track(), teacher, on("x"), answers="a.sqlite")


def test_keys_are_not_in_what_is_said_of_a_spec():
    model = {"model": "openai/x", "api_key": "sk-planted-key-1"}
    for spec in ({"simulated": model, "accuracy": 0.5, "sed": 1}, {"process": model, "wokers": 2}):
        with pytest.raises(TeacherSpecError, match="unexpected keyword argument") as raised:
            make_teacher(spec)
        assert "planted" not in str(raised.value)
        with pytest.raises(TeacherSpecError, match="would ignore it") as raised:
            make_teacher([spec], answers="a.sqlite")
        assert "planted" not in str(raised.value)


def test_an_argument_given_twice_is_refused():
    with pytest.raises(TeacherSpecError, match="answers is given twice"):
        LLMTeacher({"model": "openai/x", "answers": ":memory:"}, answers=":memory:")


# -- around other teachers ----------------------------------------------------------------------


class Sometimes(ScriptedTeacher):
    """Down while ``down`` is set."""

    def __init__(self):
        super().__init__(lambda here: (RIGHT,))
        self.down = True

    def advise(self, situations):
        if self.down:
            return [Advice.abstain("no answer", Abstention.SERVER_DOWN) for _ in situations]
        return super().advise(situations)


@pytest.mark.parametrize("workers", [0, 2])
def test_after_an_outage_a_cascade_returns_to_its_first_teacher(workers):
    model = Sometimes()
    cascade = CascadeTeacher([model, ScriptedTeacher(lambda here: (LEFT,))])
    adviser = Adviser(cascade, (2,), workers=workers, smoothing=0.0)

    def said():
        taught = adviser.advise((cart(),), None)
        for _, prior, _ in adviser.late({0: taught.pending} if taught.pending else {}, 10.0):
            return prior.tolist()
        return taught.prior.tolist()

    assert said() == [1.0, 0.0]
    model.down = False
    later = []
    while len(later) < 1000 and later[-1:] != [[0.0, 1.0]]:
        later.append(said())  # meanwhile the fallback's advice stands
        threading.Event().wait(0.001)
    assert later[-1] == [0.0, 1.0]
    assert said() == [0.0, 1.0]
    adviser.close()


@pytest.mark.parametrize("process", [False, True])
def test_what_a_file_knows_is_used_where_nothing_may_be_asked(process, tmp_path):
    path = tmp_path / "a.sqlite"
    with FakeLLMServer(f"Action: {{{LEFT}}}") as server:
        LLMTeacher(server.model, path, samples=1).advise([replace(cart(), task="x")])
        asked = len(server.history)
        envs = make_vec_env(lambda: GroundingWrapper(Track(), on("x")), 2)
        teacher = LLMTeacher(server.model, path, samples=1)
        venv = VecTeacher(envs, teacher, ask=WithProbability(0), process=process)
        weights = []
        venv.reset()
        for _ in range(15):
            weights += [i["teacher_weight"] for i in venv.step(np.zeros(2, int))[3]]
        # Nothing is asked at the end of an episode; everywhere else the file knows.
        assert [w for w in weights if w] == [1.0] * (30 - 2 * (15 // 6))
        venv.close()
        assert len(server.history) - asked <= 1  # the probe


def test_simulations_and_cascades_of_a_policy():
    expert = PPO("MlpPolicy", "CartPole-v1", n_steps=8, batch_size=8, seed=0)
    policy = PolicyTeacher(expert)
    for teacher in (policy, SimulatedTeacher(policy, 1.0), CascadeTeacher([policy, policy])):
        env = LLMTeacherWrapper(gym.make("CartPole-v1"), teacher, smoothing=0.0)
        obs, info = env.reset(seed=3)
        wanted = expert.policy.get_distribution(expert.policy.obs_to_tensor(obs)[0]).distribution
        np.testing.assert_allclose(info["teacher_prior"], wanted.probs[0].detach(), atol=1e-6)


def test_a_policy_teaches_many_envs_by_their_own_observations():
    expert = PPO("MlpPolicy", "CartPole-v1", n_steps=8, batch_size=8, seed=0)
    for grounding in (None, ObservationGrounding(2)):
        envs = make_vec_env(
            "CartPole-v1", 3, seed=0, wrapper_class=GroundingWrapper,
            wrapper_kwargs={"grounding": grounding},
        )  # fmt: skip
        venv = VecTeacher(envs, PolicyTeacher(expert), smoothing=0.0, workers=0)
        obs, infos = venv.reset(), venv.unwrapped.reset_infos
        for _ in range(30):
            tensor, _ = expert.policy.obs_to_tensor(obs)
            wanted = expert.policy.get_distribution(tensor).distribution.probs.detach().numpy()
            given = np.stack([info["teacher_prior"] for info in infos])
            np.testing.assert_allclose(given, wanted, atol=1e-6)
            obs, _, dones, infos = venv.step(np.ones(3, int))
            infos = [venv.unwrapped.reset_infos[i] if d else infos[i] for i, d in enumerate(dones)]
        venv.close()


def test_a_refused_key_is_found_under_a_simulation():
    with FakeLLMServer(FakeReply("no such key", status=401)) as server:
        teacher = SimulatedTeacher(LLMTeacher(server.model, ":memory:"), 0.5)
        with pytest.raises(ModelUnavailableError, match="AuthenticationError"):
            LLMTeacherWrapper(Track(), teacher, on("x"))


# -- wrappers -----------------------------------------------------------------------------------


def test_two_teachers_for_one_env_are_refused():
    envs = make_vec_env(lambda: LLMTeacherWrapper(Track(), "script:cart_pole_planner", on("x")), 1)
    with pytest.raises(GroundingError, match="have a teacher already"):
        VecTeacher(envs, PLANNER)


class Locking(ActionGrounding):
    """Cannot be copied, and looks empty."""

    def __init__(self):
        super().__init__(lambda obs: "Locked.", [LEFT, RIGHT], task="x")
        self.lock = threading.Lock()

    def __len__(self):
        return 0


def test_a_grounding_with_a_lock_that_looks_empty_is_the_one_that_is_used():
    grounding: Grounding = Locking()
    env = LLMTeacherWrapper(Track(), ScriptedTeacher(lambda here: (LEFT,)), grounding)
    assert env.grounding is grounding
    assert GroundingWrapper(Track(), grounding).grounding is grounding
    env.reset()
    assert env.situation.text == "Locked."


def test_weights_are_floats_in_gymnasiums_vector_envs():
    """They take the type of an info's entry from the first env."""
    scripts = iter([{(LEFT,): 1.0}, {(LEFT,): 1.0}])
    confidences = iter([1, 0.5])

    def make():
        advice = Advice.from_counts(next(scripts), confidence=next(confidences))
        return LLMTeacherWrapper(Track(), ScriptedTeacher(lambda here: advice), on("x"))

    envs = SyncVectorEnv([make, make])
    _, infos = envs.reset()
    assert infos["teacher_weight"].tolist() == [1.0, 0.5]
    envs.close()


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_conditions_and_switching_off_in_gymnasiums_vector_envs(mode):
    asked = []
    teacher = ScriptedTeacher(lambda here: asked.append(here) or (LEFT,))
    envs = SyncVectorEnv([lambda: GroundingWrapper(Track(), on("x"))] * 2, autoreset_mode=mode)
    envs = VectorTeacher(envs, teacher, ask=WithProbability(0), workers=0)
    _, infos = envs.reset()
    assert infos["teacher_weight"].tolist() == [0.0, 0.0]
    assert (asked, envs.teacher_metrics()["saved_with_probability"]) == ([], 2.0)
    envs.adviser.ask = None
    envs.set_teaching(False)
    _, _, _, _, infos = envs.step(np.zeros(2, int))
    assert infos["teacher_weight"].dtype == np.float32
    assert (infos["teacher_prior"] == 0.5).all()
    envs.close()


def test_late_answers_in_the_single_env_wrapper():
    gate = threading.Event()

    def slow(here):
        gate.wait(20)
        return (RIGHT,)

    def make():
        return LLMTeacherWrapper(
            Track(), ScriptedTeacher(slow), on("x"), workers=1, late_timeout=20.0, smoothing=0.0
        )

    envs = make_vec_env(make, 2)
    model = TeacherPPO("MlpPolicy", envs, n_steps=4, batch_size=8, n_epochs=1, teacher_coef=1.0,
                       seed=0, device="cpu")  # fmt: skip
    envs.reset()
    info = envs.unwrapped.reset_infos[0]
    assert (info["teacher_weight"], info["teacher_pending"].advices) == (0.0, (None,))
    gate.set()
    model.learn(8)
    assert (model.rollout_buffer.teacher_weights == 1).all()
    np.testing.assert_array_equal(model.rollout_buffer.teacher_priors, [[0.0, 1.0]] * 8)


class Learner(Condition):
    """Asks always, and hears what comes of it."""

    name = "learner"

    def __init__(self):
        self.heard = []

    def holds(self, moment):
        return True

    def hear(self, outcome):
        self.heard.append((outcome.env, outcome.asked, outcome.changed, outcome.over))


def test_conditions_hear_what_became_of_their_decisions():
    plans = iter([(LEFT,), (LEFT,), (RIGHT,)] + [(RIGHT,)] * 20)
    learner = Learner()
    env = LLMTeacherWrapper(
        Track(), ScriptedTeacher(lambda here: next(plans)), on("x"), ask=learner
    )
    env.reset()
    for _ in range(6):
        env.step(0)
    changes = [True, False, True, False, False, False]
    assert learner.heard == [(0, True, c, i == 5) for i, c in enumerate(changes)]


# -- oracle, conversations, reasons -------------------------------------------------------------


def test_an_oracle_answers_what_is_no_situation_once(tmp_path):
    with FakeLLMServer(lambda body: f"reply {len(body['messages'])}") as server:
        question = Question(({"role": "user", "content": "Which rooms?"},), kind="curriculum")
        first, second = (Oracle(server.model, tmp_path / "a.sqlite") for _ in range(2))
        assert first.lookup(question) is None
        replies = [first.ask(question), second.ask(question), first.lookup(question)]
        assert [r.texts for r in replies] == [("reply 1",)] * 3
        assert [r.stored for r in replies] == [False, True, True]
        assert first.ask(replace(question, kind="reflection")).stored is False
        assert len(server.history) == 2
        assert [record.elicitation for record in first.answers.records()] == [
            "curriculum", "reflection",
        ]  # fmt: skip


def test_a_teacher_and_an_oracle_share_a_budget():
    with FakeLLMServer(f"Action: {{{LEFT}}}") as server:
        teacher = LLMTeacher(server.model, ":memory:", samples=1, budget={"calls": 1})
        teacher.oracle.ask(Question(({"role": "user", "content": "Which rooms?"},)))
        (advice,) = teacher.advise([cart()])
    assert advice.reason is Abstention.OVER_BUDGET


class Doubting(Elicitation):
    """Asks, and asks again about the answer."""

    name = "doubting"

    def question(self, situation):
        return Question(({"role": "user", "content": f"{situation.text} Where to?"},))

    def dialogue(self, situation):
        first = yield self.question(situation)
        (said,) = first.texts
        second = yield Question(({"role": "user", "content": f"You said {said}. Sure?"},))
        return Advice.from_counts({(second.texts[0],): 1.0}, source="model")


def test_a_conversation_asks_again_after_it_has_seen_a_reply(tmp_path):
    def reply(body):
        return LEFT if "You said go right." in body["messages"][0]["content"] else RIGHT

    with FakeLLMServer(reply) as server:
        path = tmp_path / "a.sqlite"
        teacher = LLMTeacher(server.model, path, Doubting())
        told = teacher.explain(cart())
        assert told.advice.plans == (((LEFT,), 1.0),)
        assert [e.reply.texts for e in told.exchanges] == [(RIGHT,), (LEFT,)]
        assert len(server.history) == told.reply.calls == 2
        again = LLMTeacher(server.model, path, Doubting())
        assert again.lookup(cart()).plans == told.advice.plans  # both questions are known
        assert again.lookup(cart("elsewhere")) is None
        assert again.advise([cart()])[0].source == "answers"
        assert len(server.history) == 2


POLICY = '{"error": {"message": "content_policy_violation", "type": "invalid_request_error"}}'
REASONS = {
    "nothing to read": (FakeReply("I would rather not."), Abstention.INVALID_FORMAT),
    "unknown option": (FakeReply("Action: {fly}"), Abstention.UNKNOWN_OPTION),
    "too long": (
        FakeReply("maximum context length is 8 tokens: context window exceeded", status=400),
        Abstention.CONTEXT_LIMIT,
    ),
    "cut off": (
        FakeReply("max_tokens or model output limit was reached", status=400),
        Abstention.TOKEN_LIMIT,
    ),
    "refused": (
        FakeReply(body=POLICY, status=400),
        Abstention.REFUSED,
    ),
    "slow": (FakeReply("late", delay=5.0), Abstention.TIMEOUT),
    "down": (FakeReply("overloaded", status=503), Abstention.SERVER_DOWN),
}


@pytest.mark.parametrize("name", REASONS)
def test_abstentions_say_why(name):
    reply, reason = REASONS[name]
    with FakeLLMServer(reply) as server:
        timeout = 0.3 if name == "slow" else 30.0
        load_litellm()  # takes seconds
        teacher = LLMTeacher(server.model, ":memory:", samples=1, timeout=timeout, max_retries=0)
        (advice,) = teacher.advise([cart()])
    assert advice.reason is reason
    assert teacher.metrics()[f"abstained_{reason.value}"] == 1
    assert teacher.metrics()["abstained"] == 1


def test_abstentions_without_a_request_say_why():
    with FakeLLMServer(FakeReply("no", status=503)) as server:
        offline = LLMTeacher(server.model, ":memory:", offline=True)
        failing = LLMTeacher(server.model, ":memory:", samples=1, max_retries=0, timeout=5.0)
        reasons = [offline.advise([cart()])[0].reason]
        reasons += [failing.advise([cart()])[0].reason for _ in range(2)]
    assert reasons == [Abstention.OFFLINE, Abstention.SERVER_DOWN, Abstention.NOT_ASKED]


def test_the_oracles_errors_carry_the_reason():
    with FakeLLMServer() as server:
        oracle = Oracle(server.model, ":memory:", budget={"calls": 0})
        with pytest.raises(NoReplyError) as raised:
            oracle.ask(Question(({"role": "user", "content": "?"},)))
    assert raised.value.reason is Abstention.OVER_BUDGET


# -- advice -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values", [(float("inf"),), (-0.5, 1.5), (float("nan"),), (1.0, 1.0, 1.0), (0.2, 0.2)]
)
def test_probabilities_that_cannot_be_are_refused_at_construction(values):
    with pytest.raises(AdviceError, match="expected finite ones of 0 or more that sum to 1"):
        Advice(tuple(((f"option {i}",), value) for i, value in enumerate(values)))


def test_an_example_reaches_the_prompt():
    grounding = ActionGrounding(lambda obs: "Here.", [LEFT, RIGHT], "x", example="EXAMPLE OF OURS")
    with FakeLLMServer(f"Action: {{{LEFT}}}") as server:
        env = LLMTeacherWrapper(Track(), LLMTeacher(server.model, ":memory:", samples=1), grounding)
        env.reset()
        assert "EXAMPLE OF OURS" in server.history[-1].body["messages"][0]["content"]
