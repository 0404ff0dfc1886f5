"""Tables of text: separators, decimal marks, headers, encodings, and the line that is at fault."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from user_files import RNG, refusal, rows_of_text, says, write

from genbench.files import read


@pytest.mark.parametrize(
    ("text", "columns", "first"),
    [
        ("a;b\n1,5;2\n2,5;3\n", ("a", "b"), [1.5, 2]),
        ("a;b\n1.5;2\n2.5;3\n", ("a", "b"), [1.5, 2]),
        ("a\tb\n1,5\t2\n2,5\t3\n", ("a", "b"), [1.5, 2]),
        ("a|b\n1.5|2\n2|3\n", ("a", "b"), [1.5, 2]),
        ("  a   b\n  1.5   2\n 22   3\n", ("a", "b"), [1.5, 2]),
        ("a, b\n1.5, 2\n2, 3\n", ("a", "b"), [1.5, 2]),
        ("1.5,2\n2,3\n", ("c0", "c1"), [1.5, 2]),
        ("1,5;2\n2,5;3\n", ("c0", "c1"), [1.5, 2]),
        ("1e-3 -2\n2 3\n", ("c0", "c1"), [1e-3, -2]),
        ("# made today\n# a b\n1.5 2\n2 3\n", ("a", "b"), [1.5, 2]),
        ("#a,b\r\n1.5,2\r\n2,3\r\n\r\n", ("a", "b"), [1.5, 2]),
        ("a,b\r1.5,2\r2,3", ("a", "b"), [1.5, 2]),
        ("\ufeffa,b\n1.5,2\n2,3\n", ("a", "b"), [1.5, 2]),
        (",a,b\n0,1.5,2\n1,2,3\n", ("a", "b"), [1.5, 2]),
        ("a,b,\n1.5,2,\n2,3,\n", ("a", "b"), [1.5, 2]),
        ("a,b\n1.5,2,\n2,3,\n", ("a", "b"), [1.5, 2]),
        ('"a","b, c"\n"1.5","2"\n2,3\n', ("a", "b, c"), [1.5, 2]),
        ("a,b\nTrue,2\nfalse,3\n", ("a", "b"), [1, 2]),
        ("a,b\n+1.5, 2 \n2,3\n", ("a", "b"), [1.5, 2]),
        ("a\n1.5\n2\n", ("a",), [1.5]),
        ("2020,2021,name\n1,2,3\n2,3,4\n", ("2020", "2021", "name"), [1, 2, 3]),
        ("name,day,price\n" + "".join(f"A{i},Jan {i} 2000,92.41\n" for i in range(5)), None, "'A0'; leave the column"),
        ("price,day\n" + "".join(f"92.41,Jan 200{i}\n" for i in range(5)), None, "expected a number, got 'Jan 2000'"),
        ("pt,phi\nGeV,rad\n" + "1.5,2\n2,3\n3,4\n", ("pt", "phi"), [1.5, 2]),
        ("a;b\n1.614,60;2\n807,19;3\n", ("a", "b"), [1614.60, 2]),
        ("a;b\n1.234.614,60;2\n807,19;3\n", ("a", "b"), [1234614.60, 2]),
        ("a;b\n1.61,60;2\n807,19;3\n", None, "got '1.61,60'; write it without thousands separators"),
        ("a;b\n1,5 x;2\n807,19;3\n", None, "got '1,5 x'"),
        ("a,b\n0.1,1e400\n", None, "infinite"),
    ],
)  # fmt: skip
def test_layouts_of_text_are_found_out(tmp_path, text, columns, first):
    path = write(tmp_path, text)
    if columns is None:
        says(refusal(read, path), first)
        return
    found = read(path)
    assert found.columns == columns
    np.testing.assert_array_equal(found.rows[0], first)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " ", "   ", ", ", "; "])
@pytest.mark.parametrize("decimal", [".", ","])
def test_whatever_is_written_is_read_back_bit_for_bit(tmp_path, separator, decimal):
    if decimal == "," == separator.strip():
        return  # this can be read in two ways

    def written(value):
        return (str(int(value)) if value == int(value) and abs(value) < 1e6 else repr(float(value))).replace(
            ".", decimal
        )

    for d, n, scale, header in itertools.product((2, 3, 7), (2, 30), (1e-30, 1, 1e30), ("", "names", "# names")):
        rows = RNG.normal(size=(n, d)) * scale
        rows[:, ::2] = RNG.integers(-9, 9, size=rows[:, ::2].shape)
        names = ["pt", "eta", "E", "x_1", "m 1" if separator.strip() else "m1", "a", "b"][:d]
        lines = [header.replace("names", separator.join(names))] * bool(header)
        lines += [separator.join(map(written, row)) for row in rows]
        found = read(write(tmp_path, "\n".join(lines)))
        np.testing.assert_array_equal(found.rows, rows)
        assert found.columns == tuple(names if header else [f"c{i}" for i in range(d)])


def test_a_guess_about_the_layout_is_told(tmp_path):
    says(" ".join(read(write(tmp_path, rows_of_text())).notes), "no header", "c0")
    says(" ".join(read(write(tmp_path, "a;b\n1,5;2\n")).notes), "decimal commas", "';'")
    says(" ".join(read(write(tmp_path, ",a\n0,1\n1,2\n")).notes), "unnamed first column")
    says(" ".join(read(write(tmp_path, "a\n1\n\n2\n")).notes), "1 blank lines were skipped")
    assert read(write(tmp_path, "a,b\n1,2\n")).notes == ()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a,b\n1,2\n3\n5,6\n", ["row 2 (line 3)", "1 field, expected 2"]),
        ("a,b\n1,2\n\n3,4,5\n", ["row 2 (line 4)", "3 fields", "expected 2"]),
        ("x\n1,5\n2,5\n", ["decimal marks", "expected 1"]),
        ("a,b\n1,2\n3,x\n", ["column 'b'", "row 2 (line 3)", "expected a number, got 'x'", "--columns", "--labels"]),
        ("a,b\nu,2\nv,3\n", ["column 'a'", "row 1 (line 2)", "got 'u'"]),
        ("a,b\n1,2020-01-02\n2,2020-01-03\n", ["column 'b'", "date or time", "'2020-01-02'", "seconds"]),
        ('a,b\n1,"1,5"\n2,"2,5"\n', ["column 'b'", "'1,5'", "decimal comma"]),
        ("a,b\n1,1 000\n2,3\n", ["column 'b'", "thousands"]),
        ("a,b\n1,9007199254740993\n", ["column 'b'", "row 1", "9007199254740993", "2^53"]),
        ("a,b\n1,123456789012345678901234567890\n", ["column 'b'", "2^53"]),
        ("a,b\n1,2\n,nan\n3,inf\n", ["2 missing (NaN) and 1 infinite", "2 of 3 rows", "'a' 1, 'b' 2", "--na drop"]),
        ("a,a\n1,2\n", ["occur more than once: a"]),
        ("a,b\n", ["has a header but no rows"]),
        ("# a b\n", ["holds comments but no rows"]),
        ("  \n\n", ["is empty"]),
        ("", ["is empty"]),
        ("a,b\x00\n1,2\n", ["NUL byte"]),
        ("\x1b[31ma,b\n1,\x1b[31m2\n", ["column 'b'"]),
        ('a,b\n1,"2\n3,4\n5,6\n', ["column 'b'", "row 1"]),
    ],
)  # fmt: skip
def test_bad_text_is_refused_in_one_line(tmp_path, text, parts):
    says(refusal(read, write(tmp_path, text)), "data.csv: ", *parts)


def test_a_fault_far_below_is_found(tmp_path):
    good = "".join(f"{i},{i}\n" for i in range(200_000))
    says(refusal(read, write(tmp_path, f"a,b\n{good}1,oops\n")), "column 'b'", "row 200001 (line 200002)", "'oops'")
    says(refusal(read, write(tmp_path, f"a,b\n{good}1\n")), "row 200001 (line 200002)", "1 field,")


def test_encodings(tmp_path):
    path = write(tmp_path, "énergie,b\n1,2\n".encode("latin-1"))
    says(refusal(read, path), "not UTF-8 at byte 0 (0xe9)", "--encoding latin-1")
    assert read(path, encoding="latin-1").columns == ("énergie", "b")
    says(refusal(read, path, encoding="latin-9000"), "--encoding 'latin-9000' is unknown")
    says(refusal(read, path, encoding="utf-8"), "is not utf-8 at byte 0")
    assert read(write(tmp_path, "a,b\n1,2\n".encode("utf-16"))).columns == ("a", "b")


def test_control_characters_leave_the_column_names(tmp_path):
    found = read(write(tmp_path, "\x1b[31mred,b\u202ec\n1,2\n"))
    assert found.columns == ("[31mred", "b c")
    says(" ".join(found.notes), "control characters")


def test_a_row_of_units_gives_the_columns_their_units(tmp_path):
    rows = "".join(f"{i}.5,{i},{i}\n" for i in range(5))
    found = read(write(tmp_path, "pt,n,phi\nGeV,,rad\n" + rows), columns="phi,pt,n")
    assert dict(found.units) == {"pt": "GeV", "phi": "rad"}
    says(" ".join(found.notes), "line 2 holds the units of the columns")
    np.testing.assert_array_equal(found.rows[:, 2], np.arange(5))
    says(refusal(read, write(tmp_path, "pt,phi\nGeV,rad\n" + "1,2\n" * 5 + "1,x\n")), "row 6 (line 8)", "'x'")


@pytest.mark.parametrize("second", ["1,rad", "a long sentence that is no unit,rad"])
def test_other_texts_below_the_names_are_rows(tmp_path, second):
    text = f"pt,phi\n{second}\n" + "1,2\n" * 5
    says(refusal(read, write(tmp_path, text)), "row 1 (line 2)", "expected a number")


def test_lines_of_any_length_are_read(tmp_path):
    width = 10_000
    line = ",".join(["1.25" + 2000 * "0"] * (width - 1))  # 20 MB, more than Arrow reads at once
    path = write(tmp_path, "".join(f"{line},{i}\n" for i in range(3)))
    found = read(path, columns=f"0,{width - 1}")
    np.testing.assert_array_equal(found.rows, [[1.25, i] for i in range(3)])
