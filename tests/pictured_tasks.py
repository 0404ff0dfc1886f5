"""Subjects of pictures of tasks beside sampling."""

from dataclasses import replace

from pictured import subject_with


def subject_of_tasks(data, tasks, **fields):
    """Return a subject whose models, all with test rows as samples, made these arrays: ``{model: {name: array}}``."""
    subject = subject_with(data, dict.fromkeys(tasks, data.test), **fields)
    subject.__dict__["seed_samples"] = replace(subject.seed_samples, tasks=tasks)
    return subject
