"""Who looks at the console's pages."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from tests.console.browser import browser_of
from tests.support.market import market

__all__ = ["market"]


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody yet."""
    async with browser_of(app) as client:
        yield client
