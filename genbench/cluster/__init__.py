"""Cells on many machines, placed by a Dask scheduler: the session's side, and what runs in the workers."""
