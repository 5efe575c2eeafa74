"""The chi-square test as the tests of random laws use it."""

import numpy as np
from scipy import stats


def p_of_counts(counts, expected):
    """The p-value of observed counts under expected ones, neighbours pooled until each expects at least five."""
    pooled = [[0.0, 0.0]]
    for c, e in zip(counts, expected, strict=True):
        pooled[-1][0] += c
        pooled[-1][1] += e
        if pooled[-1][1] >= 5.0:
            pooled.append([0.0, 0.0])
    last = pooled.pop()
    pooled[-1] = [pooled[-1][0] + last[0], pooled[-1][1] + last[1]]
    observed, wanted = np.array(pooled).T
    return stats.chisquare(observed, wanted * observed.sum() / wanted.sum()).pvalue
