"""Tasks: when things happen, how often, and whether an observer that reads the inputs as well as possible answers right."""

import functools

import jax
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from scipy import stats


tasks = nex.tasks


def batch(task, trials, seed=0, **arguments):
    """Many trials, as NumPy arrays."""
    run = jax.jit(jax.vmap(functools.partial(task, **arguments)))
    return jax.tree.map(np.asarray, run(jr.split(jr.key(seed), trials)))


def check_uniform(values, number):
    """Whole numbers below `number` are as likely."""
    assert stats.chisquare(np.bincount(values, minlength=number)).pvalue > 1e-4
    assert values.max() < number


def check_share(values, p):
    assert abs(values.mean() - p) < 4.0 * np.sqrt(p * (1.0 - p) / values.size)


def during(steps, start, stop):
    return (np.arange(steps) >= start) & (np.arange(steps) < stop)


def test_delayed_match_to_sample(dtype):
    x = batch(tasks.delayed_match_to_sample, 800, dt=100.0)
    assert x.inputs.shape == (800, 25, 24)
    assert x.inputs.dtype == dtype
    np.testing.assert_array_equal(x.mask, np.tile(during(25, 20, 25), (800, 1)))
    sample, test = x.conditions["sample"], x.conditions["test"]
    check_uniform(sample, 8)
    check_share(x.target, 0.5)
    np.testing.assert_array_equal(x.target, sample == test)
    check_uniform((test - sample)[x.target == 0] % 8 - 1, 7)
    # The law of the paper, trial by trial.
    preferred, angle = 2.0 * np.pi * np.arange(24) / 24, 2.0 * np.pi * np.stack([sample, test], 1) / 8
    tuned = 40.0 * np.exp(2.0 * (np.cos(angle[..., None] - preferred) - 1.0))
    expected = np.ones((800, 25, 24))
    expected[:, 5:10] += tuned[:, :1]
    expected[:, 20:] += tuned[:, 1:]
    np.testing.assert_allclose(x.inputs, expected, rtol=1e-5)


def test_delayed_match_to_sample_with_spikes():
    def trial(key):
        draw, spike = jr.split(key)
        x = tasks.delayed_match_to_sample(draw, dt=1.0, units=100, delay=200.0, match_probability=0.3)
        return tasks.spiking(x, dt=1.0, key=spike)

    x = batch(trial, 60)
    assert x.inputs.shape == (60, 1700, 100)
    check_share(x.target, 0.3)
    assert np.all((x.inputs == 0.0) | (x.inputs == 1.0))
    check_share(x.inputs[:, :500], 0.001)
    # The likelihood of the counts under every direction.
    angles = 2.0 * np.pi * np.arange(8) / 8
    preferred = 2.0 * np.pi * np.arange(100) / 100
    mean = 0.5 * (1.0 + 40.0 * np.exp(2.0 * (np.cos(angles[:, None] - preferred) - 1.0)))
    seen = [
        (x.inputs[:, part].sum(1) @ np.log(mean).T - mean.sum(1)).argmax(1)
        for part in (slice(500, 1000), slice(1200, 1700))
    ]
    np.testing.assert_array_equal(seen[0], x.conditions["sample"])
    np.testing.assert_array_equal(seen[0] == seen[1], x.target)


def test_evidence_accumulation():
    x = batch(tasks.evidence_accumulation, 1000, dt=10.0, units=2, delay=(100.0, 300.0), bias=0.8)
    steps = 7 * 15 + 30 + 15
    assert x.inputs.shape == (1000, steps, 8)
    np.testing.assert_array_equal(x.inputs[..., ::2], x.inputs[..., 1::2])
    left, right, recall, background = np.moveaxis(x.inputs[..., ::2], -1, 0)
    np.testing.assert_array_equal(background, 10.0)
    # Cues from 50, 200, 350 ... ms, 100 ms each, on one side.
    place = np.arange(steps)
    inside = (place < 105) & (place % 15 >= 5)
    np.testing.assert_array_equal(left + right, np.tile(np.where(inside, 40.0, 0.0), (1000, 1)))
    cues = right[:, 5:105:15] > 0.0
    np.testing.assert_array_equal(cues, x.conditions["cues"] == 1)
    np.testing.assert_array_equal(right[:, :105], np.repeat(40.0 * cues, 15, 1) * inside[:105])
    # The side is left or right, and then each cue on it with probability 0.8.
    number = cues.sum(1)
    law = 0.5 * (stats.binom.pmf(np.arange(8), 7, 0.8) + stats.binom.pmf(np.arange(8), 7, 0.2))
    assert stats.chisquare(np.bincount(number, minlength=8), 1000 * law).pvalue > 1e-4
    # The delay.
    delay = np.rint(x.conditions["delay"] / 10.0).astype(int)
    check_uniform(delay - 10, 21)
    np.testing.assert_array_equal(x.mask, [during(steps, 105 + d, 120 + d) for d in delay])
    np.testing.assert_array_equal(recall, 40.0 * x.mask)
    np.testing.assert_array_equal(x.target, right.sum(1) > left.sum(1))
    check_share(x.target, 0.5)


def test_random_dots():
    levels = np.array([0.0, 0.1, 0.3])
    arguments = dict(dt=10.0, coherences=levels, fixation=50.0, stimulus=230.0, delay=20.0, decision=40.0, noise=8.0)
    x = batch(tasks.random_dots, 6000, **arguments)
    assert x.inputs.shape == (6000, 34, 3)
    np.testing.assert_array_equal(x.mask, np.tile(during(34, 30, 34), (6000, 1)))
    first, second, wait = np.moveaxis(x.inputs, -1, 0)
    np.testing.assert_array_equal(wait, np.tile(40.0 * during(34, 0, 30), (6000, 1)))
    np.testing.assert_array_equal((first + second) * ~during(34, 5, 28), 0.0)
    c = x.conditions["coherence"]
    check_uniform(np.searchsorted(levels, c - 0.01), 3)
    check_share(x.target, 0.5)
    # Held for 50 ms, the last one for 30 ms; the mean and the standard deviation of each.
    stimulus = x.inputs[:, 5:28, :2]
    drawn = stimulus[:, ::5]
    np.testing.assert_array_equal(np.repeat(drawn, 5, 1)[:, :23], stimulus)
    signed = np.where(x.target == 1, -c, c)
    noise = drawn - 40.0 * (1.0 + np.stack([signed, -signed], 1))[:, None]
    z = (noise / 8.0).reshape(-1)
    assert stats.kstest(z, "norm").pvalue > 1e-4
    for a, b in ((noise[:, :-1], noise[:, 1:]), (noise[..., 0], noise[..., 1])):
        assert abs((a * b).mean()) / 64.0 < 4.0 / np.sqrt(a.size)
    # The psychometric function of the observer that takes the mean of the five draws.
    answer = drawn[..., 1].mean(1) > drawn[..., 0].mean(1)
    for level in levels:
        right = (answer == x.target)[np.isclose(c, level)]
        check_share(right, stats.norm.cdf(2.0 * 40.0 * level / (8.0 * np.sqrt(2.0 / 5.0))))


@pytest.mark.parametrize("dt", [5.0, 25.0])
def test_context_dependent_decision(dt):
    arguments = dict(coherences=[0.1, 0.2], fixation=100.0, stimulus=250.0, delay=50.0, decision=100.0, noise=2.0)
    x = batch(tasks.context_dependent_decision, 1500, dt=dt, **arguments)
    a, b, c, d = (round(t / dt) for t in (100.0, 350.0, 400.0, 500.0))
    assert x.inputs.shape == (1500, d, 5)
    np.testing.assert_array_equal(x.mask, np.tile(during(d, c, d), (1500, 1)))
    np.testing.assert_array_equal(x.inputs[..., 4], ~x.mask)
    context = x.conditions["context"]
    check_share(context, 0.5)
    np.testing.assert_array_equal(x.inputs[:, :, 2:4], np.tile(np.eye(2)[context][:, None], (1, d, 1)))
    np.testing.assert_array_equal(x.inputs[:, ~during(d, a, b), :2], 0.0)
    signed = x.conditions["coherence"]
    sign = signed > 0.0
    check_share(sign, 0.5)
    check_share(np.isclose(abs(signed), 0.1), 0.5)
    check_share(sign[:, 0] == sign[:, 1], 0.5)
    np.testing.assert_array_equal(x.target, sign[np.arange(1500), context])
    senses = x.inputs[:, a:b, :2]
    assert stats.kstest(((senses - signed[:, None]) * np.sqrt(dt) / 2.0).reshape(-1), "norm").pvalue > 1e-4
    # What an observer gets right does not depend on dt, and not on what does not count.
    answer = senses.mean(1)[np.arange(1500), context] > 0.0
    strength = abs(signed[np.arange(1500), context])
    for level in (0.1, 0.2):
        for same in (True, False):
            chosen = np.isclose(strength, level) & ((sign[:, 0] == sign[:, 1]) == same)
            check_share((answer == x.target)[chosen], stats.norm.cdf(level * np.sqrt(250.0) / 2.0))


def test_parametric_working_memory():
    x = batch(tasks.parametric_working_memory, 1000, dt=100.0, units=3, delay=800.0)
    assert x.inputs.shape == (1000, 28, 9)
    np.testing.assert_array_equal(x.mask, np.tile(during(28, 23, 28), (1000, 1)))
    rising, falling, wait = np.moveaxis(x.inputs[..., ::3], -1, 0)
    np.testing.assert_array_equal(x.inputs[..., 0], x.inputs[..., 2])
    np.testing.assert_array_equal(wait, 40.0 * ~x.mask)
    f = x.conditions["frequencies"]
    np.testing.assert_array_equal(abs(f[:, 0] - f[:, 1]), 8.0)
    check_uniform(((f.min(1) - 10.0) / 4.0).astype(int), 5)
    check_share(x.target, 0.5)
    np.testing.assert_array_equal(x.target, f[:, 0] > f[:, 1])
    felt = during(28, 5, 10), during(28, 18, 23)
    for i in range(2):
        np.testing.assert_allclose(rising[:, felt[i]], np.tile(40.0 * (f[:, i, None] - 10.0) / 24.0, 5), atol=1e-4)
        np.testing.assert_allclose((rising + falling)[:, felt[i]], 40.0, rtol=1e-6)
    np.testing.assert_array_equal((rising + falling)[:, ~(felt[0] | felt[1])], 0.0)
    np.testing.assert_array_equal(rising[:, 7] > rising[:, 20], x.target)


def test_go_no_go():
    x = batch(tasks.go_no_go, 500, dt=50.0, go_probability=0.8, delay=0.0)
    assert x.inputs.shape == (500, 30, 3)
    check_share(x.target, 0.8)
    np.testing.assert_array_equal(x.mask, np.tile(during(30, 20, 30), (500, 1)))
    expected = np.zeros((500, 30, 3))
    expected[:, 10:20, 0] = 40.0 * x.target[:, None]
    expected[:, 10:20, 1] = 40.0 * (1 - x.target[:, None])
    expected[:, :20, 2] = 40.0
    np.testing.assert_array_equal(x.inputs, expected)


KEY = jr.key(0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tasks.delayed_match_to_sample(KEY, dt=0.0), "`dt` must be positive, in ms, got 0.0"),
        (lambda: tasks.delayed_match_to_sample(KEY, dt=100.0, delay=250.0), "`delay` must be a multiple of dt = 100 ms"),
        (lambda: tasks.delayed_match_to_sample(KEY, dt=100.0, test=0.0), "`test`, when the answer counts, must last a step"),
        (lambda: tasks.delayed_match_to_sample(KEY, dt=100.0, directions=1), "`directions` must be a whole number of at"),
        (lambda: tasks.delayed_match_to_sample(KEY, dt=100.0, match_probability=1.5), "`match_probability` must be a number"),
        (lambda: tasks.evidence_accumulation(KEY, dt=10.0, cues=6), "`cues` must be odd.*got 6"),
        (lambda: tasks.evidence_accumulation(KEY, dt=10.0, delay=(50.0, 40.0)), "`delay` must be the shortest and the longest"),
        (lambda: tasks.evidence_accumulation(KEY, dt=10.0, recall=0.0), "`cue` and `recall` must last a step"),
        (lambda: tasks.random_dots(KEY, dt=10.0, coherences=[0.5, 1.2]), "`coherences` must be one or more.*at most 1"),
        (lambda: tasks.random_dots(KEY, dt=10.0, refresh=0.0), "`refresh / dt` must be a whole number of at least 1"),
        (lambda: tasks.context_dependent_decision(KEY, dt=10.0, coherences=[-0.5]), "`coherences` must be one or more"),
        (lambda: tasks.parametric_working_memory(KEY, dt=100.0, pairs=[[8.0, 8.0]]), "two unlike frequencies each"),
        (lambda: tasks.go_no_go(KEY, dt=100.0, units=0), "`units` must be a whole number of at least 1, got 0"),
        (lambda: tasks.yin_yang(KEY, 0), "`samples` must be a whole number of at least 1"),
        (lambda: tasks.yin_yang(KEY, 3, dot_radius=0.3), "`dot_radius` must be above 0 and below 0.25, got 0.3"),
    ],
)  # fmt: skip
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
