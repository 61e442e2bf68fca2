import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fdtrace.report import cells


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain /path", "plain /path"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x9b31m", r"\x9b31m"),
        ("\x7f\x00", r"\x7f\x00"),
        ("invoice\u202egnp.exe", r"invoice\u202egnp.exe"),
        ("\u2066x\u2069\u200b\ufeff", r"\u2066x\u2069\u200b\ufeff"),
        ("\U000e0041", r"\U000e0041"),
        ("\u2028\u2029", r"\u2028\u2029"),
        (b"/tmp/\xff\x80".decode("utf-8", "surrogateescape"), r"/tmp/\xff\x80"),
        ("Grüße, 世界 → ✓", "Grüße, 世界 → ✓"),
        ("already \\n spelled", "already \\n spelled"),
    ],
)
def test_what_cannot_be_seen_is_spelled(text: str, seen: str) -> None:
    assert cells.visible(text) == seen


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_visible_text_is_one_printable_encodable_line(text: str) -> None:
    seen = cells.visible(text)
    assert seen.encode().decode() == seen
    assert len(seen.splitlines()) <= 1
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in seen)
    assert cells.visible(seen) == seen


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("O_RDONLY|O_CLOEXEC", r"O\_RDONLY\|O\_CLOEXEC"),
        ("</td><script>alert(1)</script>", "&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("`rm`", r"\`rm\`"),
        ("two\nlines", r"two\\nlines"),
        ("[x](http://e)", r"\[x\](http&#58;//e)"),
        ("@root #1 a@b", "@<!-- -->root #<!-- -->1 a@<!-- -->b"),
        ("a&lt;b", "a&amp;lt;b"),
    ],
)
def test_markdown_stays_words(text: str, cell: str) -> None:
    assert cells.markdown(text) == cell


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("read(3, buf)", "`read(3, buf)`"),
        ("A|B", r"`A\|B`"),
        ("a`b", "``a`b``"),
        ("`a``b", "``` `a``b ```"),
        ("", ""),
        ("x\ny", r"`x\ny`"),
    ],
)
def test_a_code_span_cannot_be_left(text: str, span: str) -> None:
    assert cells.markdown_code(text) == span


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "  =1"])
def test_a_formula_is_not_run_unless_the_exact_text_is_asked_for(text: str) -> None:
    assert cells.spreadsheet(text) == "'" + text
    assert cells.spreadsheet(text, raw=True) == text


def test_a_tab_cannot_hide_a_formula() -> None:
    assert cells.spreadsheet("\t=1") == r"\t=1"
    assert cells.spreadsheet("/a=b") == "/a=b"


@given(st.text())
def test_json_keeps_the_value_and_shows_nothing_unseen(text: str) -> None:
    line = cells.json_text({"text": text})
    assert json.loads(line) == {"text": text}
    assert cells.visible(line) == line


def test_json_of_a_smuggled_byte_can_be_written() -> None:
    assert cells.json_text("\udcff").encode() == b'"\\udcff"'


def test_json_of_nested_values() -> None:
    assert cells.json_text([None, True, 1.5, ("a",), {"k": 1}]) == '[null, true, 1.5, ["a"], {"k": 1}]'


@pytest.mark.parametrize(
    ("keep", "short"), [("start", "/very/lon…"), ("end", "…/file.txt"), ("both", "/very…e.txt")]
)
def test_what_is_cut_is_marked(keep: str, short: str) -> None:
    columns = len(short)
    assert cells.shorten("/very/long/path/to/a/file.txt", columns, keep) == short


@given(st.text(), st.integers(0, 20), st.sampled_from(["start", "end", "both"]))
def test_shortened_text_fits(text: str, columns: int, keep: str) -> None:
    assert cells.width(cells.shorten(text, columns, keep)) <= columns


def test_wide_characters_take_two_columns() -> None:
    assert cells.width("世界") == 4
    assert cells.width("e\u0301") == 1
    assert cells.shorten("世界地図", 5) == "世界…"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (4e-8, "40 ns"),
        (0.0000121, "12 µs"),
        (0.0401, "40 ms"),
        (0.0001, "100 µs"),
        (8.93, "8.9 s"),
        (2, "2 s"),
        (119, "119 s"),
        (4440, "74 minutes"),
        (3600 * 3.5, "3.5 hours"),
        (86_400 * 12, "12 days"),
        (86_400 * 3653, "10 years"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert cells.duration(seconds) == said


@pytest.mark.parametrize(
    ("per_second", "said"),
    [
        (2.69, "+2.7/s"),
        (1, "+1/s"),
        (1234.5, "+1,234/s"),
        (0.1, "+6/min"),
        (0.001, "+3.6/h"),
        (0.0001, "+8.6/day"),
        (-2.0, "-2/s"),
    ],
)
def test_rates(per_second: float, said: str) -> None:
    assert cells.rate(per_second) == said


def test_counts_and_sizes() -> None:
    assert cells.count(20_000) == "20,000"
    assert cells.counted(1, "process") == "1 process"
    assert cells.counted(2, "process") == "2 processes"
    assert cells.counted(0, "descriptor") == "0 descriptors"
    assert cells.counted(3, "directory") == "3 directories"
    assert cells.size(1) == "1 byte"
    assert cells.size(512) == "512 bytes"
    assert cells.size(1_249_790) == "1.2 MB"
    assert cells.size(10**15) == "1,000 TB"


@pytest.mark.parametrize(
    ("number", "said"), [(0.0, "0"), (1.5, "1.5"), (8.930002, "8.930002"), (1e-7, "1e-07"), (1e6, "1000000")]
)
def test_decimals(number: float, said: str) -> None:
    assert cells.decimal(number) == said


def test_a_curve_becomes_blocks() -> None:
    assert cells.spark([], 10) == ""
    assert cells.spark([0, 0], 10) == "▁▁"
    assert cells.spark([3, 5, 8], 10) == "▄▆█"
    assert cells.spark(range(80), 8) == "▁▂▃▄▅▆▇█"
    assert cells.spark([7], 10) == "█"


def test_a_peak_inside_a_part_is_not_lost() -> None:
    curve = [1] * 50 + [100] + [1] * 50
    assert "█" in cells.spark(curve, 10)
