"""Which faults apply to given data: those that need what the data have, and that change something."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import rankdata

from genbench.auditing.faults import FAULTS, Fault
from genbench.auditing.table_faults import hard_limit
from genbench.auditing.triple_dependence import strongest_triple
from genbench.auditing.workspace import RealRows
from genbench.protocol import Array

MAX_COLUMN_PAIRS = 500  # that are tested for dependence
DEPENDENCE_SDS = 5.0  # of the null distribution, from which columns count as dependent
MAX_ROWS_COMPARED = 2000
NEIGHBOURS, PERMUTATIONS, SYMMETRY_INJECTIONS = 5, 50, 3  # of the test whether a fault leaves the law as it is
PAIR_BINS = 4  # of each column of a pair, at quantiles
SYMMETRIES = {
    "exchanged_columns": "the columns have the same law when two are exchanged",
    "mirrored_column": "the columns have the same law when one is mirrored",
}


def why_not_applicable(name: str, rows: Array, real: RealRows) -> str:
    """Return why this fault of its usual size would change nothing in these data, or an empty string.

    ``rows`` (n, d) are fresh real rows.
    """
    fault = FAULTS[name]
    if ("image" if real.shape else "vector") not in fault.data:
        return f"it is a fault of {'tables' if real.shape else 'images'}"
    return _lacking(name, rows, real) or (
        "" if _changes(fault, rows, real) else "at its usual size it changes nothing in these data"
    )


def _lacking(name: str, rows: Array, real: RealRows) -> str:
    """Return what these data lack for this fault, or an empty string."""
    if name in ("dropped_modes", "uneven_weights", "ridges", "lost_rare_mode") and len(real.centres) < 2:
        return "there is only one mode"
    if name in ("lost_correlation", "shuffled_column") and not _dependent(rows, np.zeros(len(rows), np.intp)):
        return "the columns are independent"
    if name == "lost_mode_correlation" and not _dependent(rows, real.label(rows)):
        return "the columns are independent within the modes"
    if name in ("exchanged_columns", "drift") and len(real.varying) < 2:
        return "fewer than two columns vary"
    if name in SYMMETRIES and not _breaks_symmetry(FAULTS[name], rows, real):
        return SYMMETRIES[name]
    if name == "rounded_angle" and not real.periodic.any():
        return "no column is periodic"
    if name == "impossible_values" and hard_limit(real) is None:
        return "no column has a hard limit"
    if name == "lost_triple_dependence":
        return _lacking_triple(rows, real)
    if name == "lost_class" and len(set(real.classes.values())) < 2:
        return "there is only one class" if real.classes else "the data have no labels"
    return ""


def _changes(fault: Fault, rows: Array, real: RealRows) -> bool:
    """Return whether the fault of its usual size changes a row, after integer images are rounded to grey levels."""
    some = rows[:MAX_ROWS_COMPARED]
    faulty = fault(some, fault.size, np.random.default_rng(0), real)
    if real.levels is None:
        return bool((faulty != some).any())
    top = real.levels - 1
    return bool((np.clip(np.round(faulty * top), 0, top) != np.round(some * top)).any())


def _breaks_symmetry(fault: Fault, rows: Array, real: RealRows) -> bool:
    """Return whether nearest neighbours tell rows with the fault in full from other rows, in one of three injections.

    Of the neighbours of a row half are of its own kind if the fault leaves the law as it is (Henze 1988,
    doi:10.1214/aos/1176350835). The threshold is five standard deviations over exchanged kinds.
    """
    half = min(len(rows) // 2, MAX_ROWS_COMPARED)
    kinds = np.repeat([0, 1], half)
    for seed in range(SYMMETRY_INJECTIONS):
        rng = np.random.default_rng(seed)
        both = np.concatenate([fault(rows[:half], fault.high, rng, real), rows[half : 2 * half]])
        neighbours = cKDTree(both / np.where(real.scale > 0, real.scale, 1)).query(both, k=NEIGHBOURS + 1)[1][:, 1:]
        found, *null = (
            np.mean(each[neighbours] == each[:, None])
            for each in (kinds, *(rng.permutation(kinds) for _ in range(PERMUTATIONS)))
        )
        if found > np.mean(null) + DEPENDENCE_SDS * np.std(null):
            return True
    return False


def _lacking_triple(rows: Array, real: RealRows) -> str:
    """Return why three columns cannot lose a dependence of their own, or an empty string."""
    triple, z = strongest_triple(real)
    if z <= DEPENDENCE_SDS:
        return "no three columns depend on each other beyond their pairs"
    some = rows[:MAX_ROWS_COMPARED]
    fault = FAULTS["lost_triple_dependence"]
    faulty = fault(some, fault.size, np.random.default_rng(0), real)
    edges = np.quantile(some, np.arange(1, PAIR_BINS) / PAIR_BINS, axis=0)
    cells = [np.stack([np.searchsorted(e, c) for e, c in zip(edges.T, each.T, strict=True)]) for each in (some, faulty)]
    for column in real.varying:
        if column == triple[2]:
            continue
        tables = [np.bincount(each[column] * PAIR_BINS + each[triple[2]], minlength=PAIR_BINS**2) for each in cells]
        total = np.maximum(tables[0] + tables[1], 1)
        chi_squared = float(((tables[0] - tables[1]) ** 2 / total).sum())
        freedom = (PAIR_BINS - 1) ** 2
        if (chi_squared - freedom) / np.sqrt(2 * freedom) > DEPENDENCE_SDS:
            return "three columns cannot lose it without a change of pairs"
    return ""


def _dependent(rows: Array, labels: Array) -> bool:
    """Return whether any two columns depend on each other within the groups, by chi-squared tests on binned ranks.

    The threshold is five standard deviations of the null distribution beyond the expected maximum over all pairs.
    """
    groups = [rows[labels == label] for label in np.unique(labels)]
    ranked = [(np.apply_along_axis(rankdata, 0, group) / (len(group) + 1), len(group)) for group in groups]
    d = rows.shape[1]
    pairs = np.stack(np.triu_indices(d, 1), axis=1)
    if len(pairs) > MAX_COLUMN_PAIRS:
        pairs = pairs[np.linspace(0, len(pairs) - 1, MAX_COLUMN_PAIRS).astype(int)]
    limit = DEPENDENCE_SDS + np.sqrt(2 * np.log(max(len(pairs), 1)))
    for first, second in pairs:
        total = freedom = 0.0
        for ranks, n in ranked:
            bins = 8 if n >= 640 else 4 if n >= 80 else 2
            if n < 20:
                continue
            cells = (ranks[:, first] * bins).astype(int) * bins + (ranks[:, second] * bins).astype(int)
            table = np.bincount(cells, minlength=bins * bins).reshape(bins, bins)
            expected = np.outer(table.sum(1), table.sum(0)) / n
            total += float(((table - expected) ** 2 / np.maximum(expected, 1e-9)).sum())
            freedom += (bins - 1) ** 2
        if freedom and (total - freedom) / np.sqrt(2 * freedom) > limit:
            return True
    return False
