"""Cases that repeat what others show, for more cells, methods or kernels: run with `pytest --thorough`."""

from collections.abc import Iterable
from typing import Any

import pytest


def all_but(cases: Iterable[Any], usual: Iterable[Any]) -> list[Any]:
    """The cases, with those that are not among the `usual` ones marked as thorough."""
    cases, usual = list(cases), list(usual)
    missing = [case for case in usual if case not in cases]
    assert not missing, f"no such case: {missing}"
    marked = lambda case: case if isinstance(case, tuple) else (case,)
    return [case if case in usual else pytest.param(*marked(case), marks=pytest.mark.thorough) for case in cases]
