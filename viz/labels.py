"""What stands in a box and on an arrow, as Graphviz's HTML-like text.

Whatever comes from outside (names of tensors and modules, messages) is escaped here and nowhere
else, and `dot.py` writes no text of its own.
"""

from __future__ import annotations

import html
import re
import textwrap
import unicodedata

from .backward import KnownGradient
from .figures import amount, byte_text, number, shape_text
from .formulas import is_described
from .model import Edge, Frame, Item
from .style import ALARM, GRADIENT, INK, MUTED, VALUE
from .words import axes_text, is_numbered_result

LABEL_CHARACTERS = 44
"""Names and texts longer than that lose their middle."""
SHORT_LINE = 18
"""Shapes of more letters than that stand below each other where boxes are to be narrow."""


def plain(text: str, longest: int = LABEL_CHARACTERS) -> str:
    """Text without what cannot be shown: control characters, marks that turn around what follows, and its middle if it is long."""
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(sign) in _UNSEEN else sign for sign in text)
        text = "".join(sign for sign in text if unicodedata.bidirectional(sign) not in _TURNING)
    if len(text) > longest:
        text = f"{text[: longest // 2 - 1]} … {text[-(longest // 2 - 2) :]}"
    return text if text.strip() else "␣"


def escaped(text: str, longest: int = LABEL_CHARACTERS) -> str:
    """The same, so that Graphviz and a browser after it take it as text and nothing else."""
    # Also in HTML-like text Graphviz puts ids in the place of \\N, \\G and others; a doubled backslash is one.
    return html.escape(plain(text, longest), quote=True).replace("\\", "\\\\")


_UNSEEN = {"Cc", "Cs", "Cn", "Co", "Zl", "Zp"}
_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def font(text: str, colour: str = INK, size: int = 11, style: str = "") -> str:
    """A piece of escaped text; `style` is made of b (bold) and i (italic)."""
    if not text:
        return ""  # an empty element is a syntax error to Graphviz
    for tag in style:
        text = f"<{tag.upper()}>{text}</{tag.upper()}>"
    return f'<FONT COLOR="{colour}" POINT-SIZE="{size}">{text}</FONT>'


def table(rows: list[str], padding: int = 1, align: str = "") -> str:
    """Rows one under the other."""
    cell = f'<TD ALIGN="{align}">' if align else "<TD>"
    cells = "".join(f"<TR>{cell}{row}</TD></TR>" for row in rows if row)
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="{padding}">{cells}</TABLE>>'


def lines_of(label: str) -> list[str]:
    """The lines of a label as bare text, for formats that have no such tables."""
    texts = [
        html.unescape(re.sub(r"<[^<>]*>", "", row)).replace("\N{NO-BREAK SPACE}", " ")
        for row in label[1:-1].split("</TR>")
    ]
    return [text.replace("\\\\", "\\").strip() for text in texts if text.strip()]


def item_label(item: Item) -> str:
    """The text of a box."""
    rows = (_brief_rows if item.brevity else _ROWS.get(item.kind, _tensor_rows))(item)
    if item.pixels is not None:
        rows.append(_slot(*item.pixels.points))
    if item.heat_text:
        alarm = ALARM if item.alarm else INK
        rows += [font(escaped(part, 64), alarm, 10, "b") for part in item.heat_text.split("; ")]
    return table(rows, padding=0 if item.brevity else 1)


NARROW_NAME, NARROW_BOX = 5, 15
"""Where there is least room, what a thing is stands below its name, if the name, or both, have more letters than that."""

SLOT = "#fdfdfb"
"""The colour of the room for a picture in a box, by which it is found again in what Graphviz has drawn."""


def _slot(wide: int, high: int) -> str:
    cell = f'<TD FIXEDSIZE="TRUE" WIDTH="{wide}" HEIGHT="{high}" BGCOLOR="{SLOT}"></TD>'
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>{cell}</TR></TABLE>'


def _constant_rows(item: Item) -> list[str]:
    facts = [_facts(item), *_value_rows(item)] if item.shape else []
    return [font(escaped(item.name), VALUE), *facts]


def _entry_rows(item: Item) -> list[str]:
    return [font(escaped(item.name), INK, 11, "b"), font(escaped(item.equation), MUTED, 9)]


def _tensor_rows(item: Item) -> list[str]:
    first, second = item.name, item.operation
    if second and is_numbered_result(first):
        first, second = second, first  # what was done says more than a number
    rows = [_head(first, second, item.count)]
    if item.sum:
        rows.append(font(escaped(item.sum), VALUE))
    elif item.equation:
        rows.append(font(escaped(item.equation, 56), INK, 11, "i"))
    rows.append(_facts(item))
    rows += [] if item.sum else _value_rows(item)
    for line in textwrap.wrap(item.note, 60):
        rows.append(font(escaped(line, 60), ALARM, 10))
    rows.append(_gradient_row(item.gradient))
    rows.append(_saved_row(item))
    return rows + _kernel_facts(item)


def _brief_rows(item: Item) -> list[str]:
    """A box among layers: what it is, what goes in and comes out, how much it learns. Its title says the rest."""
    if item.kind == "gradient":
        return _brief_gradient_rows(item)
    first, second = item.name, item.operation
    if second and is_numbered_result(first):
        first, second = second, first
    rows = [_head(first, second, item.count, size=10)]
    if item.brevity == 3 and second and (len(first) > NARROW_NAME or len(first) + len(second) > NARROW_BOX):
        rows = [_head(first, "", item.count, size=10), font(escaped(second), MUTED, 10)]
    words = item.sum or item.equation
    if words and item.kind in ("operation", "output") and item.brevity >= 2:
        rows = [font(escaped(item.name), INK, 10, "b") + font(f"&nbsp;= {escaped(words)}", INK, 10, "i")]
    elif item.kind != "module":
        lines = textwrap.wrap(words, 30, max_lines=2, placeholder=" …", break_long_words=False)
        rows += [font(escaped(line), INK, 10, "i") for line in lines]
    rows += _short_ways(item)
    if item.parameters and item.kind != "parameter" and item.brevity < 3:
        each = "each " if item.count > 1 else ""
        rows.append(font(escaped(f"{each}{_count(item.parameters, 'parameter')}"), INK, 10))
    value = item.value
    if value is not None and not item.sum and (value.size == 1 or value.nan or value.infinite):
        rows += _value_rows(item)
    for line in [*textwrap.wrap(item.note, 36), *textwrap.wrap(item.aside, 36)]:
        rows.append(font(escaped(line, 60), ALARM if line in item.note else MUTED, 10, "i"))
    return rows


def _brief_gradient_rows(item: Item) -> list[str]:
    # ∂y/∂a and ∂y in a are both ∂a where there is little room: the legend says so. But that of a layer called 0 is not ∂0,
    # which would be a number's.
    name = re.sub("^∂.*?(/∂| in )(?![0-9])", "∂", item.name) if item.brevity == 3 else item.name
    rows = [_beside(font(f"{item.turn}.", GRADIENT, 10), font(escaped(name), INK, 10, "b"))]
    if item.norm is not None:
        return [*rows, font(f"norm {number(item.norm)}", GRADIENT, 10)]
    text = item.sum or gradient_text(item.gradient)
    return [*rows, font(escaped(text, 36), GRADIENT, 10)] if text else rows


def _short_ways(item: Item) -> list[str]:
    """The shapes that go in and the one that comes out, as one where they are the same, and below each other where long."""
    if item.shape is None:
        return []
    out, takes = shape_text(item.shape), [shape_text(shape) for shape in dict.fromkeys(item.takes)]
    facts = [*([out] if item.shape else []), *([item.dtype] if item.dtype not in ("", "float32") else [])]
    lines = [" · ".join(facts)]
    if item.brevity >= 2:
        lines = [] if out in takes else [f"→ {line or out}" if takes else line for line in lines]
    elif takes and takes != [out] and item.kind in ("module", "function"):
        into = ", ".join(takes[:3]) + ", …" * (len(takes) > 3)
        lines = [f"{into} → {out}"] if len(into) + len(out) <= SHORT_LINE else [into, f"→ {out}"]
    return [font(escaped(line), MUTED, 10) for line in lines if line]


def _value_rows(item: Item) -> list[str]:
    if item.value is None:
        return []
    lines = item.value.rows() if item.whole else []
    return [font(escaped(line, 120 if lines else 64), VALUE, 10) for line in lines or [item.value.text()]]


def _kernel_rows(item: Item) -> list[str]:
    first, *more = textwrap.wrap(item.name, LABEL_CHARACTERS) or [""]
    head = [_head(first, item.operation, item.count), *(font(escaped(line), INK, 12, "b") for line in more)]
    lines = textwrap.wrap(item.equation, 40, max_lines=6, placeholder=" …")
    return [*head, *(font(escaped(line), INK, 11, "i") for line in lines), *_kernel_facts(item)]


def _kernel_facts(item: Item) -> list[str]:
    """What a kernel costs, and where its results go."""
    rows = [font(escaped(line, 64), MUTED, 10) for line in item.costs]
    lines = [line for what in item.goes for line in textwrap.wrap(f"→ {what}", 60)]
    return rows + [font(escaped(line, 64), VALUE, 10, "b") for line in lines]


def _facts(item: Item) -> str:
    if item.kind == "failed" or item.shape is None:
        return ""
    facts = [shape_text(item.shape)] if item.shape else []
    if item.dtype != "float32":
        facts.append(item.dtype)
    if item.device:
        facts.append(f"on {item.device}")
    if item.parameters > 1 and item.kind == "parameter":
        facts.append(f"{amount(item.parameters)} numbers")
    return font(escaped(" · ".join(facts)), MUTED, 10) if facts else ""


def _gradient_row(gradient: KnownGradient | None) -> str:
    text = gradient_text(gradient)
    return font(f"gradient {escaped(text)}", GRADIENT, 10) if text else ""


def gradient_text(gradient: KnownGradient | None) -> str:
    """A gradient in a few words: its numbers, its norm, or why it has none."""
    if gradient is None:
        return ""
    return gradient.note if gradient.numbers is None else gradient.numbers.text(norm_only=True)


def _saved_row(item: Item) -> str:
    if not item.saved:
        return ""
    what = "arrays" if item.kind in ("module", "function") else ", ".join(item.saved)
    return font(f"{'freed' if item.freed else 'saves'} {escaped(what)} ({byte_text(item.saved_bytes)})", MUTED, 9)


def _module_rows(item: Item) -> list[str]:
    rows = [_head(item.name, item.operation, item.count)]
    for text in item.inside:
        rows += [font(escaped(line), MUTED, 10) for line in textwrap.wrap(text, 40, max_lines=2, placeholder=" …")]
    rows.append(_ways(item))
    rows += [font(escaped(line, 64), INK, 10) for line in _parameter_lines(item)]
    rows += _value_rows(item)
    work = [_count(item.operations, "operation")]
    if item.flops and not item.heat_text:
        work.append(f"{amount(item.flops)} FLOP")
    rows.append(font(escaped(f"{'each ' if item.count > 1 else ''}{' · '.join(work)}"), MUTED, 9))
    rows.append(font(escaped(item.aside, 60), MUTED, 9, "i") if item.aside else "")
    rows.append(_saved_row(item))
    return rows


def _parameter_lines(item: Item) -> list[str]:
    """The parameters of a closed module: how many numbers they are, and where they are few, their shapes."""
    if not item.parameters:
        return []
    count = f"{'each ' if item.count > 1 else ''}{_count(item.parameters, 'parameter')}"
    shapes = ", ".join(item.weights)
    return [f"{count}: {shapes}"] if len(item.weights) <= 2 else [count]


def _function_rows(item: Item) -> list[str]:
    first, second = item.name, item.operation
    if is_numbered_result(first):
        first, second = second, first
    rows = [_head(first, second, item.count), font(escaped(item.equation, 56), INK, 11, "i") if item.equation else ""]
    rows.append(_ways(item))
    rows.append(font(escaped(item.aside, 60), MUTED, 9, "i") if item.aside else "")
    rows += _value_rows(item)
    rows += [_gradient_row(item.gradient), _saved_row(item)]
    return rows


def _ways(item: Item) -> str:
    """The shapes that go into a closed call, and the one that comes out."""
    if item.shape is None:
        return ""
    out = shape_text(item.shape)
    into = ", ".join(map(shape_text, item.takes[:3])) + ", …" * (len(item.takes) > 3)
    return font(escaped(f"{into} → {out}" if into else f"→ {out}", 64), MUTED, 10)


def _head(name: str, more: str = "", count: int = 1, size: int = 12) -> str:
    """A name, with ×12 if it is drawn for several, and what it is."""
    name = f"{escaped(name)} ×{count}" if count > 1 else escaped(name)
    named = font(name, INK, size, "b")
    if not more:
        return named
    # Browsers draw bold letters a little wider than Graphviz measures them.
    wider = font("&nbsp;", MUTED, 10) if size == 12 else ""
    return _beside(named, wider + font(escaped(more), MUTED, 10))


def _beside(one: str, other: str) -> str:
    """Two texts in a row. Blanks at the ends of texts are lost in some readers of SVG, but not those that no line may break at."""
    return one + other.replace(">", ">&nbsp;", 1)


def _count(count: int, what: str) -> str:
    return f"{amount(count)} {what}{'' if count == 1 else 's'}"


def _gradient_rows(item: Item) -> list[str]:
    rows = [_beside(font(f"{item.turn}.", GRADIENT, 10), font(escaped(item.name), INK, 12, "b"))]
    if item.parameters:
        of = f" of {item.operation}" if item.operation else ""
        rows.append(font(escaped(f"{_count(item.parameters, 'parameter')}{of}"), MUTED, 10))
    if item.norm is not None:
        rows.append(font(f"norm {number(item.norm)}", GRADIENT, 10))
    if item.sum:
        return [*rows, font(escaped(item.sum), GRADIENT)]
    if item.equation:
        rows.append(font(escaped(item.equation), INK, 10, "i"))
    if item.shape:
        rows.append(font(escaped(shape_text(item.shape)), MUTED, 10))
    text = gradient_text(item.gradient)
    return [*rows, font(escaped(text, 64), GRADIENT, 10)] if text else rows


_ROWS = {
    "module": _module_rows,
    "function": _function_rows,
    "gradient": _gradient_rows,
    "constant": _constant_rows,
    "entry": _entry_rows,
    "kernel": _kernel_rows,
    "call": _kernel_rows,
}
"""Kind of a box -> what writes its rows, where it is not `_tensor_rows`."""


def edge_label(edge: Edge) -> str:
    """The text on an arrow; empty if there is nothing to say."""
    if edge.brief:
        return ""
    rows = []
    if edge.kind == "backward":
        rows = _share_rows(edge)
    elif edge.kind == "repeat":
        rows = [font("next", MUTED, 9, "i")]
    elif edge.kind == "beside":
        rows = [font("start", GRADIENT, 9, "i")]
    else:
        if edge.shape:
            rows.append(font(escaped(shape_text(edge.shape)), MUTED, 9))
        if edge.local:
            rows.append(font(escaped(edge.local, 56), GRADIENT, 9))
        rows += [font(escaped(text, 56), MUTED, 9) for text in edge.words]
    if edge.count > 1 and edge.kind != "repeat":
        rows.append(font(f"×{edge.count}", MUTED, 9))
    rows = [f"&nbsp;{row}&nbsp;" for row in rows]  # so that no arrow touches its text
    return table(rows, 0) if rows else ""


def _share_rows(edge: Edge) -> list[str]:
    rule = edge.rule
    numbers = edge.share.numbers if edge.share is not None else None
    if numbers is not None and numbers.size == 1 and numbers.values is not None and not edge.shape:
        rule += f"{':' if is_described(rule) else ' ='} {number(numbers.only)}" if rule != "0" else ""
    rows = [font(escaped(rule, 56), GRADIENT, 9)] if rule else []
    if edge.summed:
        rows.append(font(f"Σ over {axes_text(edge.summed)}", ALARM, 9, "b"))
    if edge.which[1] > 1:
        rows.append(font(f"share {edge.which[0]} of {edge.which[1]}", MUTED, 9, "i"))
    return rows + [font(escaped(text, 56), MUTED, 9) for text in edge.words]


def frame_label(frame: Frame, ground: str = "") -> str:
    """The text at the top of a frame, on a ground of its own where it lies on a line."""
    kind = frame.kind if frame.kind not in ("side", "pass", "kernel") else ""
    first, *more = textwrap.wrap(frame.label, LABEL_CHARACTERS) if frame.detail else [frame.label]
    head = _head(first, f" {kind}" if kind == "function" else kind, frame.count, size=10)
    if frame.aside:
        head += font(f"{',' if kind else ''}&nbsp;{escaped(frame.aside, 56)}", MUTED, 10)
    details = [font(escaped(line), INK, 10, "b") for line in more]
    details += [font(escaped(line, 90), MUTED, 10) for line in frame.detail.splitlines()]
    if details:
        return table([head, *details], 0, "LEFT")
    if not ground:
        return f"<{head}>"
    return table([head], 0).replace("<TABLE", f'<TABLE BGCOLOR="{ground}"', 1)
