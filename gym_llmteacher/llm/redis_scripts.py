"""What Redis does in one step: Lua, carried out by the server."""

from __future__ import annotations

# ARGV: key, time, record; key, time, record; ...
INSERT = """
local added = 0
for i = 1, #ARGV, 3 do
    if redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 2]) == 1 then
        redis.call('ZADD', KEYS[2], ARGV[i + 1], ARGV[i])
        added = added + 1
    end
end
return added
"""

# ARGV: owner, milliseconds it is believed to live, prefix of owners, an owner known to be dead.
# Returns who holds the lease; '' if it was taken.
LEASE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[4] and redis.call('EXISTS', ARGV[3] .. holder) == 1 then
    return holder
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', 86400000)
redis.call('SET', ARGV[3] .. ARGV[1], 1, 'PX', ARGV[2])
return ''
"""

RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"

# ARGV: prefix of owners, owner, milliseconds, name, three amounts, three limits, dead owners ...
# An amount whose owner is dead, or gives no sign of life, is given back.
RESERVE = """
local dead = {}
for i = 11, #ARGV do dead[ARGV[i]] = true end
redis.call('SET', ARGV[1] .. ARGV[2], 1, 'PX', ARGV[3])
local total = {0, 0, 0}
for i, name in ipairs({'calls', 'tokens', 'usd'}) do
    total[i] = tonumber(redis.call('HGET', KEYS[1], name) or '0') + tonumber(ARGV[4 + i])
end
local held = redis.call('HGETALL', KEYS[2])
for i = 1, #held, 2 do
    local owner, calls, tokens, usd = string.match(held[i + 1], '^(.-)\\n(.-)\\n(.-)\\n(.-)$')
    if dead[owner] or redis.call('EXISTS', ARGV[1] .. owner) == 0 then
        redis.call('HDEL', KEYS[2], held[i])
    else
        total[1], total[2] = total[1] + tonumber(calls), total[2] + tonumber(tokens)
        total[3] = total[3] + tonumber(usd)
    end
end
for i = 1, 3 do
    if total[i] > tonumber(ARGV[7 + i]) then return 0 end
end
redis.call('HSET', KEYS[2], ARGV[4], table.concat({ARGV[2], ARGV[5], ARGV[6], ARGV[7]}, '\\n'))
return 1
"""

# ARGV: name, three amounts
SETTLE = """
redis.call('HDEL', KEYS[2], ARGV[1])
for i, name in ipairs({'calls', 'tokens', 'usd'}) do
    redis.call('HINCRBYFLOAT', KEYS[1], name, ARGV[1 + i])
end
"""
