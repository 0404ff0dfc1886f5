"""Records of models whose samples are worth something."""

from synthetic import record, score


def worth(name, value, *, at_least=False, low=None, high=None, seed=0, **fields):
    scores = [
        score("equivalent", value, better="higher", low=low, high=high, level=0.95, detail={"at_least": at_least}),
        score("amplification", value / 1000, better="higher", detail={"at_least": at_least}),
        score("energy", 1 / value),
        *(score(metric, given, better=better) for metric, (given, better) in fields.pop("extra", {}).items()),
    ]
    return record(name, seed, scores, **fields)


def words(text):
    return " ".join(text.split())


def line_of(text, label):
    return next(line for line in text.splitlines() if line.startswith(label))
