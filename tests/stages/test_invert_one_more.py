"""invert: a concept added to a run costs one chunk of images, whatever else the run teaches."""

from stages import invert
from stages.common import paths
from tests.stages import whole_project
from tests.stages.whole_project import change_params, contents, write_lesson


def test_adding_a_concept_to_a_run_inverts_one_chunk_and_leaves_the_other_images(tiny_models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole_project.in_processes(1, monkeypatch, invert)
    whole_project.build(tiny_models["clip", "vit"])
    change_params("seeds: [0, 1]", "seeds: [0]")
    invert.main("both")
    before, images = chunks(), contents(paths.inverted("both"))
    change_params("  tonometer: {", "  gyroscope: {name: gyroscope, article: a}\n  tonometer: {")
    change_params("concepts: [moongate, tonometer]", "concepts: [moongate, tonometer, gyroscope]")
    write_lesson("both", {**whole_project.CONCEPTS, "gyroscope": "silver rings around a disk"})
    invert.main("both")
    assert len(chunks() - before) == 1 and before < chunks()
    after = contents(paths.inverted("both"))
    assert [name for name in images if name != "inversion.json" and after[name] != images[name]] == []


def chunks() -> set[str]:
    return {one.name for one in (paths.CACHE / "inverted").iterdir() if one.is_dir()}
