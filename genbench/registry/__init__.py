"""Installed plugins: discovery, the specs they provide, their options, and selections of them."""

from genbench.registry.registry import Registry, resolve

__all__ = ["Registry", "resolve"]
