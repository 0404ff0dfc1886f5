"""Installed plugins, their options, and what a selection of them means."""

from genbench.registry.registry import Registry, resolve

__all__ = ["Registry", "resolve"]
