"""What several tests share."""

import pytest


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    # Here: the environments of habitat and rl-zoo3 have no Redis client, and need none.
    from tests.redis_server import RedisServer

    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def redis_url(redis_server):
    """Address, password included, of an empty Redis."""
    redis_server.client.flushall()
    return redis_server.url
