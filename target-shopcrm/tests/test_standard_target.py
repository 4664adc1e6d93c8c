"""The SDK's standard tests for targets, with the real database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from singer_sdk.testing import get_target_test_class
from target_shopcrm.target import TargetShopCRM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Shop


# Without parse_env_config the SDK doesn't go looking for somebody's .env file.
StandardTests = get_target_test_class(TargetShopCRM, config={}, parse_env_config=False)


class TestStandard(StandardTests):  # type: ignore[misc,valid-type]  # made at run time
    """Arbitrary streams: withheld, with the exceptions the SDK demands."""

    @pytest.fixture(autouse=True)
    def _database(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch, _surroundings: None
    ) -> Iterator[None]:
        monkeypatch.setenv("DATABASE_URL", shop.url)
        yield
        assert os.environ["DATABASE_URL"] == shop.url, "the run went elsewhere"
