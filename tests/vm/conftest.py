"""What the tests in guests share."""

import os

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    # Packages are installed and all of the machine's files are shown to the guests.
    if item.get_closest_marker("vm") and os.geteuid() != 0:
        pytest.skip("guests need root: they see this machine's files, and packages may have to be installed")
