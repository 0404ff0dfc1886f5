"""Measure two versions of a distribution in turn on this machine: which tracked quantities got slower."""
