"""Writes the table of models in `docs/fidelity.md` from what the tests found: `python -m neuroeqx.testing.ledger`.

Run in the repository, with the packages of `neuroeqx[dev]`. A test hands in a row with the fixture `ledger`
(`tests/conftest.py`), which fails the test if the error exceeds the tolerance.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple


BEGIN, END = "<!-- written by python -m neuroeqx.testing.ledger -->\n", "<!-- end -->\n"


class Entry(NamedTuple):
    """What one test found of a model.

    - `model`: its public name.
    - `reference`: what it was held against.
    - `quantity`: what was compared.
    - `error`, `tolerance`: found and allowed, in the unit of the quantity.
    - `departures`: where the model differs on purpose.
    - `test`: the test's name, `file::function`.
    """

    model: str
    reference: str
    quantity: str
    error: float
    tolerance: float
    departures: str
    test: str


def table(entries: list[Entry]) -> str:
    """The entries as a table in Markdown; of tests that were run with several parameters the largest error."""
    worst: dict[tuple[str, str, str, str], Entry] = {}
    for entry in entries:
        key = entry.model, entry.reference, entry.quantity, entry.test
        if key not in worst or entry.error / max(entry.tolerance, 1e-300) > worst[key].error / max(
            worst[key].tolerance, 1e-300
        ):
            worst[key] = entry
    lines = [
        "| model | reference | quantity | error found | tolerance | departures | test |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in sorted(worst.values()):
        numbers = f"{entry.error:.2g} | {entry.tolerance:.2g}"
        lines.append(
            f"| `{entry.model}` | {entry.reference} | {entry.quantity} | {numbers} | {entry.departures} | `{entry.test}` |"
        )
    return "\n".join(lines) + "\n"


def read(folder: Path) -> list[Entry]:
    """The entries that the processes of a test run have left in a folder."""
    lines = [line for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()]
    return [Entry(**json.loads(line)) for line in lines]


def main() -> None:
    page = Path("docs/fidelity.md")
    text = page.read_text()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pytest", "-n", "auto", "-m", "ledger", "--thorough", f"--ledger={folder}"],
            check=True,
        )
        rows = table(read(Path(folder)))
    before, rest = text.split(BEGIN)
    page.write_text(before + BEGIN + "\n" + rows + "\n" + END + rest.split(END)[1])


if __name__ == "__main__":
    main()
