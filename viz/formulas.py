"""Formulas with names or numbers put in, so that they stay true: e¹ = 2.718, -(1) = -1, 2·(-3).

A formula is written in the letters of an operation's inputs, as in "eˣ" or "1 - y²". What takes the place of a letter
may stand in an exponent, behind a minus or behind a digit; then brackets, signs and exponents are written differently.

Read next: `words.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import cache

from .figures import DIGITS, number

_SMALL = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹ˣᵃᵇ", "-0123456789xab")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LETTERS_ABOVE = re.compile(r"[⁻⁰¹²³⁴⁵⁶⁷⁸⁹ˣᵃᵇ]*[ˣᵃᵇ][⁻⁰¹²³⁴⁵⁶⁷⁸⁹ˣᵃᵇ]*")
_FUNCTIONS = r"ln|log[₀-₉]+|(?:arc?)?(?:sin|cos|tan)h?|erf|sign"
_FUNCTION = re.compile(rf"\b({_FUNCTIONS}) ([a-z]|\d+)\b")
_WORD = re.compile(r"[A-Za-z][A-Za-z₀-₉]+|Σ")
_WORD_OF_ARITHMETIC = re.compile(rf"{_FUNCTIONS}|arctan2|exp|max|min|mod|nan|True|False")
_NUMBER = re.compile(r"-?(?:\d[\d.e-]*|∞)|nan|True|False")
_NAME = re.compile(r"[\w.∂/]+|\w+\(.*\)")  # anything else could be read as a formula


def power(base: str, n: float) -> str:
    """`base` to a power: x², x⁻¹, x^0.5."""
    text = number(n)
    if re.fullmatch(r"-?\d+", text):
        return base + text.translate(_SUPERSCRIPTS)
    return f"{base}^{text}" if re.fullmatch(r"[\d.]+", text) else f"{base}^({text})"


def put_in(text: str, names: Mapping[str, str]) -> str:
    """`text` with letters replaced, where they stand for a variable (and "at a tie" is English)."""
    return _variable(*names).sub(lambda match: names[match[1]], text) if names else text


@cache
def _variable(*letters: str) -> re.Pattern[str]:
    found = "|".join(map(re.escape, sorted(letters, key=len, reverse=True)))
    return re.compile(rf"(?<![A-Za-z0-9_])({found})(?![A-Za-z0-9_])(?! tie| number)")


def filled(text: str, values: Mapping[str, str]) -> str:
    """A formula with names or numbers in the places of its letters: `hidden²`, `e^v₁`, `2·(-3)`."""
    if not values:
        return text
    linear, letter = _linear(text), _variable(*values)
    if all(values[found] == found for found in letter.findall(linear)):
        return text

    def put(match: re.Match[str]) -> str:
        value, before, behind = values[match[1]], match.string[: match.start()], match.string[match.end() :]
        if not _NUMBER.fullmatch(value):
            return value if _NAME.fullmatch(value) else f"‘{value}’"
        raised = behind[:1] in tuple("^⁻⁰¹²³⁴⁵⁶⁷⁸⁹") or before.endswith("√")
        bare = value.isdigit() if raised else value[0] != "-" and not re.search(r"(?:^|[^\s])-$", before)
        return value if bare else f"({value})"

    return _tidy(letter.sub(put, linear))


def with_numbers(text: str, values: Mapping[str, float], digits: int = 4) -> str:
    """The same with numbers, each in so many digits."""
    return filled(text, {letter: number(value, digits) for letter, value in values.items()})


def _linear(text: str) -> str:
    """A formula without what only works for single letters: small ones, `2x`, and `sin x` without brackets."""
    text = _LETTERS_ABOVE.sub(lambda match: _exponent(match[0].translate(_SMALL)), text)
    text = _FUNCTION.sub(r"\1(\2)", text)
    text = re.sub(r"(?<=\d)(?=[xyab]\b)", "·", text)
    return re.sub(r"\b([xyab])(?=\()", r"\1·", text)


def _exponent(text: str) -> str:
    return f"^{text}" if len(text) == 1 else f"^({text[0]}{re.sub('-', ' - ', text[1:])})"


def _tidy(text: str) -> str:
    """Whole exponents written small, and no bracket around a bracket."""
    text = re.sub(r"(?<=[(|⌊⌈])\((-[^()]*)\)(?=[)|⌋⌉,])", r"\1", text)
    text = re.sub(r"(?<=, )\((-[^()]*)\)(?=\))", r"\1", text)
    text = re.sub(r"\^\(-\((\d+)\)\)", lambda match: f"-{match[1]}".translate(_SUPERSCRIPTS), text)
    text = re.sub(r"\^\((-\d+)\)", lambda match: match[1].translate(_SUPERSCRIPTS), text)
    return re.sub(r"\^(\d+)(?![\d.e])", lambda match: match[1].translate(_SUPERSCRIPTS), text)


def is_arithmetic(text: str) -> bool:
    """Whether a formula can be computed as it stands: it says what, and does not describe it."""
    return (
        all(map(_WORD_OF_ARITHMETIC.fullmatch, _WORD.findall(text)))
        and not re.search("[=<>≤≥≠∧∨⊻¬]", text)
        and not is_described(text)
    )


def is_described(text: str) -> bool:
    """Whether there are sentences in a formula, as in "g if x > 0, else 0"."""
    return bool(re.search(r", (?![^()]*\))|: | (?:if|where) ", text))


def stated(text: str, result: str) -> str:
    """A formula with numbers, and what it gives. Behind words, and behind what is true or false, stands a colon."""
    return f"{text} = {result}" if is_arithmetic(text) else f"{text}: {result}"


def true_text(write: Callable[[int], str], result: float, compute: Callable[[int], float] | None = None) -> str:
    """`write(digits)` with as many digits as it takes for the formula to give the result; nothing if it never does.

    compute  `compute(digits)`: what the formula gives; by default it is read off the text

    So 0.99999 does not become 1 where 1 - y² is 0.00002; and 0/0 is not said to be 0, where a rule takes it for that.
    """
    for digits in DIGITS:
        text = write(digits)
        if _agree(compute(digits) if compute else value_of(text), result):
            return text
    return ""


def _agree(found: float, result: float) -> bool:
    if math.isnan(result) or math.isnan(found) or math.isinf(result):
        beyond = math.copysign(math.inf, found) if abs(found) > 3e38 else found  # what float32 can hold
        return beyond == result or (math.isnan(result) and not math.isfinite(found))
    return abs(found - result) <= 5e-3 * abs(result) or abs(found) + abs(result) < 1e-37


def value_of(text: str) -> float:
    """The number that a formula with numbers stands for."""
    text = re.sub(r"[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda match: f"**({match[0].translate(_SMALL)})", text)
    text = re.sub(r"⌊([^⌊⌋]*)⌋", r"floor(\1)", re.sub(r"⌈([^⌈⌉]*)⌉", r"ceil(\1)", text))
    text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text)
    text = re.sub(r"√(\d+)", r"√(\1)", text)
    for sign, python in _PYTHON.items():
        text = text.replace(sign, python)
    try:
        found = eval(text, {"__builtins__": {}}, _MEANINGS)  # digits, and the functions below
    except (ZeroDivisionError, OverflowError):
        return math.inf
    except (ValueError, NameError, SyntaxError):
        return math.nan
    return math.nan if isinstance(found, complex) else float(found)


_PYTHON = {"·": "*", "^": "**", " mod ": " % ", "∞": "inf", "√": "sqrt", "π": "pi", "½": "0.5*", "log₂": "log2"}
_PYTHON |= {"log₁₀": "log10"}
_MEANINGS = {
    **{name: getattr(math, name) for name in ("floor", "ceil", "sqrt", "pi", "e", "inf", "nan", "exp", "erf")},
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "log2", "log10")},
    "ln": math.log,
    "abs": abs,
    "max": max,
    "min": min,
    "sign": lambda x: (x > 0) - (x < 0),
    "True": 1,
    "False": 0,
}
_MEANINGS |= {f"arc{name}": getattr(math, f"a{name}") for name in ("sin", "cos", "tan", "tan2")}
_MEANINGS |= {f"ar{name}": getattr(math, f"a{name}") for name in ("sinh", "cosh", "tanh")}
