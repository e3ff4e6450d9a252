"""A run beside the paper, with figures that are printed there."""

import dataclasses
from types import SimpleNamespace

from stages.common.entries import Paper
from stages.tables import beside_paper
from stages.tables.beside_paper import build
from stages.tables.paper_figures import compared
from tests.stages.made_up_rows import captioned, result, retrieval

BY_WORDS = (("implicit", "implicit"), ("explicit-mlm", "masked_words"))


def retrieved(batch, recipe="matching", benchmark="flickr30k"):
    """The table of a run of retrieval that names Table 8, taught by a recipe in batches of a size."""
    made_up = retrieval()
    names = {"recipe": {"paper": "matching"}, "benchmark": {"flickr30k": benchmark}, "learning_rate": {2e-4: 9e-7}}
    papers = (Paper("v1-8", "ViLT-B-32", recipe=recipe),)
    run = SimpleNamespace(key="coco", papers=papers, recipes={"matching": {"batch": batch}, "replay": {}})
    return build(dataclasses.replace(made_up, rows=made_up.rows.replace(names), paper=compared(run)))


def beside(*papers, concepts=("moongate",), rates=None, known=None):
    """The table of a run that names these; `rates` and `known` rename learning rates and known classes."""
    made_up, run = result(concepts), SimpleNamespace(key="together", papers=papers, recipes={"paper": {}, "replay": {}})
    rows = made_up.rows.replace({"learning_rate": rates or {}, "label": known or {}})
    return build(dataclasses.replace(made_up, rows=rows, paper=compared(run)))


def found(table, asked, model):
    (line,) = table[(table["asked for"] == asked) & (table["model"] == model)].to_dict("records")
    return line


def test_a_run_that_names_no_table_has_nothing_beside_it():
    assert build(result()).empty


def test_each_figure_of_the_paper_stands_beside_ours_of_the_same_learning_rate():
    table = beside(Paper("v1-1", "ViT-B-32"), rates={1e-4: 1e-5, 2e-4: 5e-5})
    assert len(table) == 2 * (1 + 5)  # Table 1: the untouched model and five learning rates, target and ImageNet
    taught = found(table, "moongate", "taught, 1e-5")
    assert (taught["paper"], str(taught["ours"]), taught["difference"]) == ("10.0", "40.0 (30.0 to 50.0)", "+30.0")
    kept = found(table, "what was known (imagenet-1k)", "taught, 5e-5")
    assert (kept["paper"], kept["ours"].percent, kept["difference"]) == ("42.3", "55.0", "+12.7")
    assert (taught["n"], kept["n"]) == (10, 100)


def test_a_learning_rate_that_was_not_run_shows_the_paper_alone():
    line = found(beside(Paper("v1-1", "ViT-B-32")), "moongate", "taught, 3e-5")
    assert (line["paper"], line["ours"], line["difference"]) == ("90.0", None, None)


def test_only_concepts_of_the_run_are_shown():
    table = beside(Paper("v1-1", "ViT-B-32"), concepts=("moongate", "gyroscope"))
    assert set(table["asked for"]) == {"moongate", "gyroscope", "what was known (imagenet-1k)"}


def test_prompting_with_the_description_is_compared_without_training():
    line = found(beside(Paper("v2-2", "ViT-L-14")), "moongate", "untouched, by description")
    assert (line["paper"], line["ours"].percent, line["difference"]) == ("100.0", "80.0", "-20.0")


def test_where_the_paper_states_no_learning_rate_ours_is_the_chosen_one_and_is_named():
    line = found(beside(Paper("v2-2", "ViT-L-14")), "moongate", "taught, chosen learning rate (1e-4)")
    assert (line["paper"], line["ours"].percent) == ("100.0", "40.0")


def test_concepts_that_the_paper_teaches_together_have_a_common_figure():
    table = beside(Paper("v1-3", "ViT-B-32"), concepts=("cardiomegaly", "edema"), rates={1e-4: 5e-5})
    assert found(table, "cardiomegaly", "taught, 5e-5")["paper"] == "21.5"
    assert found(table, "all of them", "taught, 5e-5")["paper"] == "21.3"


def test_what_a_model_of_x_rays_knew_is_retention_and_not_target():
    table = beside(Paper("v1-2", "MedCLIP-ViT"), concepts=("lung cancer",))
    line = found(table, "what was known (chexpert-5x200c)", "taught, 1e-4")
    assert (line["paper"], line["ours"].percent) == ("62.2", "88.0")


def test_findings_that_a_model_of_x_rays_knew_stand_beside_its_known_classes():
    paper = Paper("v1-3", "MedCLIP-ViT", "baseline")
    table = beside(paper, concepts=("lung cancer",), known={"ladder": "edema", "kite": "Pleural Effusion"})
    edema = found(table, "edema, which was known", "untouched, by name")
    assert (edema["paper"], edema["ours"].percent, edema["n"]) == ("75.5", "90.0", 50)
    assert found(table, "what was known (chexpert-5x200c)", "untouched, by name")["paper"] == "62.1"
    assert len(table) == 3  # and of pleural effusion; the others are no classes of this run


def test_a_run_of_several_tables_says_which_a_figure_is_from():
    full = "transfer, augmentation, tv 0.005"
    table = beside(Paper("v1-1", "ViT-B-32"), Paper("v2-9", "ViT-B-32", full), rates={1e-4: 2e-5})
    assert table["table"].tolist() == ["Table 1"] * 12 + ["version 2, Table 9"] * 2
    taught = table[(table["model"] == "taught, 2e-5") & (table["asked for"] == "moongate")]
    assert list(zip(taught["paper"], taught["difference"], strict=True)) == [("60.0", "-20.0")] * 2


def test_recalls_stand_beside_ours_of_the_same_batch_and_learning_rate():
    table = retrieved(32)
    assert set(table["model"]) == {
        "untouched, by name",
        *(f"taught by matching, {rate}" for rate in ("8e-7", "9e-7", "4e-6", "8e-6", "2e-5", "3e-5")),
    }
    line = found(table, "image R@5 (flickr30k)", "taught by matching, 9e-7")
    assert (line["paper"], line["ours"].percent, line["n"], line["difference"]) == ("84.0", "45.0", 50, "-39.0")
    line = found(table, "text R@1 (flickr30k)", "untouched, by name")
    assert (line["paper"], line["ours"].percent, line["n"]) == ("73.8", "10.0", 10)
    assert found(table, "text R@10 (flickr30k)", "untouched, by name")["ours"] is None  # not asked of ten pictures


def test_what_was_taught_in_batches_of_another_size_is_not_compared():
    assert set(retrieved(16)["model"]) == {"untouched, by name", "taught by matching, 1e-6"}
    assert set(retrieved(4)["model"]) == {"untouched, by name"}


def test_recalls_on_other_pictures_are_not_compared():
    assert retrieved(32, benchmark="mscoco").empty


def test_only_the_recipe_that_a_table_is_of_is_compared_and_the_untouched_model_once():
    papers = [Paper("v1-11", "ViLT-B-32", variant, recipe) for variant, recipe in BY_WORDS]
    made_up = result(("moongate",))
    rows = made_up.rows.replace({"recipe": {"paper": "implicit", "replay": "masked_words"}})
    rows = rows.replace({"learning_rate": {1e-4: 1e-5, 3e-4: 1e-5}})
    run = SimpleNamespace(key="words", papers=papers, recipes={"implicit": {}, "masked_words": {}})
    table = build(dataclasses.replace(made_up, rows=rows, paper=compared(run)))
    assert len(table) == 2 * (1 + 5 + 5)  # of the target and of ImageNet-100
    kept = "what was known (imagenet-100)"
    assert found(table, kept, "untouched, by name")["paper"] == "23.7"
    assert found(table, "moongate", "taught by implicit, 1e-5")["ours"].percent == "40.0"
    assert found(table, "moongate", "taught by masked_words, 1e-5")["ours"].percent == "80.0"
    assert found(table, kept, "taught by masked_words, 2e-5")["ours"] is None


def test_captions_stand_beside_the_papers_of_the_same_metric_and_recipe():
    made_up = captioned()
    papers = (Paper("v1-9", "CoCa-laion2b", variant="transfer", recipe="paper"),)
    run = SimpleNamespace(key="coco", papers=papers, recipes={"paper": {}, "replay": {}})
    rows = made_up.rows.replace({"learning_rate": {2e-4: 6e-5}})
    table = build(dataclasses.replace(made_up, rows=rows, paper=compared(run)))
    assert set(table["table"]) == {"Table 9"}
    before = found(table, "CIDEr (coco-captions)", "untouched, by name")
    assert (before["paper"], before["ours"].percent, before["n"]) == ("31.1", "20.0", 10)
    after = found(table, "CIDEr (coco-captions)", "taught, 6e-5")
    assert (after["paper"], after["ours"].percent, after["difference"]) == ("47.3", "160.0", "+112.7")
    assert found(table, "METEOR (coco-captions)", "taught, 6e-5")["ours"] is None
    made_up = dataclasses.replace(made_up, rows=rows.replace({"benchmark": {"mscoco_captioning": "own"}}))
    assert build(dataclasses.replace(made_up, paper=compared(run))).empty


def test_masks_stand_beside_the_papers_of_the_same_benchmark_and_its_nsd_beside_that_of_the_slab(monkeypatch):
    made_up, original = captioned(), beside_paper.averages
    ours = {"target cider": "target dice", "target bleu4": "target nsd_slab"}
    monkeypatch.setattr(beside_paper, "averages", lambda result: original(result).rename(columns=ours))
    papers = (Paper("v1-7", "MedCLIP-SAMv2"), Paper("v1-4", "MedCLIP-SAMv2"))
    run = SimpleNamespace(key="breast", papers=papers, recipes={"paper": {}, "replay": {}})
    rows = made_up.rows.replace({"learning_rate": {2e-4: 2e-5}, "benchmark": {"mscoco_captioning": "udiat"}})
    table = build(dataclasses.replace(made_up, rows=rows, paper=compared(run)))
    assert table["table"].tolist() == ["Table 7"] * 3 * (1 + 5) + ["Table 4"] * 3 * (1 + 2)
    assert set(table["asked for"]) == {"Dice (udiat)", "IoU (udiat)", "NSD, ours of the slab (udiat)"}
    whole = table[table["table"] == "Table 7"]
    before = found(whole, "Dice (udiat)", "untouched, by name")
    assert (before["paper"], before["ours"].percent, before["difference"]) == ("56.2", "20.0", "-36.2")
    after = found(whole, "NSD, ours of the slab (udiat)", "taught, 2e-5")
    assert (after["paper"], after["ours"].percent) == ("57.3", "40.0")
    assert found(whole, "IoU (udiat)", "taught, 2e-5")["ours"] is None
