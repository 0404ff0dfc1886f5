"""``genbench completion SHELL``: the script that completes commands, options and names in a shell."""

from __future__ import annotations

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script for command completion in a shell.

    For bash or zsh add this line to ~/.bashrc or ~/.zshrc: eval "$(genbench completion bash)" (or zsh). For fish:
    genbench completion fish > ~/.config/fish/completions/genbench.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "genbench", "_GENBENCH_COMPLETE").source())
