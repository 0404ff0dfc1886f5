"""Pictures of runs: samples beside real rows, scores, costs, trainings."""
