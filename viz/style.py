"""The look of all pictures: colours by light and by dark, shapes that tell the kinds apart in grey.

Graphviz draws in the light colours; the style sheet in an SVG gives each its dark counterpart.
"""

from __future__ import annotations

FONT = "Helvetica,Arial,sans-serif"

LIGHT_TO_DARK = {
    "#ffffff": "#10151c",  # the ground
    "#1c2733": "#e8eef5",  # text
    "#5a6877": "#9fb0c3",  # text of less weight
    "#0b5a8a": "#7cc4f4",  # values
    "#7a2e8f": "#d6a2ea",  # gradients
    "#b3261e": "#ff8a80",  # alarm
    "#8795a5": "#66778a",  # arrows
    "#b9c4d0": "#3d4a59",  # frames
    "#f7f9fb": "#151c25",  # inside of frames
    "#eef4fa": "#17283a",  # operations
    "#3f6f9f": "#6fa8dc",
    "#fdf1d8": "#3a2d12",  # parameters
    "#a5690a": "#e3ae55",
    "#e6f4ea": "#15301f",  # inputs
    "#2f7d4a": "#74c690",
    "#f1f3f5": "#222a33",  # numbers
    "#d9e8f6": "#1d3d5c",  # outputs
    "#f7eefa": "#2c1a35",  # gradients
    "#9a4fb0": "#c78be0",
    "#e7ebf0": "#27323f",  # closed modules
    "#fce8e6": "#45191a",  # alarm
}

GROUND, INK, MUTED, VALUE, GRADIENT, ALARM, ARROW, FRAME, FRAME_FILL = list(LIGHT_TO_DARK)[:9]

# kind -> (Graphviz shape, style, fill, line, width of the line, number of lines around)
BOXES = {
    "input": ("note", "filled", "#e6f4ea", "#2f7d4a", 1.2, 1),
    "parameter": ("box", "filled", "#fdf1d8", "#a5690a", 2.2, 1),
    "constant": ("plain", "", "#f1f3f5", "#8795a5", 1.0, 1),
    "operation": ("box", "filled,rounded", "#eef4fa", "#3f6f9f", 1.2, 1),
    "output": ("box", "filled,rounded", "#d9e8f6", "#3f6f9f", 1.4, 2),
    "module": ("box3d", "filled", "#e7ebf0", "#5a6877", 1.2, 1),
    "function": ("box3d", "filled", "#eef4fa", "#3f6f9f", 1.2, 1),
    "gradient": ("box", "filled,rounded,dashed", "#f7eefa", "#9a4fb0", 1.3, 1),
    "state": ("cylinder", "filled", "#fdf1d8", "#a5690a", 1.2, 1),
    "host": ("note", "filled", "#f1f3f5", "#8795a5", 1.0, 1),
    "kernel": ("box3d", "filled", "#eef4fa", "#3f6f9f", 1.2, 1),
    "call": ("box3d", "filled", "#eef4fa", "#3f6f9f", 1.2, 1),
    "uncompiled": ("component", "filled", "#f1f3f5", "#5a6877", 2.0, 1),
    "entry": ("tab", "filled", "#f7f9fb", "#8795a5", 1.0, 1),
    "failed": ("octagon", "filled", "#fce8e6", "#b3261e", 2.4, 2),
}

HEAT_COLOURS = ("#fff8ea", "#feeac4", "#fdd69c", "#fabe74", "#f3a552")
"""The overlay's colours from little to much; each is darker than the one before, in grey too."""


def heat_colour(heat: float) -> str:
    """The overlay's colour of a figure from 0 to 1."""
    return HEAT_COLOURS[min(int(heat * len(HEAT_COLOURS)), len(HEAT_COLOURS) - 1)]


_DARK_HEAT = ("#241d13", "#3b2a12", "#563a10", "#734b10", "#925d11")


LIGHT_MARKS = (
    '[data-jp-theme-light="true"],.vscode-light,.vscode-high-contrast-light,[theme="light"],[data-theme="light"]'
)
DARK_MARKS = '[data-jp-theme-light="false"],.vscode-dark,.vscode-high-contrast,[theme="dark"],[data-theme="dark"]'
"""What stands around the outputs of a notebook that is light or dark: in JupyterLab, VS Code, Colab, and pages of other
makers. Without a mark the system decides."""


def by_scheme(root: str, light: str, dark: str) -> str:
    """A style sheet with declarations for the element with the id `root`: `light`, or `dark` where its surroundings are."""
    return (
        f"#{root}{{{light}}}@media (prefers-color-scheme:dark){{#{root}{{{dark}}}}}"
        f":is({DARK_MARKS}) #{root}{{{dark}}}:is({LIGHT_MARKS}) #{root}{{{light}}}"
    )


def style_sheet(root: str) -> str:
    """The rules that turn the colours of the SVG with the id `root` dark, where the reader, or the notebook around it,
    prefers that. Readers of SVG that know no variables take the colours of its attributes."""
    table = {**LIGHT_TO_DARK, **dict(zip(HEAT_COLOURS, _DARK_HEAT, strict=True))}
    black = "#000000"  # of text that Graphviz gives no colour
    schemes = [{**table, black: table[INK]}, {**{light: light for light in table}, black: black}]
    dark, light = ("".join(f"--{code[1:]}:{now};" for code, now in scheme.items()) for scheme in schemes)
    rules = "".join(
        f'#{root} [fill="{code}"]{{fill:var(--{code[1:]})}}#{root} [stroke="{code}"]{{stroke:var(--{code[1:]})}}'
        for code in table
    )
    return f"{by_scheme(root, light, dark)}{rules}#{root} text:not([fill]){{fill:var(--{black[1:]})}}"
