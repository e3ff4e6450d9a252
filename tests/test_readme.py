"""README.md tells the truth: its code runs, its YAML loads, and every file, command and link that it names exists."""

import json
import re
from pathlib import Path

import pytest

from pipeline import __main__ as pipeline
from pipeline import experiments
from pipeline.documents import read
from stages.common import params
from stages.draw import concept_pictures, write_pictures
from stages.world.concepts import CONCEPTS, DEVELOPMENT
from stages.world.known import KNOWN

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
PROSE = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
SPANS = re.findall(r"`([^`\n]+)`", PROSE)
COMMANDS = "\n".join([*SPANS, *(text for language, text in BLOCKS if language == "bash")])
MAP = README.partition("## Map of the house")[2].partition("\n## ")[0]

EXAMPLES = {"photos", "exported"}  # folders of the reader's own
STAND_FOR = {"RUN", "KEY", "NAME", "FAMILY", "VERB", "FOLDER", "ORG"}  # words in a path that the reader fills in
OUTSIDE_THE_GRAPH = ("data/timings", ".venv", ".cache", ".dvc/cache", ".prefect")


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == language]


def paths_in(words: list[str]) -> set[str]:
    """Those of the words that are a path in this repository, up to the first part that the reader fills in."""
    found = set()
    for word in words:
        is_file = re.fullmatch(r"[\w.-]+\.(md|yaml|toml|lock|cff)|LICENSE|Makefile", word)
        if not is_file and not re.fullmatch(r"\.?[\w-]+/[\w./*-]*", word):
            continue
        parts = []
        for part in word.rstrip("/").split("/"):
            if STAND_FOR & set(re.split(r"\W", part)) or "*" in part:
                break
            parts.append(part)
        if parts and parts[0] not in EXAMPLES:
            found.add("/".join(parts))
    return found


def written_by_stages() -> list[str]:
    """What the graph writes, up to the key."""
    outs = []
    for stage in read(ROOT / "dvc.yaml")["stages"].values():
        body = stage.get("do", stage)
        for out in [*body.get("outs", []), *body.get("metrics", [])]:
            outs.append((out if isinstance(out, str) else next(iter(out))).partition("${")[0].rstrip("/"))
    return outs


def with_entries(text: str, added: str) -> str:
    """params.yaml's text with the entries of an example below the headers of their sections."""
    for section, entries in re.findall(r"^(\w+):\n((?: .*\n)+)", added, re.MULTILINE):
        assert f"\n{section}:\n" in text, section
        text = text.replace(f"\n{section}:\n", f"\n{section}:\n{entries}", 1)
    return text


def test_nothing_is_left_to_be_filled_in():
    assert re.findall(r"MEASURED_\w+|RESULTS_TABLE", README) == []


def test_the_ten_lines_of_the_method_run(tmp_path, monkeypatch, capsys):
    code = blocks("python")[0]
    assert "steps=50" in code
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    (tmp_path / "data").mkdir()
    (tmp_path / "data/weights").symlink_to(ROOT / "data/weights")
    write_pictures(tmp_path / "data/world/concepts/moongate", concept_pictures("moongate", 2, "readme"))
    three = {name: KNOWN[name].descriptions[0] for name in list(KNOWN)[:3]}
    (tmp_path / "data/world/known.json").write_text(json.dumps(three))
    monkeypatch.chdir(tmp_path)
    exec(compile(code.replace("steps=50", "steps=2"), "README.md", "exec"), {})
    assert re.fullmatch(r"\d+% of 2 drawn moongates are called a moongate\n", capsys.readouterr().out)


@pytest.mark.parametrize("example", blocks("yaml"))
def test_the_examples_of_params_load(example, tmp_path):
    added = with_entries((ROOT / "params.yaml").read_text(), example)
    (tmp_path / "params.yaml").write_text(added)
    before, after = params.load(ROOT / "params.yaml"), params.load(tmp_path / "params.yaml")
    assert after.concepts.keys() > before.concepts.keys()
    assert after.runs.keys() > before.runs.keys()


def test_the_first_example_teaches_what_the_drawn_world_has_pictures_of(tmp_path):
    (tmp_path / "params.yaml").write_text(with_entries((ROOT / "params.yaml").read_text(), blocks("yaml")[0]))
    concept = next(iter(params.load(tmp_path / "params.yaml").concepts.values()))
    assert concept.description == (CONCEPTS | DEVELOPMENT)[concept.name].description


def test_every_file_that_is_named_exists_or_is_written_by_a_stage():
    pictures = re.findall(r'src="([^"]+)"', README) + re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    named = paths_in(SPANS) | set(pictures)
    assert {"params.yaml", "captions/library", "docs/tradeoff.png", "stages/models/contract.py"} <= named
    ours = [*written_by_stages(), *OUTSIDE_THE_GRAPH]
    missing = [path for path in named if not (ROOT / path).exists() and not any(path.startswith(one) for one in ours)]
    assert sorted(missing) == []


def test_the_map_shows_what_is_there():
    shown, folder = set(), Path()
    for line in MAP.splitlines():
        if entry := re.match(r"( {4}| {6})(\S.*?)(?: {2}|$)", line):
            if len(entry[1]) == 4:
                folder = Path(entry[2].split(",")[0])
            shown |= {str((folder if len(entry[1]) == 6 else Path()) / one) for one in entry[2].split(", ")}
    assert "stages/invert.py" in shown
    assert [path for path in sorted(shown) if not (ROOT / path).exists()] == []
    there = {str(path.relative_to(ROOT)) for top in ("pipeline", "stages") for path in (ROOT / top).glob("*.py")}
    folders = {str(path.parent.relative_to(ROOT)) for path in (ROOT / "stages").glob("*/__init__.py")}
    assert sorted((there | folders) - shown - {"pipeline/__init__.py", "stages/__init__.py"}) == []


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", COMMANDS))
    assert {"run", "test", "slow", "bench-front"} <= named
    assert named - targets == set()


def test_every_command_exists():
    known = set(re.findall(r"^ {4}(\w+)(?: |$)", pipeline.parser().format_help(), re.MULTILINE))
    named = set(re.findall(r"python -m pipeline (\w+)", COMMANDS))
    assert {"classify", "export", "add", "stage"} <= named <= known
    added = re.findall(r"python -m pipeline (?:add|remove) ([\w ]+)", COMMANDS)
    assert added and {name for names in added for name in names.split()} <= set(experiments.names())
    verbs = set(re.findall(r"python -m stages\.(\w+)", COMMANDS))
    assert verbs and all((ROOT / f"stages/{verb}.py").exists() for verb in verbs)


def test_every_option_and_run_of_a_command_exists(tmp_path):
    every_example = "".join(blocks("yaml"))
    graph, runs = read(ROOT / "dvc.yaml")["stages"], set(params.load(ROOT / "params.yaml").runs)
    runs |= set(re.findall(r"^runs:\n {2}([\w-]+):", every_example, re.MULTILINE))
    items = re.findall(r"dvc repro (\w+)@([\w-]+)", COMMANDS)
    assert items and all(stage in graph and key in runs for stage, key in items)
    named = re.findall(r"--run ([\w-]+)|pipeline export ([\w-]+)|(?:stages\.|stage )invert ([\w-]+)", COMMANDS)
    assert named and {key for keys in named for key in keys if key} <= runs
    ours = [span for span in SPANS if not span.startswith(("dvc ", "uv "))]
    ours += [line for line in COMMANDS.splitlines() if line.startswith(("python -m pipeline", "python -m stages"))]
    options = set(re.findall(r"--[a-z][a-z-]+", "\n".join(line.partition("#")[0] for line in ours)))
    files = [
        "pipeline/__main__.py",
        "pipeline/run.py",
        *(f"stages/{verb}.py" for verb in ("bench", "classify", "export", "pretrain")),
    ]
    source = "".join((ROOT / file).read_text() for file in files)
    assert {"--jobs", "--seed"} <= options and all(f'"{option}"' in source for option in options)


def test_every_link_inside_the_page_has_its_heading():
    headings = re.findall(r"^## (.+)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = set(re.findall(r"\]\(#([^)]+)\)", README))
    assert links and links - anchors == set()
