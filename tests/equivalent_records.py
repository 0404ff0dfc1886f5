"""Records of what samples are worth, and how they are drawn."""

from synthetic import record, score

BANDWIDTHS = [2.0, 1.0, 0.5]


def worth(values, low, high, value=100.0, **detail):
    detail = {"bandwidths": BANDWIDTHS, "values": values, "low": low, "high": high, "at_least": False, **detail}
    return score("equivalent", value, better="higher", detail=detail)


def scored(model, seed=0, values=(300.0, 200.0, 100.0), low=None, high=None, detail=None, **fields):
    low = [x / 2 for x in values] if low is None else low
    high = [x * 2 for x in values] if high is None else high
    return record(model, seed, [worth(list(values), low, high, **(detail or {}))], **fields)


def learned(seconds, steps=(5, 10, 20), last=0.01):
    curve = [
        {"seconds": seconds * step / 40, "step": step, "value": last * 40 / step, "low": 0.0, "high": 0.4, "n_fake": 9}
        for step in steps
    ]
    return score("energy", last, detail={"curve": curve})
