"""What stands in a picture is true as mathematics: every formula with numbers is read, and computed by other means."""

import itertools
import math
import re

import numpy
import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml.ops import PRIMITIVES, elementwise
from tinygrad_ml.tensor import apply
from viz.figures import sum_text
from viz.formulas import filled, with_numbers

pytestmark = pytest.mark.host_only

EDGES = (0.0, 1.0, -1.4, 0.99999, 1.00002, -3e-7, 1234.5678, 100.0, math.inf, -math.inf, math.nan)
FEWER = (0.0, -2.0, 1.5, 1.50002, math.inf)
WHOLE = (0, 1, 2, 5, -3)
EXPONENTS = (-1, 0, 1, 2, 3, -0.5)

ABOVE = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
TOKEN = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?|[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+|arctan2|erf⁻¹|log₂|log₁₀|[A-Za-z]+|\S")
FUNCTIONS = {"ln": numpy.log, "log₂": numpy.log2, "log₁₀": numpy.log10, "max": numpy.maximum, "min": numpy.minimum}
FUNCTIONS |= {f"ar{name}": getattr(numpy, f"arc{name}") for name in ("sinh", "cosh", "tanh")}
FUNCTIONS |= {"erf": numpy.vectorize(math.erf)}


class Reader:
    """Reads mathematics as a reader does: powers before signs, signs before products, products before sums."""

    def __init__(self, text):
        self.tokens, self.text = TOKEN.findall(text), text

    def read(self):
        value = self.sum()
        assert not self.tokens, f"{self.text}: what is {' '.join(self.tokens)}?"
        return float(value)

    def next(self, *wanted):
        return self.tokens.pop(0) if self.tokens and self.tokens[0] in wanted else None

    def sum(self):
        value = self.product()
        while sign := self.next("+", "-"):
            other = self.product()
            value = value + other if sign == "+" else value - other
        return value

    def product(self):
        value = self.signed()
        while sign := self.next("·", "/", "mod"):
            value = {"·": numpy.multiply, "/": numpy.divide, "mod": numpy.mod}[sign](value, self.signed())
        return value

    def signed(self):
        if self.next("-"):
            return -self.signed()
        if self.next("erf⁻¹"):
            return tg.erfinv(float(self.power())).item()
        return (
            numpy.sqrt(self.power()) if self.next("√") else numpy.cbrt(self.power()) if self.next("∛") else self.power()
        )

    def power(self):
        base = self.atom()
        if self.next("^"):
            return numpy.power(base, self.atom())
        if self.tokens and self.tokens[0][0] in "⁻⁰¹²³⁴⁵⁶⁷⁸⁹":
            return numpy.power(base, float(self.tokens.pop(0).translate(ABOVE)))
        return base

    def atom(self):
        token = self.tokens.pop(0)
        for opening, closing, make in (
            ("(", ")", float),
            ("|", "|", abs),
            ("⌊", "⌋", numpy.floor),
            ("⌈", "⌉", numpy.ceil),
        ):
            if token == opening:
                value = self.sum()
                assert self.next(closing), self.text
                return numpy.longdouble(make(value))
        if token in ("∞", "nan", "e", "π", "½", "True", "False"):
            known = {"∞": math.inf, "nan": math.nan, "e": math.e, "π": math.pi, "½": 0.5, "True": 1, "False": 0}
            return numpy.longdouble(known[token])
        if token[0].isdigit():
            return numpy.longdouble(token)
        assert self.next("("), self.text
        given = [self.sum()]
        while self.next(","):
            given.append(self.sum())
        assert self.next(")"), self.text
        return (FUNCTIONS.get(token) or getattr(numpy, token))(*given)


def read(text):
    with numpy.errstate(all="ignore"):
        return Reader(text).read()


def bits(text):
    return int(read(text))


SENTENCES = {
    r"(.+) as \w+": read,
    r"(.+) mod (.+), with the sign of .+": lambda a, b: numpy.fmod(read(a), read(b)),
    r"(.+), rounded half to even": lambda x: round(read(x)) if math.isfinite(read(x)) else read(x),
    r"(.+), towards 0": lambda x: numpy.trunc(read(x)),
    r"(.+) with the sign of (.+)": lambda a, b: math.copysign(read(a), read(b)),
    r"(.+) if (True|False) else (.+)": lambda a, condition, b: read(a if condition == "True" else b),
    r"the number next to (.+), towards (.+)": lambda a, b: numpy.nextafter(*numpy.float32([read(a), read(b)])),
    r"(.+) (and|or|xor) (.+), bit by bit": lambda a, how, b: {"and": int.__and__, "or": int.__or__, "xor": int.__xor__}[
        how
    ](bits(a), bits(b)),
    r"(.+), without the bits that leave": read,
    r"(.+) with each bit inverted .*": lambda x: ~bits(x),
    r"(.+) is (nan|±∞|finite)": lambda x, what: {"nan": math.isnan, "±∞": math.isinf, "finite": math.isfinite}[what](
        read(x)
    ),
    r"(.+) < 0 or .+ is -0": lambda x: read(x) < 0,
    r"(.+) ([=≠<≤>≥∧∨⊻]) (.+)": lambda a, sign, b: {
        "=": numpy.equal,
        "≠": numpy.not_equal,
        "<": numpy.less,
        "≤": numpy.less_equal,
        ">": numpy.greater,
        "≥": numpy.greater_equal,
        "∧": numpy.logical_and,
        "∨": numpy.logical_or,
        "⊻": numpy.logical_xor,
    }[sign](read(a), read(b)),
    r"¬(.+)": lambda x: not read(x),
}


def value_of(text):
    for sentence, meaning in SENTENCES.items():
        if found := re.fullmatch(sentence, text):
            return float(meaning(*found.groups()))
    raise AssertionError(f"no formula, and no sentence that this test can read: {text}")


def check(text):
    """Hold a formula against the number behind it."""
    sentence = ": " in text
    formula, _, result = text.rpartition(": " if sentence else " = ")
    found, result = (value_of if sentence else read)(formula), read(result)
    with numpy.errstate(all="ignore"):
        narrow = float(numpy.float32(found))  # what is beyond float32 is infinite, or 0
    close = found == pytest.approx(result, rel=1e-2, abs=1e-44, nan_ok=True)
    assert close or narrow == result or (math.isnan(result) and not math.isfinite(found)), f"{text}, but it is {found}"


def formulas(result):
    """All formulas with numbers in the picture, and in the steps, of a single number."""
    for box in viz.draw(result, "both" if result.requires_grad else "forward").drawing.items:
        yield box.sum
    for step in viz.steps(result):
        yield step.numbers


def given(op):
    """The inputs to try an operation with."""
    whole = op.name.startswith("bitwise") or op.name == "gcd"
    logical = op.name.startswith("logical")
    for values in itertools.product(
        (True, False) if logical else WHOLE if whole else EDGES if len(op.inputs) == 1 else FEWER, repeat=len(op.inputs)
    ):
        if "shift" in op.name and not 0 <= values[1] < 5:
            continue
        flags = [op is elementwise.where and position == 0 for position in range(len(values))]
        yield tuple([tg.tensor(bool(v) if flag else v) for v, flag in zip(values, flags, strict=True)])


ELEMENTWISE = [op for op in PRIMITIVES.values() if op.kind == "elementwise"]


@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_every_formula_with_numbers_is_true(op):
    several = [{"exponent": n} for n in EXPONENTS] if op is elementwise.power else [{}]
    if op in (elementwise.cast, elementwise.discrete_cast):
        several = [{"dtype": numpy.dtype("float64")}]
    seen = 0
    for params, inputs in itertools.product(several, given(op)):
        for x in inputs:
            x.requires_grad = x.dtype.kind == "f" and bool(op.gradient)
        with numpy.errstate(all="ignore"):
            if not (result := apply(op, inputs, params)).requires_grad:
                inputs = tuple([tg.symbol(x.shape, dtype=x.dtype) for x in inputs])  # which leaves a graph
            for text in formulas(result):
                if text:
                    check(text)
                    seen += 1
    assert seen > 4 or not op.gradient


@pytest.mark.parametrize(
    ("formula", "put", "said"),
    [
        ("eˣ", {"x": 1.0}, "e¹"),
        ("1/(1 + e⁻ˣ)", {"x": 1.0}, "1/(1 + e⁻¹)"),
        ("1/(1 + e⁻ˣ)", {"x": -1.4}, "1/(1 + e^(-(-1.4)))"),
        ("-x", {"x": 1.0}, "-(1)"),
        ("2x", {"x": 3.0}, "2·3"),
        ("x²", {"x": 1e-5}, "(1e-5)²"),
        ("max(x, 0)", {"x": -2.0}, "max(-2, 0)"),
        ("aᵇ", {"a": -2.0, "b": 3.0}, "(-2)³"),
    ],
)
def test_numbers_in_the_places_of_letters(formula, put, said):
    assert with_numbers(formula, put) == said


@pytest.mark.parametrize(
    ("formula", "put", "said"),
    [
        ("eˣ", {"x": "x"}, "eˣ"),
        ("eˣ", {"x": "hidden"}, "e^hidden"),
        ("tanh x", {"x": "v₁"}, "tanh(v₁)"),
        ("y(1 - y)", {"y": "p"}, "p·(1 - p)"),
        ("a · b", {"a": "u + v", "b": "w"}, "‘u + v’ · w"),  # a name that could be read as a sum
        ("1 if a > b, ½ at a tie", {"a": "u", "b": "w"}, "1 if u > w, ½ at a tie"),
    ],
)
def test_names_in_the_places_of_letters(formula, put, said):
    assert filled(formula, put) == said


def test_products_of_matrices_and_of_elements_have_two_signs():
    a, b = (tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name=name) for name in "AB")
    rules = [step.rule for step in viz.steps(((a @ b) * a).sum())]
    assert "v₁ = A @ B" in rules and "v₂ = v₁ · A" in rules and "∂L/∂B = Aᵀ @ ∂L/∂v₁" in rules
    x = tg.tensor([[1.0, 2.0]], requires_grad=True, name="x")
    y = tg.nn.functional.linear(x, a)
    y.name = "y"
    assert "∂L/∂A = (∂L/∂y)ᵀ @ x" in [step.rule for step in viz.steps(y.sum())]


def test_powers_of_1_and_0_have_derivatives_without_powers():
    x = tg.tensor(3.0, requires_grad=True, name="x")
    assert viz.steps(x**1.0)[-1].rule == "∂L/∂x = ∂L/∂L"
    assert viz.steps(x**2.0)[-1].numbers == "1 · 2·3 = 6"
    assert viz.steps(x**-1)[-1].rule == "∂L/∂x = ∂L/∂L · (-x⁻²)"


def test_sums_have_the_digits_that_make_them_true():
    assert sum_text([1.0, -3.0], -2.0) == "1 + (-3) = -2"
    assert sum_text([1.00001, -1.0], 1.00001 - 1.0) == "1.00001 + (-1) = 1e-5"
    y = tg.tensor(0.99999, requires_grad=True, name="y")
    assert viz.steps(1.0 - y)[-3].numbers == "1 - 0.99999 = 1.001e-5"
