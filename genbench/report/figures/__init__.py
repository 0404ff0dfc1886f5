"""Figures of runs: samples next to real rows, scores, costs, losses."""
