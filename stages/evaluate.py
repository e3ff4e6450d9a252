"""Has it learned, and has it forgotten? Every checkpoint on two benchmarks, zero-shot.

Command: python -m stages.evaluate world-together [more runs, one after the other]
Reads:   data/checkpoints/RUN, data/lessons/RUN.json, the run's weights, known classes and benchmarks
Writes:  data/rows/RUN.csv, one row a number; data/rows/RUN.choice.json, the learning rate chosen for each recipe;
         data/rows/RUN.before_after.csv, what each learning rate taught and cost; data/rows/RUN.benchmarks.json, which
         pictures were asked among which classes, which files could not be used, and the settings behind the numbers;
         data/rows/RUN.captions.csv, what was written about each picture where the target asks for captions;
         data/rows/RUN.masks.csv and data/overlays/RUN, the numbers of each picture, and the pictures that changed most,
         where it asks for masks

Both benchmarks are asked among the same names, the known classes and the taught ones, unless the run's `candidates`
says "benchmark": then each among its own. The untouched model is asked in three ways: by name, by description, and by
both. Captions are asked in one way: what cannot be measured on this machine is said before anything is computed. Masks
are asked for by prompts as classes are, and as a control by the prompt of something else.
"""

import json
from collections.abc import Iterator, Sequence
from statistics import fmean

from stages.common import known_classes, params, paths, taught
from stages.common.atomic import write_text
from stages.common.caption_rows import write_captions
from stages.common.failures import each, run_main
from stages.common.mask_rows import write_mask_rows
from stages.common.params import Run
from stages.common.progress import progress
from stages.common.rows import read_rows, write_rows
from stages.evaluation.asking import Asking, asking_of, taught_names
from stages.evaluation.captioning import captioning_of
from stages.evaluation.exam import Exam, Row, exam_of, own_prompts, prompts_of, setting_of
from stages.evaluation.overlays import write_none, write_overlays
from stages.evaluation.question import Prompts
from stages.evaluation.segmentation import Sheet, segmentation_of
from stages.models.contract import Loader
from stages.tables import before_after
from stages.tables.contract import Choice, Result


def choose(rows: list[Row], run: Run) -> dict[str, dict[str, object]]:
    """The learning rate of each recipe: the largest that keeps to the retention budget, no target picture looked at.

    The loss is the untouched model's top-1 on the retention benchmark, asked by name, minus the mean over seeds. Where
    no learning rate keeps to the budget, the one that loses least is taken and `met_budget` is false.
    """
    kept_rows = [r for r in rows if (r["role"], r["label"], r["metric"]) == ("retention", "all", "top1")]
    before = next(r["value"] for r in kept_rows if r["setting"] == "name")
    choice = {}
    for recipe, mapping in run.recipes.items():
        losses = {}
        for rate in mapping["learning_rates"]:
            same = [r for r in kept_rows if (r["setting"], r["recipe"], r["learning_rate"]) == ("taught", recipe, rate)]
            losses[rate] = before - fmean(r["value"] for r in same)
        within = [rate for rate, loss in losses.items() if loss <= run.retention_budget + 1e-9]
        choice[recipe] = {
            "learning_rate": max(within) if within else min(losses, key=lambda rate: losses[rate]),
            "rule": f"the largest learning rate that loses at most {run.retention_budget:g} of top-1 on the retention "
            "benchmark, mean over seeds; no picture of a taught concept is looked at",
            "met_budget": bool(within),
        }
    return choice


def baseline_rows(exam: Exam, asking: Asking, prompts: dict[str, Prompts]) -> Iterator[Row]:
    """Rows of the untouched model, asked in every way that `prompts` lists."""
    for setting, ways in prompts.items():
        yield from exam.rows(
            lambda question, ways=ways: asking.untouched(question, ways),
            **{"phase": "baseline", "setting": setting, "recipe": None, "learning_rate": None, "seed": None},
        )


def taught_rows(exam: Exam, asking: Asking, ways: Prompts) -> Iterator[Row]:
    """Rows of every checkpoint of a run, asked by name; the model is untouched again afterwards."""
    folder = paths.checkpoints(exam.run)
    index = taught.read_json(folder / "index.json", f"dvc repro finetune@{exam.run}")
    answers = asking.taught(exam.questions, ways, [folder / entry["file"] for entry in index])
    for entry, similarities in zip(progress(index, f"evaluate {exam.run}"), answers, strict=True):
        found = {question.role: one for question, one in zip(exam.questions, similarities, strict=True)}
        yield from exam.rows(lambda question, found=found: found[question.role], **setting_of(entry))


def main(key: str, *more: str) -> None:
    """Measure these runs."""
    loader = Loader()
    each((key, *more), lambda one: measure(params.load().run(one), loader))


def measure(run: Run, loader: Loader) -> None:
    """Measure one run."""
    run.require("weights", "known", "target_data", "retention_data")
    concepts, known = taught.lesson(run.key), known_classes.read(run)
    model = loader.model_of(run)
    asking = asking_of(run, model)
    exam = exam_of(run, concepts, known, model.whole)
    captioning = captioning_of(run, exam, model)
    prompts = prompts_of(run, exam, concepts, known)
    segmentation = segmentation_of(run, exam, model, prompts)
    rows = [*baseline_rows(exam, asking, prompts), *taught_rows(exam, asking, prompts["name"])]
    facts, lines, mask_lines = exam.facts(run, own_prompts(concepts, known)), [], []
    if captioning:
        written = captioning.sheets(model, taught_names(run, model))
        judged = captioning.judged(written, [concept["name"] for concept in concepts], [*known])
        rows, lines, facts["target"] = [*rows, *judged.rows], judged.lines, {**facts["target"], **judged.facts}
    if segmentation:
        seen = segmentation.sheets(model, taught_names(run, model))
        masks = segmentation.judged(seen, model)
        rows, mask_lines, facts["target"] = [*rows, *masks.rows], masks.lines, {**facts["target"], **masks.facts}
    write_captions(paths.captions(run.key), lines)
    write_mask_rows(paths.masks(run.key), mask_lines)
    result = written_down(run, rows, facts | {"settings": run.measured_by(concepts)})
    if segmentation:
        write_overlays(segmentation, seen, masks, _shown(seen, result, run.seeds[0]))
    else:
        write_none(run.key)


def written_down(run: Run, rows: list[Row], facts: dict[str, object]) -> Result:
    """Writes the numbers of a run and what they chose, tells of each recipe in a line, and gives what tables need."""
    choice = choose(rows, run)
    write_rows(paths.rows(run.key), rows)
    write_text(paths.benchmarks(run.key), json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    write_text(paths.choice(run.key), json.dumps(choice, indent=2) + "\n")
    chosen = {recipe: Choice(**own) for recipe, own in choice.items()}
    result = Result(run.key, read_rows([paths.rows(run.key)]), chosen, run.retention_budget)
    table = before_after.build(result)
    write_text(paths.before_after(run.key), table.to_csv(index=False, lineterminator="\n"))
    for line in table[table["chosen"] == "yes"].to_dict("records"):
        print(told(result, line), flush=True)
    return result


def _shown(sheets: Sequence[Sheet], result: Result, seed: int) -> Row:
    """The setting of the leading recipe at its chosen learning rate, of one seed."""
    for setting in (sheet.setting for sheet in sheets):
        is_leading = (setting["setting"], setting["recipe"], setting["seed"]) == ("taught", result.leading, seed)
        if is_leading and result.is_chosen(result.leading, setting["learning_rate"]):
            return setting
    raise AssertionError(f"no sheet of {result.leading}, seed {seed}")


def told(result: Result, line: dict[str, object]) -> str:
    """A line of `before_after` in words: accuracies and recalls in per cent, CIDEr and Dice times 100, as in tables."""
    names = {"target": ("target", "%"), "retention": ("retention", "%")}
    if result.caption_metrics or result.mask_metrics:
        names["target"] = ("CIDEr" if result.caption_metrics else "Dice", "")
    changes = (
        f"{name} {100 * line[f'{role}_before']:.1f}{unit} -> {100 * line[f'{role}_after']:.1f}{unit}"
        for role, (name, unit) in names.items()
    )
    return f"{result.run}: {line['recipe']} at learning rate {line['learning_rate']:g}: {', '.join(changes)}"


if __name__ == "__main__":
    run_main(main)
