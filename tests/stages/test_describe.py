import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from stages import describe as verb
from stages.common import captions, lookup, paths
from stages.common.captions import Caption, fingerprint
from stages.common.failures import UserError
from stages.common.params import Concept, Describe, Params

SETTINGS = Describe("toy", "toy-1", max_words=8, temperature=0.5, seed=7, attempts=3)
RING = "a round opening in a wall"
EDIT = "a ring of brick"


class Writer:
    """Gives prepared answers in turn and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.prompts: list[str] = []
        self.seeds: list[int] = []

    def write(self, prompt: str, settings: Describe) -> str:
        self.prompts.append(prompt)
        self.seeds.append(settings.seed)
        return self.answers.pop(0)


@pytest.fixture(autouse=True)
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Writer:
    toy = Writer()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lookup, "find", lambda *_: toy)
    monkeypatch.setattr(verb, "_too_many_tokens", lambda *_: [])
    return toy


def run(description: str | None, monkeypatch: pytest.MonkeyPatch, prompts: tuple[str, ...] = ()) -> Caption:
    concept = Concept("moongate", "moongate", "a", description, prompts=prompts)
    monkeypatch.setattr(verb.params, "load", lambda: Params({"moongate": concept}, SETTINGS, {}))
    verb.main("moongate")
    return captions.read(paths.caption("moongate"))


def edit(description: str) -> None:
    path = paths.caption("moongate")
    path.parent.mkdir(exist_ok=True)
    found = captions.read(path) if path.exists() else Caption("moongate", "a", "")
    captions.write(path, Caption(found.name, found.article, description, found.source, found.written, found.request))


def test_a_description_of_params_is_written_with_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    caption = run(f" {RING}\n", monkeypatch)
    assert caption == Caption("moongate", "a", RING, "written by hand in params.yaml", written=fingerprint(RING))


def test_a_new_text_in_params_replaces_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    run(RING, monkeypatch)
    assert run(EDIT, monkeypatch).description == EDIT


def test_an_edited_file_is_kept_says_so_and_stays_an_edit_in_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    run(RING, monkeypatch)
    edit(EDIT)
    assert (run(None, monkeypatch).description, run(None, monkeypatch).source) == (EDIT, "edited by hand")
    before = paths.caption("moongate").read_bytes()
    assert run(None, monkeypatch).is_edited
    assert paths.caption("moongate").read_bytes() == before


def test_a_file_that_only_a_person_wrote_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    edit(EDIT)
    assert run(None, monkeypatch).description == EDIT


def test_prompts_in_a_file_that_only_a_person_wrote_are_shown_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    path = paths.caption("moongate")
    captions.write(path, Caption("moongate", "a", EDIT, prompts=("an old gate", "a gate of a garden")))
    before = path.read_bytes()
    with pytest.raises(UserError) as caught:
        run(None, monkeypatch)
    for part in ("captions/moongate.yaml", 'concepts.moongate.prompts: ["an old gate", "a gate of a garden"]', "take"):
        assert part in str(caught.value)
    assert path.read_bytes() == before
    assert run(None, monkeypatch, prompts=("a gate",)).prompts == ("a gate",)


def test_prompts_come_from_params_and_go_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(RING, monkeypatch, prompts=("a gate", "an old gate")).prompts == ("a gate", "an old gate")
    assert "prompts" in captions.HEADER.split("come")[0]
    assert run(RING, monkeypatch).prompts == ()


def test_two_texts_by_hand_that_differ_are_both_shown_and_both_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    run(RING, monkeypatch)
    edit(EDIT)
    before = paths.caption("moongate").read_bytes()
    with pytest.raises(UserError) as caught:
        run(RING, monkeypatch)
    for part in (RING, EDIT, "delete captions/moongate.yaml", "remove `description`"):
        assert part in str(caught.value)
    assert paths.caption("moongate").read_bytes() == before


def test_an_edit_copied_into_params_ends_the_dispute(monkeypatch: pytest.MonkeyPatch) -> None:
    run(RING, monkeypatch)
    edit(EDIT)
    assert run(EDIT, monkeypatch).source == "written by hand in params.yaml"
    assert not captions.read(paths.caption("moongate")).is_edited


def test_a_name_in_a_text_by_hand_is_told_with_word_and_place(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"params.yaml: concepts.moongate.description .*'moongates' \(word 2\)"):
        run("old moongates", monkeypatch)
    assert not paths.caption("moongate").exists()
    edit("a moongate")
    with pytest.raises(UserError, match=r"captions/moongate.yaml: description says 'a moongate'"):
        run(None, monkeypatch)


def test_without_a_text_the_writer_is_asked_and_its_raw_answer_kept(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.answers = ['"a ring\nof stone"']
    caption = run(None, monkeypatch)
    assert (caption.description, caption.source) == ("a ring of stone", "written by toy-1 through toy")
    (kept,) = (Path(".cache") / "answers").iterdir()
    answer = json.loads(kept.read_text())
    assert answer["answer"] == '"a ring\nof stone"'
    assert (answer["request"]["model"], answer["request"]["seed"]) == ("toy-1", 7)
    assert '"moongate"' in writer.prompts[0] and "at most 8 words" in writer.prompts[0]


def test_the_same_request_is_never_asked_twice(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.answers = ["a ring of stone"]
    first = run(None, monkeypatch)
    paths.caption("moongate").unlink()
    assert run(None, monkeypatch) == first  # from .cache
    for kept in (Path(".cache") / "answers").iterdir():
        kept.unlink()
    assert run(None, monkeypatch) == first  # from the caption file, as after a fresh clone
    assert len(writer.prompts) == 1


def test_a_failed_answer_is_sent_back_with_the_reason_and_another_seed(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.answers = ["Sure! a moongate", "a ring of stone"]
    assert run(None, monkeypatch).description == "a ring of stone"
    assert "Sure! a moongate" in writer.prompts[1]
    assert "gives away 'moongate'" in writer.prompts[1]
    assert writer.seeds == [7, 8]


def test_after_a_kill_between_two_attempts_only_the_open_one_is_asked(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.answers = ["a moongate"]
    with pytest.raises(IndexError):  # killed while the second attempt is asked
        run(None, monkeypatch)
    writer.answers = ["a ring of stone"]
    assert run(None, monkeypatch).description == "a ring of stone"
    assert writer.seeds == [7, 8, 8]


def test_after_a_kill_between_two_concepts_only_the_second_is_asked(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    concepts = {name: Concept(name, name, "a") for name in ("moongate", "tonometer")}
    monkeypatch.setattr(verb.params, "load", lambda: Params(concepts, SETTINGS, {}))
    writer.answers = ["a ring of stone"]
    verb.main("moongate")
    before = paths.caption("moongate").read_bytes()
    with pytest.raises(IndexError):  # killed while the second concept is asked for
        verb.main("tonometer")
    writer.answers = ["a rod with dials"]
    for name in concepts:
        verb.main(name)
    assert paths.caption("moongate").read_bytes() == before
    assert captions.read(paths.caption("tonometer")).description == "a rod with dials"
    assert ['"tonometer"' in prompt for prompt in writer.prompts] == [False, True, True]


def test_after_the_last_attempt_all_answers_are_told_and_nothing_is_written(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.answers = ["", "a moongate", "one two three four five six seven eight nine"]
    with pytest.raises(UserError) as caught:
        run(None, monkeypatch)
    for part in ("1. '': it is empty", "2. 'a moongate': it says 'moongate'", "3. 'one two", "9 words, and 8 are"):
        assert part in str(caught.value)
    assert not paths.caption("moongate").exists()


def test_a_writer_that_fails_leaves_the_old_file(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    run(RING, monkeypatch)
    before = paths.caption("moongate").read_bytes()
    with pytest.raises(IndexError):  # no answer was prepared
        run(None, monkeypatch)
    assert paths.caption("moongate").read_bytes() == before
    assert not Path(".cache").exists()


def test_an_answer_that_overflows_clip_with_its_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    tokenizer = SimpleNamespace(encode=lambda text: text.split())
    open_clip = SimpleNamespace(tokenizer=SimpleNamespace(SimpleTokenizer=lambda: tokenizer))
    monkeypatch.setattr("stages.common.open_clip_import.import_open_clip", lambda: open_clip)
    concept = Concept("moongate", "moongate", "a")
    assert verb._too_many_tokens(concept, " ".join(["x"] * 72)) == []  # with "A moongate is", start and end: 77
    assert verb._too_many_tokens(concept, " ".join(["x"] * 73)) == [
        "has 78 tokens with the name before it, and 77 are allowed"
    ]


@pytest.mark.slow
def test_clip_s_own_tokens_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    concept = Concept("moongate", "moongate", "a")
    assert verb._too_many_tokens(concept, " ".join(["ring"] * 60)) == []
    assert "and 77 are allowed" in verb._too_many_tokens(concept, " ".join(["ring"] * 75))[0]
