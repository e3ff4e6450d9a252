import base64
import io

import matplotlib
from PIL import Image

from stages.figures import contract


def drawn():
    figure, axes = contract.blank(2, 1)
    axes.plot([0, 1], [0, 1], color=contract.SERIES[0], marker="o")
    axes.set_title("a title")
    return figure


def test_a_figure_becomes_the_same_bytes_twice():
    with contract.style():
        assert contract.svg(drawn(), "a") == contract.svg(drawn(), "a")
        assert contract.png(drawn()) == contract.png(drawn())


def test_a_png_has_the_pixels_told():
    with contract.style():
        sizes = [Image.open(io.BytesIO(contract.png(drawn(), *dpi))).size for dpi in ((), (50,))]
    assert sizes == [(400, 200), (100, 50)]


def test_the_svg_stands_inside_a_page_without_date_address_or_fixed_size():
    with contract.style():
        text = contract.svg(drawn(), "one")
    assert text.startswith("<svg") and text.rstrip().endswith("</svg>")
    assert "http" not in text and "<metadata" not in text
    assert "width=" not in text[: text.index(">")]
    assert "a title" in text


def test_a_name_with_dollar_signs_is_drawn_as_it_is_written():
    name = r"$x$ $\frac$"
    with contract.style():
        figure = drawn()
        figure.axes[0].set_title(name)
        figure.axes[0].plot([0, 1], [1, 0], label=name)
        figure.axes[0].legend()
        assert contract.svg(figure, "one").count(f">{name}</text>") == 2
        assert contract.png(figure)


def test_colours_of_the_svg_are_variables_of_the_page():
    with contract.style():
        text = contract.svg(drawn(), "one")
    assert "var(--series-0)" in text and contract.SERIES[0] not in text


def test_ids_of_two_figures_never_meet():
    with contract.style():
        text = contract.svg(drawn(), "one")
    assert text.count('id="') == text.count('id="one-')
    assert text.count('href="#') == text.count('href="#one-') > 0


def test_style_leaves_the_settings_of_the_machine_as_they_were():
    before = dict(matplotlib.rcParams)
    with contract.style():
        pass
    assert dict(matplotlib.rcParams) == before


def test_a_picture_in_an_address_is_the_picture():
    address = contract.data_uri(Image.new("RGB", (3, 2), (10, 20, 30)))
    back = Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,"))))
    assert back.size == (3, 2) and back.getpixel((0, 0)) == (10, 20, 30)
