"""Flickr30k by each of its three lists."""

import json

import pytest

from stages.benchmarks import flickr30k
from stages.common.failures import UserError
from stages.common.faults import Fault
from tests.stages.benchmarks import drawn_layouts as drawn

FORMS = ["karpathy", "annotations", "results", "names"]


@pytest.mark.parametrize("form", FORMS)
def test_every_list_gives_the_same_pictures_and_captions_of_the_test_split(form, tmp_path):
    drawn.flickr30k(tmp_path, 3, form=form)
    benchmark = flickr30k.load(tmp_path)
    assert benchmark.name == "flickr30k"
    assert [path.name for path in benchmark.paths] == ["1000092795.jpg", "1000092802.jpg", "1000092809.jpg"]
    assert benchmark.captions == tuple(text for number in range(3) for text in drawn.sentences(number))
    assert benchmark.owners == (0,) * 5 + (1,) * 5 + (2,) * 5


def test_the_first_list_counts_where_several_lie_there(tmp_path):
    drawn.flickr30k(tmp_path, 2, form="results")
    drawn.flickr30k(tmp_path, 3)
    assert len(flickr30k.load(tmp_path).paths) == 3


def test_results_without_a_list_of_the_test_split_are_refused_with_what_to_put_there(tmp_path):
    drawn.flickr30k(tmp_path, form="results")
    (tmp_path / flickr30k.TEST).unlink()
    with pytest.raises(UserError, match="results.csv does not say which pictures are the test split. Put a list"):
        flickr30k.listed(tmp_path)


def test_a_line_of_results_that_is_malformed_is_a_fault_and_the_rest_is_read(tmp_path):
    drawn.flickr30k(tmp_path, 2, form="results")
    results = tmp_path / "results.csv"
    results.write_text(results.read_text().replace("1000092795.jpg| 4|", "1000092795.jpg| 4 "))
    benchmark = flickr30k.load(tmp_path)
    assert benchmark.owners == (0,) * 4 + (1,) * 5
    told = "it is not 'image_name| comment_number| comment'"
    assert benchmark.faults == (Fault("results.csv, line 16", told),)


def test_a_stroke_inside_of_a_sentence_stays_there(tmp_path):
    drawn.flickr30k(tmp_path, 1, form="names")
    with (tmp_path / "results.csv").open("a") as file:
        file.write("1000092795.jpg| 5| one | or the other\n")
    assert flickr30k.load(tmp_path).captions[-1] == "one | or the other"


def test_a_picture_without_a_sentence_is_a_fault(tmp_path):
    drawn.flickr30k(tmp_path, 2, form="names")
    with (tmp_path / flickr30k.TEST).open("a") as file:
        file.write("36979000.jpg\n")
    assert flickr30k.load(tmp_path).faults == (Fault("flickr30k_images/36979000.jpg", "it has no caption"),)


@pytest.mark.parametrize(
    ("form", "file", "text", "told"),
    [
        ("karpathy", "dataset_flickr30k.json", "{", "is no list of Karpathy's .JSONDecodeError"),
        ("karpathy", "dataset_flickr30k.json", '{"images": [{"split": "test"}]}', "is no list of Karpathy's .KeyError"),
        ("karpathy", "dataset_flickr30k.json", '{"images": []}', "lists no picture of the test split"),
        ("annotations", "flickr_annotations_30k.csv", "a,b\n1,2\n", "has another form .KeyError: 'split'"),
        ("annotations", "flickr_annotations_30k.csv", "raw,split,filename\n[,test,1.jpg\n", "has another form .JSON"),
        ("annotations", "flickr_annotations_30k.csv", "raw,split,filename\n[],val,1.jpg\n", "no picture of the test"),
        ("results", "results.csv", "<html>", "must begin with 'image_name. comment_number. comment'"),
        ("results", "results.csv", "", "must begin with"),
        ("results", flickr30k.TEST, "image,caption\nA dog runs\n", "must hold a file name a line, .* 'A dog runs'"),
    ],
)
def test_a_list_in_another_form_is_told(form, file, text, told, tmp_path):
    drawn.flickr30k(tmp_path, 2, form=form)
    (tmp_path / file).write_text(text)
    with pytest.raises(UserError, match=told) as error:
        flickr30k.listed(tmp_path)
    assert str(tmp_path / file) in str(error.value) and "\n" not in str(error.value)


def test_a_list_without_its_pictures_is_told(tmp_path):
    drawn.flickr30k(tmp_path)
    (tmp_path / "flickr30k-images").rename(tmp_path / "images")
    with pytest.raises(UserError, match="holds no folder flickr30k-images"):
        flickr30k.listed(tmp_path)


def test_a_list_of_other_pictures_is_told_with_the_first_that_are_missing(tmp_path):
    drawn.flickr30k(tmp_path, 1)
    (tmp_path / "flickr30k-images/1000092795.jpg").unlink()
    told = r"no picture with a caption .*: flickr30k-images/1000092795.jpg \(it is missing\)"
    with pytest.raises(UserError, match=told):
        flickr30k.listed(tmp_path)


def test_karpathys_splits_other_than_test_are_not_asked(tmp_path):
    drawn.flickr30k(tmp_path, 1)
    images = json.loads((tmp_path / "dataset_flickr30k.json").read_text())["images"]
    assert [image["split"] for image in images] == ["train", "test", "val"]
    assert len(flickr30k.load(tmp_path).paths) == 1
