"""CSV, TSV and Parquet files: read as data, whole, or refused in one sentence."""

import gzip

import pytest

from vaerun.data import table_file
from vaerun.data.table_file import read_table
from vaerun.errors import UserError

pandas = pytest.importorskip("pandas")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "it is empty"),
        (b"a,b,a\n1,2,3\n", "'a' names more than one of its columns"),
        (b"a,,c\n1,2,3\n", r"column 1 \(from 0\) has no name"),
        (b"5.1,3,0\n4.9,3,0\n", "its first row holds the numbers 5.1, 3, 0, not the names"),
        (b"a,b\n1,2\n3,4,5\n", "its rows are not equally long"),
        (b"a,b\n\xff\xfe,2\n", "it is not text in UTF-8"),
        (b"PAR1 and nothing else", "it is damaged or cut off"),
        (b"a;b\n1;2\n", """the only column of the table is 'a;b', so .*: use "data.separator=';'"."""),
        (b"a\tb\n1\t2\n", "use data.separator=tab"),
        (b"a;b\n1,5;2,25\n3,1;4,2\n", """do not seem to be separated by ',', .*use "data.separator=';'"."""),
        (b",a\n0,1.5\n", r"column 0 \(from 0\) has no name .*to_csv\(path, index=False\)"),
        (b"a,b\n1,2,3\n4,5,6\n", r"\(row 0 \(from 0\) has 3 cells, and the first row has 2 names\)"),
        (b"a,b\n1,2\n\n3\n4,5\n", r"\(row 1 \(from 0\) has 1 cell, .*check that the file is complete"),
        (b"a,b\n1,2\n\0,3\n", r"line 3 holds the character NUL: .* with tr -d '.0'"),
        (b"a,b\n1,x\0y\n2,x\n", "line 2 holds the character NUL"),
        (b"a,b\n" + b"1,2\n" * 2**19 + b"1,\0\n", "line 524,290 holds the character NUL"),
        (b"\x93NUMPY\0\1\n,\0\n", "it is not text in UTF-8"),
        (b'a,b\n1,2\n"3', "it is damaged or cut off|its rows are not equally long"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "it is compressed by gzip: decompress it, with gunzip"),
        (b"PK\x03\x04 and nothing else", "it is a zip archive, .* save the table in it as a CSV file"),
        ("a,b\n1,2\n".encode("utf-16"), "it is text in UTF-16: .*iconv -f utf-16 -t utf-8"),
        ("gr\xf6\xdfe,b\n1,2\n".encode("latin-1"), "not text in UTF-8 .*iconv -f latin1 -t utf-8"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=sentence) as refused:
        read_table(path)
    assert str(refused.value).isprintable()


def test_text_is_read_to_the_last_digit_and_only_stated_words_are_missing(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('\ufeffx, c\n0.1234567890123456,"None"\nNA,a\n,"b, c"\n', encoding="utf-8")
    table = read_table(path)
    assert list(table) == ["x", "c"]
    assert table["x"][0] == 0.1234567890123456
    assert table["x"].isna().tolist() == [False, True, True]
    assert table["c"].tolist() == ["None", "a", "b, c"]
    path.write_text("0;1\n5;6\n")
    assert list(read_table(path, ";")) == ["0", "1"]
    path.write_text("a\tb\n5\t6\n")
    assert list(read_table(path, "tab")) == ["a", "b"]


def test_a_table_larger_than_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(table_file, "free_memory", lambda: 10)
    pandas.DataFrame({"a": range(100)}).to_csv(tmp_path / "t.csv")
    with pytest.raises(UserError, match=r"its values need about .* of memory, and 10 .* are free"):
        read_table(tmp_path / "t.csv")


def test_rows_with_all_their_cells_are_read_whatever_the_last_one_holds(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,\n\n2,NA\n"x, y\nz", "u, v"\n \n')
    assert read_table(path).isna().sum().tolist() == [0, 2]
    path.write_text("a\n1\n\n2\n")
    assert len(read_table(path)) == 2
