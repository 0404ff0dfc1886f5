"""Output in encodings that lack some of the characters of tables and messages."""

import os
import subprocess
import sys

import pytest

from genbench.cli.encoding import ascii_of


@pytest.mark.parametrize(
    ("text", "ascii_text"),
    [
        ("3 ≥ 2", "3 >= 2"),
        ("[0, ∞)", "[0, inf)"),
        ("1 ± 2 … α", "1 +- 2 ... ?"),
        ("Fréchet", "Frechet"),
        ("nll ↓", "nll v"),
    ],
)
def test_characters_have_their_usual_substitutes(text, ascii_text):
    assert ascii_of(text) == ascii_text


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "latin-1", "utf-8"])
def test_a_command_never_fails_on_the_encoding_of_its_output(encoding):
    code = (
        "import sys, click; from genbench.cli import main as cli;"
        "cli.tried = click.Command('try', callback=lambda: click.echo('a ≥ ∞ é'));"
        "cli.COMMANDS['try'] = ('genbench.cli.main:tried', 'Try.'); sys.exit(cli.main(['try']))"
    )
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    text = found.stdout.decode(encoding)
    assert (found.returncode, found.stderr) == (0, b"")
    if encoding == "utf-8":
        assert text.strip() == "a ≥ ∞ é"
    else:
        assert text.startswith("a ")
        assert "?" not in text
