"""Every figure: what is drawn and where, its axes and their units, its errors."""

import matplotlib


matplotlib.use("Agg")

import jax.random as jr
import matplotlib.pyplot as plt
import neuroeqx as nex
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def spikes(steps, neurons, size=4, t0=0.0, t1=100.0, dt=0.5):
    return nex.Spikes(np.array(steps, np.int32), np.array(neurons, np.int32), len(steps), size, t0, t1, dt)


@pytest.fixture
def solution():
    """Two populations, and the voltages of two cells, over 100 ms."""
    cell = nex.LIF(tau=10.0)
    net = nex.Network({"E": nex.Population(cell, 6), "I": nex.Population(cell, 2)})
    record = {"E": nex.spikes("E"), "I": nex.spikes("I"), "v": nex.voltage("E", [0, 3], every=2)}
    return nex.simulate(net, 100.0, 0.5, {"E": np.linspace(1.2, 3.0, 6), "I": 0.0}, record=record)


@pytest.fixture
def matrix():
    return nex.connect.bernoulli(0.3, nex.connect.normal(0.0, 1.0))(7, 5, key=jr.key(0))


DRAW = {
    "raster": lambda solution, matrix, **kwargs: nex.plot.raster(solution, **kwargs),
    "rates": lambda solution, matrix, **kwargs: nex.plot.rates(solution, **kwargs),
    "traces": lambda solution, matrix, **kwargs: nex.plot.traces(solution, **kwargs),
    "connectivity": lambda solution, matrix, **kwargs: nex.plot.connectivity(matrix, **kwargs),
}
LABELS = {
    "raster": ("time (ms)", "neurons"),
    "rates": ("time (ms)", "rate (Hz)"),
    "traces": ("time (ms)", "membrane potential (mV)"),
    "connectivity": ("target (neuron)", "source (neuron)"),
}


@pytest.mark.parametrize("name", DRAW)
def test_new_axes_have_labels_with_units(name, solution, matrix):
    ax = DRAW[name](solution, matrix)
    assert (ax.get_xlabel(), ax.get_ylabel()) == LABELS[name]
    assert ax.has_data()
    ax.figure.canvas.draw()


@pytest.mark.parametrize("name", DRAW)
def test_given_axes_are_drawn_on_and_no_figure_is_made(name, solution, matrix):
    figure, (ax, other) = plt.subplots(1, 2)
    assert DRAW[name](solution, matrix, ax=ax) is ax
    assert ax.has_data() and not other.has_data()
    assert plt.get_fignums() == [figure.number]
    figure.canvas.draw()


@pytest.mark.parametrize("name", ["raster", "rates", "traces"])
def test_solution_records_and_single_records_are_alike(name, solution):
    draw = getattr(nex.plot, name)
    key = "v" if name == "traces" else "E"
    artists = lambda ax: len(ax.collections) + len(ax.patches) + len(ax.lines)
    one = artists(draw(solution, key))
    assert artists(draw(solution.records[key])) == one > 0
    assert artists(draw(solution.records, [key])) == one
    assert artists(draw({"only": solution.records[key]})) == one


def test_raster_draws_each_spike_at_its_time_and_neuron():
    ax = nex.plot.raster(spikes([0, 9, 9], [3, 0, 2]))
    np.testing.assert_allclose(ax.collections[0].get_offsets(), [[0.5, 3], [5.0, 0], [5.0, 2]])
    assert ax.get_xlim() == (0.0, 100.0) and ax.get_ylim() == (-0.5, 3.5)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["4 neurons"]


def test_raster_stacks_populations_in_their_order():
    ax = nex.plot.raster({"A": spikes([1], [2], size=3), "B": spikes([1], [1], size=5)})
    assert [c.get_offsets()[0, 1] for c in ax.collections] == [2.0, 4.0]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["A\n(3)", "B\n(5)"]
    assert ax.collections[0].get_facecolor().tolist() != ax.collections[1].get_facecolor().tolist()
    assert ax.get_ylim() == (-0.5, 7.5)


def test_raster_thins_large_populations_and_says_so():
    everyone = spikes(np.zeros(1000), np.arange(1000), size=1000)
    ax = nex.plot.raster(everyone, max_neurons=250)
    assert len(ax.collections[0].get_offsets()) == 250
    assert ax.get_ylabel() == "neurons (1 in 4 drawn)"
    assert ax.get_ylim() == (-0.5, 249.5)


def test_rates_are_those_of_the_bins():
    # Steps 0 ... 9 end in the bin (0, 5], step 10 is the first of the next.
    ax = nex.plot.rates(spikes([0, 9, 9, 10], [0, 1, 2, 3]), bin_ms=5.0)
    values, edges, _ = ax.patches[0].get_data()
    np.testing.assert_allclose(edges, np.arange(0.0, 100.1, 5.0))
    np.testing.assert_allclose(values[:3], [3 / 4 / 0.005, 1 / 4 / 0.005, 0.0])
    assert ax.get_ylim()[0] == 0.0


def test_rates_leave_out_a_bin_that_the_run_does_not_fill():
    ax = nex.plot.rates(spikes([0, 199], [0, 1]), bin_ms=30.0)
    values, edges, _ = ax.patches[0].get_data()
    assert edges[-1] == 90.0 and values.tolist()[1:] == [0.0, 0.0]


def test_rates_end_without_a_fall_to_zero():
    ax = nex.plot.rates(spikes(np.arange(200), np.zeros(200)), bin_ms=10.0)
    assert ax.patches[0].get_path().vertices[:, 1].min() > 0.0


def test_traces_draw_each_cell_over_time(solution):
    ax = nex.plot.traces(solution)
    record = solution.records["v"]
    assert len(ax.lines) == 2
    for j, line in enumerate(ax.lines):
        np.testing.assert_array_equal(line.get_xdata(), record.ts)
        np.testing.assert_array_equal(line.get_ydata(), record.values[:, j])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["v 0", "v 1"]
    assert ax.get_xlim() == (0.0, 100.0)


def test_traces_of_populations_with_several_axes_and_of_none():
    ax = nex.plot.traces(nex.Trace(np.zeros((5, 2, 3)), 0.0, 0.1, 1), ylabel="conductance (nS)", limit=4)
    assert len(ax.lines) == 4 and ax.get_ylabel() == "conductance (nS)"
    assert len(nex.plot.traces(nex.Trace(np.zeros((5,)), 0.0, 0.1, 1)).lines) == 1
    nothing = nex.plot.traces(nex.Trace(np.zeros((0, 2)), 0.0, 0.1, 1))
    assert [len(line.get_xdata()) for line in nothing.lines] == [0, 0]


@pytest.mark.parametrize("draw", [nex.plot.raster, nex.plot.rates])
def test_a_second_run_on_the_same_axes_extends_the_time(draw):
    ax = draw(spikes([3], [0], t0=0.0, t1=100.0))
    draw(spikes([3], [0], t0=100.0, t1=130.0), ax=ax)
    assert ax.get_xlim() == (0.0, 130.0)


def test_records_of_several_times_share_an_axis_that_covers_all():
    ax = nex.plot.rates({"a": spikes([3], [0], t0=50.0, t1=90.0), "b": spikes([3], [0], t0=20.0, t1=60.0)})
    assert ax.get_xlim() == (20.0, 90.0)


def test_connectivity_shows_the_matrix(matrix):
    ax = nex.plot.connectivity(matrix)
    image = ax.images[0]
    np.testing.assert_allclose(image.get_array(), matrix.todense(), rtol=1e-6)
    assert list(image.get_extent()) == [0, 5, 7, 0]
    assert image.norm.vmin == -image.norm.vmax  # so that white is zero
    assert ax.figure.axes[1].get_ylabel() == "weight"


@pytest.mark.parametrize("kind", ["sparse", "one weight", "dense"])
def test_connectivity_averages_large_matrices_over_blocks(kind):
    weight = 0.5 if kind == "one weight" else nex.connect.uniform(0.5, 1.0)
    matrix = nex.connect.bernoulli(0.3, weight)(10, 7, key=jr.key(0))
    if kind == "dense":
        matrix = nex.connect.Dense(matrix.todense())
    ax = nex.plot.connectivity(matrix, max_pixels=4)
    dense = np.asarray(matrix.todense())
    expected = [[dense[i : i + 3, j : j + 2].mean() for j in range(0, 7, 2)] for i in range(0, 10, 3)]
    np.testing.assert_allclose(ax.images[0].get_array(), expected, rtol=1e-6)
    assert ax.figure.axes[1].get_ylabel() == "mean weight of 3 x 2 pairs"
    assert ax.images[0].norm.vmin == 0.0


def test_connectivity_of_a_projection():
    cell = nex.LIF()
    receptors = {"ampa": nex.Receptor(nex.Expon(5.0), nex.CUBA())}
    net = nex.Network(
        {"E": nex.Population(cell, 6, receptors)},
        [nex.Projection("E", "E", "ampa", nex.connect.bernoulli(0.5, -1.0))],
        key=jr.key(0),
    )
    ax = nex.plot.connectivity(net, "E->E:ampa")
    assert ax.figure.axes[1].get_ylabel() == "weight (projection E->E:ampa)"
    assert (ax.images[0].norm.vmin, ax.images[0].norm.vmax) == (-1.0, 0.0)
    with pytest.raises(ValueError, match=r"`name` must be one of the projections \['E->E:ampa'\], got 'E->I'"):
        nex.plot.connectivity(net, "E->I")


@pytest.mark.parametrize("value", [0, -1])
def test_counts_must_be_positive(value, solution, matrix):
    for name, call in {
        "max_neurons": lambda: nex.plot.raster(solution, max_neurons=value),
        "limit": lambda: nex.plot.traces(solution, limit=value),
        "max_pixels": lambda: nex.plot.connectivity(matrix, max_pixels=value),
    }.items():
        with pytest.raises(ValueError, match=f"`{name}` must be a whole number, at least 1, got {value}"):
            call()


@pytest.mark.parametrize(
    "value, said",
    [(0.0, "positive"), (np.nan, "positive"), (0.1, "shorter than the step"), (101.0, "longer than the run")],
)
def test_bins_that_make_no_sense(value, said, solution):
    with pytest.raises(ValueError, match=f"`bin_ms`.* {said}"):
        nex.plot.rates(solution, bin_ms=value)
    assert plt.get_fignums() == []


def test_errors_say_what_there_is_to_draw(solution):
    with pytest.raises(ValueError, match=r"There is no Spikes called \['v'\]; the records are \['E', 'I', 'v'\]"):
        nex.plot.raster(solution, "v")
    with pytest.raises(ValueError, match="nothing of kind Trace to draw.*nex.voltage"):
        nex.plot.traces({"E": solution.records["E"]})
    with pytest.raises(TypeError, match="Expected a Solution, its records or a Spikes, got ndarray"):
        nex.plot.rates(np.zeros(3))
    with pytest.raises(TypeError, match="Expected a connectivity or a Network, got ndarray"):
        nex.plot.connectivity(np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"A matrix of shape \(0, 3\) has nothing to draw"):
        nex.plot.connectivity(nex.connect.Dense(np.zeros((0, 3))))
