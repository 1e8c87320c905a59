"""The teaching loss: its value, its gradient, and that nothing makes it infinite."""

import numpy as np
import pytest
import torch as th
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gym_llmteacher.errors import StudentError
from gym_llmteacher.learning.dims import by_dim
from gym_llmteacher.learning.divergences import DIVERGENCES, Divergence
from gym_llmteacher.learning.joint import with_gradient
from gym_llmteacher.learning.losses import (
    figures,
    joined,
    taught_rows,
    teaching_gradient,
    teaching_loss,
)

logits = arrays(np.float64, (5, 4), elements=st.floats(-30, 30))
raw = arrays(np.float64, (5, 4), elements=st.floats(0, 1))
weights = arrays(np.float64, (5,), elements=st.sampled_from([0.0, 0.3, 1.0]))


def normalised(values):
    prior = values + 1e-3
    return th.tensor(prior / prior.sum(axis=1, keepdims=True))


@given(logits, raw, weights, st.sampled_from(sorted(DIVERGENCES)))
@settings(deadline=None)
def test_against_the_formula(scores, values, weight, divergence):
    log_probs = th.tensor(scores).log_softmax(dim=1)
    p, w = normalised(values).numpy(), weight
    q = log_probs.exp().numpy()
    distance = {
        "cross_entropy": -(p * np.log(q)).sum(1),
        "forward_kl": (p * np.log(p / q)).sum(1),
        "reverse_kl": (q * np.log(q / p)).sum(1),
    }[divergence]
    expected = (w * distance).sum() / max(1, (w > 0).sum())
    loss = teaching_loss(log_probs, th.tensor(p), th.tensor(w), divergence)
    assert loss.item() == pytest.approx(expected, rel=1e-6, abs=1e-9)
    halves = [taught_rows(log_probs[i], th.tensor(p)[i], th.tensor(w)[i])
              for i in (slice(2), slice(2, None))]  # fmt: skip
    result = joined(halves)
    assert result.taught.item() == (w > 0).sum()
    if (w > 0).any():
        taught = w > 0
        assert result.kl.item() == pytest.approx(
            (p * np.log(p / q)).sum(1)[taught].mean(), abs=1e-6
        )
        same = (p.argmax(1) == log_probs.argmax(1).numpy())[taught]
        assert result.agreement.item() == pytest.approx(same.mean())


@given(logits, raw)
@settings(deadline=None)
def test_cross_entropy_and_forward_kl_have_one_gradient(scores, values):
    gradients = []
    for divergence in ("cross_entropy", "forward_kl"):
        x = th.tensor(scores, requires_grad=True)
        teaching_loss(x.log_softmax(1), normalised(values), th.ones(5), divergence).backward()
        gradients.append(x.grad)
    th.testing.assert_close(*gradients)


@given(logits, raw, weights, st.sampled_from(sorted(DIVERGENCES)))
@settings(deadline=None)
def test_the_gradient_by_hand_is_autograds(scores, values, weight, divergence):
    log_probs = th.tensor(scores).log_softmax(1).requires_grad_()
    prior, weight = normalised(values), th.tensor(weight)
    teaching_loss(log_probs, prior, weight, divergence).backward()
    rows = taught_rows(log_probs, prior, weight)
    by_hand = teaching_gradient(rows, divergence)
    th.testing.assert_close(by_hand, log_probs.grad, rtol=1e-9, atol=1e-12)
    th.testing.assert_close(teaching_gradient(rows, divergence, 0.3), 0.3 * by_hand)
    # What a divergence without a gradient of its own would get.
    by_autograd = Divergence.gradient(
        DIVERGENCES[divergence], rows.log_probs, rows.prior, rows.share
    )
    th.testing.assert_close(by_autograd, by_hand, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_the_gradient_is_right(divergence):
    x = th.randn(5, 4, dtype=th.float64, requires_grad=True, generator=th.manual_seed(0))
    prior = normalised(np.random.default_rng(0).random((5, 4)))
    weight = th.tensor([0.0, 1.0, 0.5, 1.0, 0.0], dtype=th.float64)
    assert th.autograd.gradcheck(
        lambda z: teaching_loss(z.log_softmax(1), prior, weight, divergence), (x,)
    )


def test_untaught_rows_change_nothing():
    x = th.randn(3, 4, requires_grad=True)
    prior = th.full((3, 4), 0.25)
    weight = th.tensor([1.0, 0.0, 0.0])
    loss = teaching_loss(x.log_softmax(1), prior, weight)
    alone = teaching_loss(x[:1].log_softmax(1), prior[:1], weight[:1])
    assert loss.item() == pytest.approx(alone.item())
    loss.backward()
    assert (x.grad[1:] == 0).all()
    assert teaching_loss(x.log_softmax(1), prior, th.zeros(3)).item() == 0.0
    nothing = taught_rows(x.log_softmax(1), prior, th.zeros(3))
    assert nothing.taught.item() == 0
    assert (teaching_gradient(nothing) == 0).all()


@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("forbidden", [-1e8, float("-inf")])
def test_one_hot_priors_and_masked_logits_stay_finite(divergence, forbidden):
    x = th.zeros(2, 3, requires_grad=True)
    masked = th.cat([x[:, :2], th.full((2, 1), forbidden)], dim=1).log_softmax(dim=1)
    prior = th.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # the second wants what is forbidden
    loss = teaching_loss(masked, prior, th.ones(2), divergence)
    loss.backward(retain_graph=True)
    assert th.isfinite(loss)
    assert th.isfinite(x.grad).all()
    rows = taught_rows(masked, prior, th.ones(2))
    assert rows.taught.item() == 1
    autograds, x.grad = x.grad.clone(), None
    masked.backward(teaching_gradient(rows, divergence))
    th.testing.assert_close(x.grad, autograds)


def test_masked_priors_are_renormalised():
    log_probs = th.tensor([[0.5, 0.5, 0.0]]).log().clamp_min(-1e8)
    rows = taught_rows(log_probs, th.tensor([[0.2, 0.2, 0.6]]), th.ones(1))
    th.testing.assert_close(rows.prior, th.tensor([[0.5, 0.5, 0.0]]))
    assert rows.weight.tolist() == [1.0]
    # Where nothing is left the row is untaught, and a distribution all the same.
    nothing = taught_rows(log_probs, th.tensor([[0.0, 0.0, 1.0]]), th.ones(1))
    assert nothing.weight.tolist() == [0.0]
    th.testing.assert_close(nothing.prior, th.full((1, 3), 1 / 3))


def test_the_loss_rides_along_unseen():
    x = th.tensor([1.0, 2.0], requires_grad=True)
    y = th.tensor([3.0], requires_grad=True)
    out = with_gradient(x, y, th.tensor([5.0]))
    assert out.tolist() == [1.0, 2.0]
    (7 * out.sum()).backward()
    assert x.grad.tolist() == [7.0, 7.0]
    assert y.grad.tolist() == [5.0]  # whatever is made of log_prob, the extra loss counts once


def test_wrong_shapes_and_names():
    with pytest.raises(ValueError, match=r"expected \(batch, n\), \(batch, n\) and \(batch,\)"):
        teaching_loss(th.zeros(2, 3), th.zeros(2, 4), th.zeros(2))
    with pytest.raises(StudentError, match="divergence is 'js'"):
        teaching_loss(th.zeros(2, 3), th.zeros(2, 3), th.zeros(2), "js")
    with pytest.raises(ValueError, match=r"3, 2 actions; expected \(batch, 5\) and \(batch, 2\)"):
        by_dim([th.zeros(4, 3), th.zeros(4, 2)], th.zeros(4, 5), th.zeros(4))
    with pytest.raises(ValueError, match=r"prior \(4, 6\)"):
        by_dim([th.zeros(4, 3), th.zeros(4, 2)], th.zeros(4, 6), th.zeros(4, 2))


def test_what_is_logged_adds_up_over_dimensions():
    """Loss and KL are sums over dimensions, agreement a mean over all that was taught."""
    half, sure = th.full((2, 2), 0.5).log(), th.tensor([[1.0, 0.0], [0.0, 1.0]])
    first = taught_rows(half, sure, th.ones(2))  # argmax 0: agrees once
    second = taught_rows(half, sure, th.tensor([1.0, 0.0]))  # agrees where it is taught
    log = figures([[first, second]], "cross_entropy")
    assert log["loss"] == log["kl"] == pytest.approx(2 * np.log(2))
    assert log["agreement"] == pytest.approx(2 / 3)
    nothing = taught_rows(half, sure, th.zeros(2))
    assert figures([[nothing, nothing]], "cross_entropy") == {}
    twice = figures([[first, second], [first, second]], "cross_entropy")
    assert twice == pytest.approx(log)
