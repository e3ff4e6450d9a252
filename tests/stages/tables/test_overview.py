from stages.tables.overview import build
from tests.stages.made_up_rows import result


def test_each_recipe_has_one_line_at_its_chosen_learning_rate():
    paper, replay = build(result()).to_dict("records")
    assert (paper["recipe"], paper["learning rate"], paper["loss"].percent) == ("paper", "1e-4", "2.0")
    assert (replay["target before"].percent, replay["target after"].percent) == ("10.0", "95.0")
    assert replay["best control"] == "20.0 (noise)"


def test_no_control_is_said_to_be_none():
    assert build(result(controls={}))["best control"].tolist() == ["none run", "none run"]
