"""How every figure of the report looks, and how it becomes bytes that are the same each time.

A file of this folder holds one figure: `draw(data, ...) -> Figure`. Colours come from here; in the page each of them
turns into a CSS variable of the same name, so that one figure serves light and dark.
"""

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

INK = "#23262d"
QUIET = "#767b86"
RULE = "#d9dbe1"
ZONE = "#eef3ef"
PAPER = "#ffffff"
SERIES = ("#b4552d", "#2f6f8f", "#5c7f3a", "#7d5ba6", "#a8842c", "#3f7f78")  # recipes and concepts, in their order

_VARIABLES = {INK: "--ink", QUIET: "--quiet", RULE: "--rule", ZONE: "--zone", PAPER: "--paper"}
_VARIABLES |= {color: f"--series-{index}" for index, color in enumerate(SERIES)}
_STYLE = {
    "svg.hashsalt": "report",  # else every element's id is random
    "svg.fonttype": "none",  # text stays text: it takes the page's font and can be read aloud
    "text.parse_math": False,  # a name may hold dollar signs
    "font.size": 9,
    "axes.edgecolor": RULE,
    "axes.labelcolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "text.color": INK,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": QUIET,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
}


@contextmanager
def style() -> Iterator[None]:
    """The settings under which figures are drawn and saved, whatever matplotlibrc the machine has."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def blank(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure with one pair of axes.

    Args:
        width: inches; the text is 9 pt.
        height: inches.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def png(figure: Figure, dpi: int = 200) -> bytes:
    """The figure as PNG on white, `dpi` pixels an inch, without a date."""
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
    return target.getvalue()


def svg(figure: Figure, prefix: str) -> str:
    """The figure as an SVG element to stand inside HTML, transparent, its colours CSS variables.

    Args:
        figure: drawn and saved under `style()`.
        prefix: put before every id, so that two figures of one page do not share any.
    """
    target = io.StringIO()
    figure.savefig(target, format="svg", transparent=True, metadata={"Date": None})
    text = re.sub(r"<metadata>.*?</metadata>", "", target.getvalue(), flags=re.DOTALL)
    head, _, body = text[text.index("<svg") :].partition(">")
    head = re.sub(r' (?:xmlns(?::xlink)?|width|height|version)="[^"]*"', "", head)  # the page sets the size
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", f"{head}>{body}")
    text = re.sub(r"font-family: [^;\"]*(?:; )?", "", text)
    for color, variable in _VARIABLES.items():
        text = text.replace(color, f"var({variable})")
    return text


def data_uri(image: Image.Image) -> str:
    """A picture as a PNG inside an address, for `<img src>`."""
    target = io.BytesIO()
    image.save(target, format="PNG")
    return "data:image/png;base64," + base64.b64encode(target.getvalue()).decode()
