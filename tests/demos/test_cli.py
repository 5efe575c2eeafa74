"""`python -m neuroeqx`."""

import importlib
import json
import subprocess
import sys

import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx._cli import main
from neuroeqx.demos import _fly, _fly_vision, DEMOS
from neuroeqx.train import TASKS


NAMES = ["T4a", "T4b", "T4c", "T4d", "T5a", "T5b", "T5c", "T5d"]


def run(*arguments, cwd=None):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=cwd, timeout=120)


def test_json_is_one_line_and_the_figure_is_drawn(tmp_path):
    done = run("-m", "neuroeqx", "demo", "--extent", "2", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    result = json.loads(done.stdout)
    assert list(result["preferred_deg"]) == NAMES
    assert all(0 <= angle < 360 for angle in result["preferred_deg"].values())
    assert (result["neurons"], result["connections"], result["steps"]) == (1203, 28904, 611)
    assert result["compile_s"] > 0
    assert result["run_s"] > 0
    assert "compiling" in done.stderr
    assert result["figure"] == "fly_vision.png"
    assert (tmp_path / "fly_vision.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_table(tmp_path, capsys, monkeypatch):
    """What is printed for detectors that prefer 20 degrees less than in the living fly, and one 50 degrees less."""
    known = dict(zip("abcd", (180, 0, 90, 270), strict=True))
    found = np.array([known[name[2]] - (50 if name == "T5d" else 20) for name in NAMES])
    angles = np.arange(0, 360, 30)
    response = 1 + np.cos(np.deg2rad(angles[:, None] - found))
    voltage = np.stack([np.zeros_like(response), response], axis=1)[None].repeat(2, 0)

    def experiment(eye, shown, report):
        report("pretending")
        result = _fly_vision.Result(grey=np.zeros(8), voltage=voltage, compile_s=1.25, run_s=2.5, steps=202)
        ts = 5.0 * np.arange(1, 200)
        wave = np.sin(ts)[:, None] * np.ones(19)
        sweep = _fly_vision.Sweep(ts, wave, {name: wave for name in shown})
        return result, {90.0: sweep, 270.0: sweep}

    monkeypatch.setattr(_fly, "experiment", experiment)
    main(["demo", "fly", "--extent", "2", "--model", "7", "--output", str(tmp_path / "a.svg")])
    printed = capsys.readouterr()
    assert "pretending" in printed.err
    assert printed.out.splitlines() == [
        "type  edge  preferred  in biology  difference",
        "T4a   ON      160 deg     180 deg     -20 deg",
        "T4b   ON      340 deg       0 deg     -20 deg",
        "T4c   ON       70 deg      90 deg     -20 deg",
        "T4d   ON      250 deg     270 deg     -20 deg",
        "T5a   OFF     160 deg     180 deg     -20 deg",
        "T5b   OFF     340 deg       0 deg     -20 deg",
        "T5c   OFF      70 deg      90 deg     -20 deg",
        "T5d   OFF     220 deg     270 deg     -50 deg",
        "7 of 8 within 35 degrees (not every parameter set of the ensemble is tuned)",
        "",
        "1,203 neurons, 28,904 connections, parameter set 7",
        "24 moving edges as one batch, 202 steps of 5 ms each",
        "compiled in 1.2 s, simulated in 2.5 s",
        f"figure: {tmp_path / 'a.svg'}",
    ]
    assert (tmp_path / "a.svg").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: command"),
        (["dance"], "invalid choice: 'dance'"),
        (["demo", "worm"], "there is no demo 'worm'; choose from fly, coba, digits, brain"),
        (["demo", "--extent", "1"], "--extent is a whole number from 2 to 15, got '1'"),
        (["demo", "--extent", "16"], "--extent is a whole number from 2 to 15, got '16'"),
        (["demo", "fly", "--extent", "2.5"], "--extent is a whole number from 2 to 15, got '2.5'"),
        (["demo", "--model", "50"], "--model is a whole number from 0 to 49, got '50'"),
        (["demo", "--output", "eye.txt"], "--output must end with .png, .pdf or .svg, got 'eye.txt'"),
        (["demo", "--output", "not/there/eye.png"], "cannot be written: is its folder there?"),
        (["demo", "fly", "--speed", "3"], "unrecognized arguments: --speed 3"),
        (["demo", "fly", "coba"], "unrecognized arguments: coba"),
        (["train"], "name a task; choose from reservoir, "),
        (["train", "fly"], "there is no task 'fly'; choose from reservoir, "),
        (["train", "reservoir", "--epochs", "0"], "must be a whole number, at least 1, got '0'"),
    ],
)
def test_wrong_options(arguments, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"], ["train", "--help"]])
def test_help_lists_what_there_is(arguments, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(arguments)
    out = capsys.readouterr().out
    listed = {"demo": DEMOS, "train": {**DEMOS, **TASKS}, "--help": {**DEMOS, **TASKS}}[arguments[0]]
    assert all(f"\n  {name} " in out for name in listed)


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"neuroeqx {nex.__version__}\n"


@pytest.mark.parametrize(
    ("folder", "module"),
    [(folder, entry[0]) for folder, entries in (("demos", DEMOS), ("train", TASKS)) for entry in entries.values()],
)
def test_every_demo_and_task_has_the_same_shape(folder, module):
    module = importlib.import_module(f"neuroeqx.{folder}.{module}")
    assert callable(module.add_arguments)
    assert callable(module.main)


def test_wrong_option_fails_the_process_and_only_the_chosen_demo_is_imported():
    script = (
        "import sys; from neuroeqx._cli import main\n"
        "try: main(['demo', '--extent', '1'])\n"
        "finally: print([m for m in sys.modules if m.startswith('neuroeqx.demos._')])"
    )
    done = run("-c", script)
    assert done.returncode == 2
    assert "--extent is a whole number from 2 to 15" in done.stderr
    assert "'neuroeqx.demos._fly'" in done.stdout
    assert "neuroeqx.demos._coba" not in done.stdout
    assert "neuroeqx.demos._digits" not in done.stdout
