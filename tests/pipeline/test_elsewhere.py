"""`pipeline run --dask`: two workers of a real cluster on this machine, each in a clone of its own, one DVC cache."""

import re
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.pipeline.server import environment, free_port

pytestmark = pytest.mark.slow

# A thing is made from its text, pressed from what was made, and counted; the note of where is not for DVC's cache.
GRAPH = """\
stages:
  make:
    foreach: ${things}
    do:
      cmd: python work.py made ${key}
      deps:
        - work.py
        - source.txt
      params:
        - things.${key}
      outs:
        - made/${key}
      meta:
        batch: true
  press:
    foreach: ${things}
    do:
      cmd: python work.py pressed ${key}
      deps:
        - work.py
        - made/${key}
      params:
        - things.${key}
      outs:
        - pressed/${key}
  count:
    cmd: ls pressed | wc -l > count.txt && pwd >> places
    deps:
      - pressed
    outs:
      - count.txt:
          cache: false
"""
WORK = """\
import os, sys
from pathlib import Path

for key in sys.argv[2:]:
    Path(sys.argv[1]).mkdir(exist_ok=True)
    Path(sys.argv[1], key).write_text(f"{sys.argv[1]} {key} {Path('source.txt').read_text()}")
    with open(os.environ["PLACES"], "a") as file:
        file.write(f"{Path.cwd().name} {sys.argv[1]} {key}\\n")
    print(f"{key}: done", flush=True)
"""
THINGS = ("kite", "lamp", "bell", "drum")


def git(folder, *words):
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=folder, check=True)


@pytest.fixture(scope="module")
def checkouts(tmp_path_factory):
    """{"driver" | "one" | "two": folder}: a project and two clones of it, all with one cache."""
    top = tmp_path_factory.mktemp("cluster")
    driver = top / "driver"
    driver.mkdir()
    (driver / "dvc.yaml").write_text(GRAPH)
    (driver / "work.py").write_text(WORK)
    (driver / "source.txt").write_text("from paper")
    write_params(driver)
    git(driver, "init", "--quiet")
    subprocess.run(["dvc", "init", "--quiet"], cwd=driver, env=environment(), check=True)
    subprocess.run(["dvc", "cache", "dir", str(top / "cache")], cwd=driver, env=environment(), check=True)
    git(driver, "add", "--all")
    git(driver, "commit", "--quiet", "--message", "all")
    for name in ("one", "two"):
        git(top, "clone", "--quiet", "driver", name)
    return {name: top / name for name in ("driver", "one", "two")}


def write_params(driver, **texts):
    entries = "".join(f"  {thing}: {{text: {texts.get(thing, thing)}}}\n" for thing in THINGS)
    (driver / "params.yaml").write_text(f"things:\n{entries}")


@contextmanager
def cluster(*folders, places):
    """The address of a scheduler with a worker in each folder."""
    address = f"tcp://127.0.0.1:{free_port()}"
    own = environment(PLACES=str(places))
    scheduler = ["dask_scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard"]
    worker = ["dask_worker", address, "--nworkers", "1", "--nthreads", "1", "--no-dashboard"]
    started = [
        subprocess.Popen([sys.executable, "-m", f"distributed.cli.{words[0]}", *words[1:]], cwd=folder, env=own)
        for folder, words in [(folders[0], scheduler), *((folder, worker) for folder in folders)]
    ]
    try:
        from distributed import Client

        with Client(address, timeout=60) as client:
            client.wait_for_workers(len(folders), timeout=60)
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait()


def run(driver, server, address):
    words = [sys.executable, "-m", "pipeline", "run", "--dask", address]
    own = environment(PREFECT_API_URL=server.url, PLACES=str(driver.parent / "places"))
    return subprocess.run(words, cwd=driver, env=own, text=True, capture_output=True, timeout=300, check=False)


def dvc(folder, *words):
    return subprocess.run(
        ["dvc", *words], cwd=folder, env=environment(PLACES="places"), text=True, capture_output=True, check=True
    ).stdout


@pytest.fixture(scope="module")
def ran(checkouts, server):
    """A first run on both workers."""
    places = checkouts["driver"].parent / "places"
    with cluster(checkouts["one"], checkouts["two"], places=places) as address:
        done = run(checkouts["driver"], server, address)
    assert done.returncode == 0, done.stdout + done.stderr
    return done, places.read_text().splitlines()


def test_both_workers_work_and_the_driver_only_on_what_the_cache_cannot_carry(ran, checkouts):
    _, places = ran
    at = {line.split()[0] for line in places}
    assert at == {"one", "two"}
    assert sorted(line.split(" ", 1)[1] for line in places) == sorted(
        f"{verb} {thing}" for verb in ("made", "pressed") for thing in THINGS
    )
    assert (checkouts["driver"] / "places").read_text().split() == [str(checkouts["driver"])]


def test_afterwards_the_driver_has_every_result_and_dvc_has_nothing_to_do(ran, checkouts):
    driver = checkouts["driver"]
    assert (driver / "pressed/kite").read_text() == "pressed kite from paper"
    assert (driver / "count.txt").read_text().strip() == "4"
    assert "up to date" in dvc(driver, "status")
    assert "Running stage" not in dvc(driver, "repro")


def test_the_server_has_a_task_run_for_every_item(ran, server):
    done, _ = ran
    (found,) = set(re.findall(r"flow-run/([\w-]+)", done.stdout + done.stderr))
    tasks = server.task_runs({"id": found})
    wanted = {f"{verb}@{thing}" for verb in ("make", "press") for thing in THINGS}
    assert wanted | {"count"} <= set(tasks)
    assert {task["state_name"] for task in tasks.values()} == {"Completed"}


def test_an_edit_reaches_the_workers_and_only_what_it_concerns_runs_again(ran, checkouts, server):
    driver = checkouts["driver"]
    places = driver.parent / "places"
    before = places.read_text()
    write_params(driver, lamp="lantern")
    with cluster(checkouts["one"], checkouts["two"], places=places) as address:
        done = run(driver, server, address)
    assert done.returncode == 0, done.stdout + done.stderr
    added = places.read_text().removeprefix(before).splitlines()
    assert {line.split(" ", 1)[1] for line in added} == {"made lamp", "pressed lamp"}
    assert "up to date" in dvc(driver, "status")


def test_a_clone_with_other_code_is_refused_and_named(ran, checkouts, server):
    driver, one = checkouts["driver"], checkouts["one"]
    (one / "source.txt").write_text("from another commit")
    write_params(driver, drum="tambour")
    with cluster(one, places=driver.parent / "places") as address:
        done = run(driver, server, address)
    git(one, "checkout", "--quiet", "source.txt")
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert "source.txt differ from those of the driver" in told and str(one) in told
    assert "Traceback" not in told


def test_a_worker_in_the_drivers_own_checkout_is_refused(ran, checkouts, server):
    driver = checkouts["driver"]
    write_params(driver, drum="timpani")
    with cluster(driver, places=driver.parent / "places") as address:
        done = run(driver, server, address)
    assert done.returncode == 1
    assert "the driver's own checkout" in done.stdout + done.stderr


def test_an_address_where_no_scheduler_answers_is_told_in_one_line(checkouts, server):
    done = run(checkouts["driver"], server, f"tcp://127.0.0.1:{free_port()}")
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert "no scheduler of Dask answers there" in told
    assert "Traceback" not in told
