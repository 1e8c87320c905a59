"""What several tests share."""

import pytest

from tests.redis_server import RedisServer


@pytest.fixture(scope="session")
def _redis_server(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def redis_url(_redis_server):
    """Address, password included, of an empty Redis."""
    _redis_server.client.flushall()
    return _redis_server.url
