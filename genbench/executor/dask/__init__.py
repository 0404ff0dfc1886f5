"""The workers of a Dask scheduler as an executor."""
