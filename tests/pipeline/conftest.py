import pytest

from tests.pipeline.server import lay_out, running


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One Prefect server for all tests that need one (mark them slow: it takes half a minute to start)."""
    folder = lay_out(tmp_path_factory.mktemp("served") / "project", kite='print("flies")')
    with running(folder) as server:
        yield server
