from stages.tables import per_class
from tests.stages.made_up_rows import result


def test_only_classes_that_lost_are_shown_with_their_mean_over_seeds():
    lines = per_class.build(result()).to_dict("records")
    assert [(line["recipe"], line["class"], line["before"], line["after"], line["loss"]) for line in lines] == [
        ("paper", "ladder", "90.0", "88.0", "2.0"),
        ("replay", "ladder", "90.0", "89.0", "1.0"),
    ]


def test_the_worst_come_first_and_no_more_than_fit(monkeypatch):
    made_up = result()
    is_kite = (made_up.rows["label"] == "kite") & (made_up.rows["phase"] == "taught")
    made_up.rows.loc[is_kite, "value"] = 0.1
    assert per_class.build(made_up)["class"].tolist() == ["kite", "ladder"] * 2
    monkeypatch.setattr(per_class, "SHOWN", 1)
    assert per_class.build(made_up)["class"].tolist() == ["kite", "kite"]
