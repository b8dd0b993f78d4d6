"""What the tests of sweeps share."""

import pytest


@pytest.fixture
def file(tmp_path, request):
    """An experiment's file, with the `TEXT` of the test's module."""
    path = tmp_path / "blobs.toml"
    path.write_text(request.module.TEXT)
    return path
