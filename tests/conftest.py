"""What several tests share."""

import pytest

from tests.redis_server import RedisServer


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def redis_url(redis_server):
    """Address, password included, of an empty Redis."""
    redis_server.client.flushall()
    return redis_server.url
