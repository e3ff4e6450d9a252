"""What several test modules of stages/ share: tiny random models, made once."""

import os
import resource
import signal

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when huggingface_hub is imported: no test may wait for a network


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory):
    """{(family, variant): folder of weights} of every case in tests/stages/models/tiny.py, each made when asked for."""
    from tests.stages.models.tiny import CASES

    class Folders(dict):
        def __missing__(self, case):
            folder = tmp_path_factory.mktemp("-".join(case))
            CASES[case](folder)
            self[case] = folder
            return folder

    return Folders()


@pytest.fixture
def small_files_only():
    """A real limit of the system on the size of a file, which behaves like a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)
