import shutil

import pytest

from tests.pipeline import toy
from tests.pipeline.server import lay_out, running


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One Prefect server for all tests that need one (mark them slow: it takes half a minute to start)."""
    folder = lay_out(tmp_path_factory.mktemp("served") / "project", kite='print("flies")')
    with running(folder) as server:
        yield server


@pytest.fixture(scope="session")
def built_toy(tmp_path_factory):
    """A toy project that has run; tests that change it take `project`, a copy in which they stand."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("toy")
        patch.chdir(folder)
        toy.build("kite", "lamp")
    return folder


@pytest.fixture
def project(built_toy, tmp_path, monkeypatch):
    shutil.copytree(built_toy, tmp_path / "toy", symlinks=True)
    monkeypatch.chdir(tmp_path / "toy")
    return tmp_path / "toy"
