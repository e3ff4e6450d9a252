"""The classes shipped in data/known are the benchmarks' own, and described as captions/library describes them."""

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.common import document, paths, wording
from stages.common.wording import leaks

ROOT = Path(__file__).parents[2]
KNOWN = ROOT / "data" / "known"


def read(name: str) -> list | dict:
    return json.loads((KNOWN / f"{name}.json").read_text(encoding="utf-8"))


def test_the_names_of_imagenet_are_those_of_its_benchmark_in_its_order() -> None:
    from stages.benchmarks.imagenet import class_names

    names = read("imagenet1k")
    assert names == list(class_names().values())
    assert len(names) == 1000
    assert paths.same_folder(names) is None


def test_the_names_of_imagenet_100_are_first_synonyms_in_the_order_of_their_ids() -> None:
    """Without its data: the synonyms of all of ImageNet's classes are those of WordNet, as timm ships them."""
    from timm.data import ImageNetInfo

    from stages.benchmarks.imagenet import class_names
    from stages.benchmarks.imagenet100 import first_synonyms

    info, names = ImageNetInfo("imagenet-1k"), read("imagenet100")
    synonyms = {wnid: info.label_name_to_description(wnid, detailed=False) for wnid in class_names()}
    wnids = {name: wnid for wnid, name in first_synonyms(synonyms).items()}
    found = [wnids[name] for name in names]
    assert len(set(found)) == 100
    assert found == sorted(found)
    assert names == list(first_synonyms({wnid: synonyms[wnid] for wnid in found}).values())
    assert paths.same_folder(names) is None


def test_the_runs_that_teach_mscoco_know_the_classes_of_imagenet_100_that_are_none_of_its_own() -> None:
    taught = {name.casefold() for name in document.read(ROOT / "captions" / "library" / "coco.yaml")}
    beside = [name for name in read("imagenet100") if name.casefold() not in taught]
    assert read("imagenet100_without_kite") == beside
    assert set(read("imagenet100")) - set(beside) == {"kite"}


def test_the_findings_of_chexpert_are_those_of_its_benchmark_with_the_library_s_words() -> None:
    from stages.benchmarks.chexpert_5x200c import CLASSES

    findings = read("chexpert")
    assert tuple(findings) == CLASSES
    library = document.read(ROOT / "captions" / "library" / "chest_xray.yaml")
    for word in ("article", "description"):
        assert {name: entry[word] for name, entry in findings.items()} == {
            name: entry[word] for name, entry in library.items()
        }


def test_the_findings_that_table_3_teaches_are_those_that_table_2_knows() -> None:
    text = (ROOT / "pipeline" / "experiments" / "table3.yaml").read_text(encoding="utf-8")
    concepts, _ = text.split("\nruns:")  # the runs refer to params.yaml
    taught = YAML(typ="safe", pure=True).load(concepts)["concepts"].values()
    assert [entry["name"] for entry in taught] == list(read("chexpert"))
    for entry in taught:
        known = read("chexpert")[entry["name"]]
        assert {word: entry[word] for word in known} == known


@pytest.mark.parametrize("finding", read("chexpert"))
def test_a_finding_has_ten_prompts_that_say_its_name_and_no_other_s(finding: str) -> None:
    prompts = read("chexpert")[finding]["prompts"]
    assert len(set(prompts)) == 10
    for prompt in prompts:
        assert finding in prompt
        assert [other for other in read("chexpert") if other != finding and leaks(other, prompt)] == []
        assert wording.problems("", prompt, max_words=12) == []
