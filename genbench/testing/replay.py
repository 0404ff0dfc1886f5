"""``python -m genbench.testing.replay NAME [FILE ...]``: the digest of a model's samples, from a process of its own."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main(arguments: list[str]) -> None:
    """Print the sha256 of the samples that a check compares with its own."""
    import torch

    from genbench.testing.front import subjects
    from genbench.testing.trained import digest, draw, fitted

    torch.set_num_threads(1)
    name, *files = arguments
    [subject] = subjects(f"model:{name}", files)
    print(digest(draw(fitted(subject)[0], 50)))  # noqa: T201 (its one answer)


if __name__ == "__main__":
    main(sys.argv[1:])
