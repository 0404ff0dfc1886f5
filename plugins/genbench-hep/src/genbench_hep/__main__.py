"""Generate events into the cache before a run: ``python -m genbench_hep dijets 30000 process=signal``."""

from __future__ import annotations

import sys

from genbench.errors import UserError
from genbench.testing import configured

from genbench_hep import genbench_register

USAGE = "usage: python -m genbench_hep dijets|zmumu EVENTS [OPTION=VALUE ...]"


def main(arguments: list[str]) -> int:
    """Generate the events that are missing, print where they are, and return the exit code."""
    specs = {spec.name: spec for spec in genbench_register()}
    if len(arguments) < 2 or arguments[0] not in specs or not arguments[1].isdigit() or int(arguments[1]) < 1:
        raise UserError(USAGE)
    given = {}
    for text in arguments[2:]:
        option, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"{text}: expected OPTION=VALUE; {USAGE}")
        given[option] = value
    config = configured(specs[arguments[0]], **given)

    from genbench_hep import dijets, zmumu
    from genbench_hep.generate import cache_folder, generate, show_progress

    options = {"dijets": dijets, "zmumu": zmumu}[arguments[0]].options_of(config)
    with show_progress(arguments[0]) as progress:
        generated = generate(options, int(arguments[1]), config.processes, progress)
    cost = 1000 * generated.seconds.sum()
    print(f"{len(generated.events)} events in {cache_folder(options)}, {cost:.2f} ms of one core each")  # noqa: T201
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        sys.exit(f"genbench_hep: {error}")
