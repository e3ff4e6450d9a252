"""JSRT: headerless X-rays of 12 bits, and lines of clinical text that run together."""

import numpy as np
import pytest
from PIL import Image

from stages.benchmarks import jsrt
from stages.common.failures import UserError
from stages.common.faults import Fault
from tests.stages.benchmarks import drawn_layouts as drawn


def faults(root, classes=None):
    return {fault.file: fault.reason for fault in jsrt.load(root, classes).faults}


def pixels(path):
    return np.asarray(jsrt.read(path))


def clinical(root, text):
    (root / "Clinical_Information/CLNDAT_EN.txt").write_bytes(text)


@pytest.mark.parametrize("form", ["raw", "png"])
def test_benign_and_malignant_nodules_are_told_apart_and_x_rays_without_are_not_asked(form, tmp_path):
    drawn.jsrt(tmp_path, 2, 3, form=form)
    benchmark = jsrt.load(tmp_path, None)
    assert benchmark.class_names == ("benign nodule", "lung cancer")
    assert [(path.stem, label) for path, label in zip(benchmark.paths, benchmark.labels, strict=True)] == [
        *(("JPCLN004", 0), ("JPCLN005", 0)),
        *(("JPCLN001", 1), ("JPCLN002", 1), ("JPCLN003", 1)),
    ]
    assert benchmark.faults == ()


def test_an_x_ray_is_turned_round_and_brought_to_8_bits(tmp_path):
    levels = np.full((2048, 2048), 4095, ">u2")
    levels[0, :5] = [0, 4095, 8, 9, 2048]
    path = drawn.write(tmp_path / "JPCLN001.IMG", levels.tobytes())
    assert pixels(path).shape == (2048, 2048, 3)
    assert pixels(path)[0, :5].tolist() == [[grey] * 3 for grey in (255, 0, 255, 254, 127)]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x00" * 100, "100 bytes, but an X-ray has 8388608"),
        (b"\x00" * (8388608 + 2), "8388610 bytes"),
        (b"\xff\x0f" * (2048 * 2048), "highest grey level is 65295, but 12 bits"),
    ],
    ids=["cut off", "too long", "low byte first"],
)
def test_an_x_ray_that_is_none_is_refused_with_the_reason(content, told, tmp_path):
    path = drawn.write(tmp_path / "JPCLN001.IMG", content)
    assert told in jsrt.fault(path)
    with pytest.raises(UserError, match="JPCLN001.IMG cannot be read as an X-ray"):
        jsrt.read(path)


@pytest.mark.parametrize(("highest", "is_refused"), [(4095, True), (4096, False), (65535, False)])
def test_a_png_with_levels_of_12_bits_in_16_is_refused(highest, is_refused, tmp_path):
    path = tmp_path / "JPCLN001.png"
    Image.frombytes("I;16", (2, 1), np.array([0, highest], "<u2").tobytes()).save(path)
    assert (jsrt.fault(path) is not None) == is_refused
    if is_refused:
        with pytest.raises(UserError, match=r"JPCLN001.png .*12 bits in a 16-bit file .*use the .IMG"):
            jsrt.read(path)
    else:
        assert pixels(path).max() == round(highest / 257)


@pytest.mark.parametrize("suffix", ["IMG", "png"])
def test_a_missing_x_ray_file_is_told(suffix, tmp_path):
    with pytest.raises(UserError, match="there is no such file"):
        jsrt.read(tmp_path / f"JPCLN001.{suffix}")


def test_x_rays_that_are_not_listed_are_named(tmp_path):
    drawn.jsrt(tmp_path, 1, 1, form="png")
    drawn.write(tmp_path / "images/JPCLN099.png", drawn.picture(0, 64, "PNG"))
    drawn.write(tmp_path / "images/scan.IMG", b"x")
    drawn.write(tmp_path / "images/diagram.png", drawn.picture(0, 64, "PNG"))  # of the user's guide; no X-ray
    assert faults(tmp_path) == {
        "images/JPCLN099.png": "jsrt_metadata.csv does not list it",
        "images/scan.IMG": "jsrt_metadata.csv does not list it",
    }


def test_an_entry_that_says_neither_is_a_fault(tmp_path):
    drawn.jsrt(tmp_path, 1, 2)
    clinical(tmp_path, b"JPCLN001.IMG\t5\tmalignant\tJPCLN002.IMG\t5\t?\r\nJPCLN003.IMG 3 benignl.upper")
    assert jsrt.load(tmp_path, None).faults == (
        Fault("JPCLN002", "CLNDAT_EN.txt says neither benign nor malignant of it"),
    )


def test_entries_are_read_through_bytes_of_another_language_and_blanks_in_names(tmp_path):
    drawn.jsrt(tmp_path, 1, 1)
    clinical(tmp_path, b"JPCLN001.IMG\t\x8a\xe0\tMalignant\nJPCLN 002.IMG\t5\tbenign\tnot malignant")
    assert jsrt.load(tmp_path, None).labels == (0, 1)


def test_the_raw_x_ray_counts_where_both_forms_are_there(tmp_path):
    drawn.jsrt(tmp_path, 1, 1)
    drawn.write(tmp_path / "AAA/JPCLN001.png", drawn.picture(0, 64, "PNG"))
    assert jsrt.load(tmp_path, ["lung cancer"]).paths[0].suffix == ".IMG"


def test_a_folder_without_the_list_or_with_an_empty_one_is_told(tmp_path):
    drawn.jsrt(tmp_path, 1, 1)
    clinical(tmp_path, b"<html>")
    with pytest.raises(UserError, match="CLNDAT_EN.txt lists no X-ray with a nodule"):
        jsrt.load(tmp_path, None)
    (tmp_path / "Clinical_Information/CLNDAT_EN.txt").unlink()
    with pytest.raises(UserError, match="holds no CLNDAT_EN.txt, which says what each X-ray shows"):
        jsrt.load(tmp_path, None)


def test_a_class_all_of_whose_x_rays_are_missing_is_refused(tmp_path):
    drawn.jsrt(tmp_path, 1, 1, form="png")
    (tmp_path / "images/images/JPCLN002.png").unlink()
    with pytest.raises(UserError, match=r"for 1 of 2 classes: benign nodule.*JPCLN002.IMG \(it is missing\)"):
        jsrt.load(tmp_path, None)


def test_folders_that_are_links_are_looked_into(tmp_path):
    drawn.jsrt(tmp_path / "elsewhere", 1, 1, form="png")
    (tmp_path / "root").mkdir()
    for name in ("images", "jsrt_metadata.csv"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "elsewhere" / name)
    assert jsrt.load(tmp_path / "root", None).labels == (0, 1)
