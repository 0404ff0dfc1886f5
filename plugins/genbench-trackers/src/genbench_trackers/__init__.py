"""Observers that write the cells of a run to experiment trackers while it goes on.

Each tracker is a plugin of its own, so that one that fails does not concern the other. They provide no models, import
their library at the first cell, and do nothing unless an environment variable says where to write.
"""
