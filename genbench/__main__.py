"""``python -m genbench``: the same as ``genbench``."""

import sys

from genbench.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
