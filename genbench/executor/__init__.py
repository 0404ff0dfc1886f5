"""Where tasks run, behind one protocol: this machine, this process, or the workers of a Dask scheduler."""
