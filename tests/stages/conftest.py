"""What several test modules of stages/ share: tiny random models, made once."""

import os

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when huggingface_hub is imported: no test may wait for a network


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory):
    """{(family, variant): folder of weights} of every case in tests/stages/models/tiny.py."""
    from tests.stages.models.tiny import CASES

    folders = {case: tmp_path_factory.mktemp("-".join(case)) for case in CASES}
    for case, folder in folders.items():
        CASES[case](folder)
    return folders
