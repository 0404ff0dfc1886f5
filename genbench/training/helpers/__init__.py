"""What models share in training: an average of weights, schedules, held-out rows.

Its source is a part of what identifies a model that imports it from ``genbench.training``: after a change, the cells of
such models train again.
"""
