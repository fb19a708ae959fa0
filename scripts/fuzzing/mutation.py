"""Bytes and text of a good file ↦ damaged ones, as hypothesis strategies."""

import re
from collections.abc import Sequence

from hypothesis import strategies as st

NUMBERS = (0, 1, 2, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
WORDS = (
    *("", "null", "true", "-1", "0", "1.5", "1e999", "-.inf", ".nan", "NaN", "Infinity", "99999999999999999999"),
    *("'x'", '"\\u0000"', "[]", "{}", "[1, 2]", "{a: 1}", "[[[[[[]]]]]]", "!!python/object:os.system x", "!!binary x"),
    *("&a [*a]", "*missing", "${seed}", "${oc.env:HOME}", "${.x}", "${", "?", "- -", "\t", "é\x1b[31m", "a" * 3000),
    *("vaerun.data.digits.Digits", "os.system", "1_000", "0x10", "2026-11-28", "~", "<<", "|", "\ud7ff"),
)


@st.composite
def damaged(draw: st.DrawFn, good: Sequence[bytes]) -> bytes:
    """One of the files after one to four changes: bits, integers, cuts, repeats, and pieces of the others."""
    content = bytearray(draw(st.sampled_from(good)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        end = min(len(content), place + draw(st.integers(1, 64)))
        change = draw(st.sampled_from(("bit", "integer", "digits", "cut", "end", "repeat", "noise", "other")))
        if change == "bit" and content:
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif change == "integer":
            width, order = draw(st.sampled_from((1, 2, 4, 8))), draw(st.sampled_from(("little", "big")))
            value = draw(st.sampled_from(NUMBERS)) % 256**width
            content[place : place + width] = value.to_bytes(width, order)
        elif change == "digits":
            found = list(re.finditer(rb"\d+", content))[:200]
            if found:
                match = draw(st.sampled_from(found))
                content[match.start() : match.end()] = str(draw(st.sampled_from(NUMBERS))).encode()
        elif change == "cut":
            del content[place:end]
        elif change == "end":
            del content[place:]
        elif change == "repeat":
            content[place:place] = content[place:end] * draw(st.integers(1, 3))
        elif change == "noise":
            content[place:end] = draw(st.binary(max_size=32))
        else:
            other = draw(st.sampled_from(good))
            start = draw(st.integers(0, max(0, len(other) - 1)))
            content[place:end] = other[start : start + draw(st.integers(1, 200))]
    return bytes(content)


@st.composite
def reworded(draw: st.DrawFn, good: Sequence[str]) -> bytes:
    """One of the texts after one to four changes of lines, values and keys; sometimes of bytes."""
    text = draw(st.sampled_from(good))
    for _ in range(draw(st.integers(1, 4))):
        lines = text.split("\n")
        place = draw(st.integers(0, len(lines) - 1))
        line = lines[place]
        word = draw(st.sampled_from(WORDS))
        change = draw(st.sampled_from(("value", "value", "value", "key", "cut", "repeat", "indent", "line", "part")))
        if change == "value":
            key, colon, _ = line.partition(":")
            lines[place] = f"{key}{colon} {word}"
        elif change == "key":
            lines[place] = re.sub(r"[\w.]+", word.replace("\\", "/"), line, count=1)
        elif change == "cut":
            del lines[place]
        elif change == "repeat":
            lines.insert(draw(st.integers(0, len(lines))), line)
        elif change == "indent":
            lines[place] = " " * draw(st.integers(0, 5)) + line.strip()
        elif change == "line":
            lines.insert(place, word)
        else:
            parts = re.split(r"([,{}\[\]:])", line)
            parts[draw(st.integers(0, len(parts) - 1))] = word
            lines[place] = "".join(parts)
        text = "\n".join(lines)
    content = text.encode("utf-8", "surrogatepass")
    return draw(damaged([content])) if draw(st.integers(0, 9)) == 0 else content
