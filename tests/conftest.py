"""What tests of several folders share."""

import pytest

from tests.small_project import Project


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Project:
    """A small project whose every stage has run; tests that change it take a copy."""
    project = Project(tmp_path_factory.mktemp("walk"))
    project.build()
    project.ran = project.repro()
    return project
