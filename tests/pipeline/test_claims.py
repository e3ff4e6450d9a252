"""Claims of one process: what several items read is claimed once, and as long as one of them is at work."""

import json
from pathlib import Path

from pipeline import dag
from pipeline.claims import Claims


def held(kind: str) -> dict[str, object]:
    """What DVC has on record as claimed, by the path within the project."""
    claims = json.loads(Path(".dvc/tmp/rwlock").read_text()).get(kind, {})
    return {str(Path(path).relative_to(Path.cwd())): one for path, one in claims.items()}


def stages(*names):
    with dag.opened() as repo:
        found = {stage.addressing: stage for stage, _ in dag.ordered(repo, ())}
    return repo, *(found[name] for name in names)


def test_a_path_that_two_items_read_is_claimed_once_until_the_last_is_done(project):
    graph = Path("dvc.yaml").read_text().replace("      deps:\n", "      deps:\n        - shared.txt\n")
    Path("dvc.yaml").write_text(graph)
    Path("shared.txt").touch()
    repo, kite, lamp = stages("note@kite", "note@lamp")
    claims = Claims(repo)
    first, second = claims.claim(kite), claims.claim(lamp)
    first.__enter__()
    second.__enter__()
    assert set(held("write")) == {"notes/kite.txt", "notes/lamp.txt"}
    assert [one["cmd"] for one in held("read")["shared.txt"]] == ["python -m pipeline run (note@kite)"]
    first.__exit__(None, None, None)
    assert set(held("write")) == {"notes/lamp.txt"} and "shared.txt" in held("read")
    second.__exit__(None, None, None)
    assert held("write") == {} == held("read")


def test_what_an_item_alone_reads_is_given_up_with_it(project):
    repo, kite, lamp = stages("note@kite", "note@lamp")
    claims = Claims(repo)
    with claims.claim(lamp):
        with claims.claim(kite):
            assert "made/kite.txt" in held("read")
        assert "made/kite.txt" not in held("read") and "made/lamp.txt" in held("read")
