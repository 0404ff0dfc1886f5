"""Two versions of a distribution -> which of its tracked quantities got slower, measured in turn on this machine."""
