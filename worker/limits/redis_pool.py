"""The limits that all workers share, in Redis: one call of one script answers all a turn asks.

A rate is a bucket (`worker.limits.buckets`), filled by Redis's own clock. Slots are a number per
process, good for `_HELD_MS`: the part of a process that died is free within seconds. Where more
is wanted than there is, each process gets its fair part, and who has more gives up the rest as
soon as it can.

A Redis that was emptied, or that nobody reached for a while, does not know what is held and used
elsewhere. It grants nothing until `WARMING_MS` after the first turn (`began`): by then everyone
has come back to it and told what they hold, and so long each keeps to its share.
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from worker.limits.asks import Asks, Grants, RestNews
from worker.limits.buckets import pace_of

TIMEOUT_SECONDS: Final = 0.25
_HELD_MS: Final = 3000
WARMING_MS: Final = 2500
_FORGOTTEN_MS: Final = 2500
"""Nobody has been here for so long: what was noted has run out, or is about to."""
_PREFIX: Final = "medianote:{limits}:"

_SCRIPT: Final = """
local prefix, me, held_ms, warming_ms = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local forgotten_ms, asks = ARGV[5], cjson.decode(ARGV[6])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local began = tonumber(redis.call('GET', prefix .. 'began') or now)
redis.call('SET', prefix .. 'began', began, 'PX', forgotten_ms)
local is_warming = now - began < warming_ms

local rates = {}
for i, ask in ipairs(asks.rates) do
  local name, capacity, per_ms, want = ask[1], ask[2], ask[3] / 1000, ask[4]
  local key = prefix .. 'rate:' .. name
  local state = redis.call('HMGET', key, 'tokens', 'at')
  local tokens, at = tonumber(state[1]), tonumber(state[2])
  if tokens == nil then
    -- Nobody has drawn for as long as it takes to fill, if we remember as long.
    tokens, at = 0, now
    if now - began >= capacity / per_ms then tokens = capacity end
  end
  tokens = math.min(capacity, tokens + math.max(0, now - at) * per_ms)
  local count = math.min(want, math.floor(tokens))
  if is_warming then count, tokens = 0, 0 end
  redis.call('HSET', key, 'tokens', string.format('%.9f', tokens - count), 'at', now)
  redis.call('PEXPIRE', key, math.ceil(capacity / per_ms) + 60000)
  rates[i] = count
end

local slots = {}
for i, ask in ipairs(asks.slots) do
  local name, most, held, want = ask[1], ask[2], ask[3], ask[4]
  local key = prefix .. 'slots:' .. name
  local taken, wants, names = 0, {}, {}
  if want > 0 then wants[1], names[1] = want, {me, want} end
  local others = redis.call('HGETALL', key)
  for j = 1, #others, 2 do
    if others[j] ~= me then
      local count, wanted, until_ = string.match(others[j + 1], '(%d+) (%d+) (%d+)')
      if tonumber(until_) <= now then
        redis.call('HDEL', key, others[j])
      else
        taken = taken + tonumber(count)
        if tonumber(wanted) > 0 then
          wants[#wants + 1] = tonumber(wanted)
          names[#names + 1] = {others[j], tonumber(wanted)}
        end
      end
    end
  end
  -- The fair part: what all want, but nobody more than the level at which it is used up.
  table.sort(wants)
  local left, level = most, most
  for j, wanted in ipairs(wants) do
    level = math.floor(left / (#wants - j + 1))
    if wanted > level then break end
    left = left - wanted
    level = most
  end
  -- What does not divide evenly goes to the first by name.
  local rest, before = most, 0
  for j, other in ipairs(names) do
    rest = rest - math.min(other[2], level)
    if other[2] > level and other[1] < me then before = before + 1 end
  end
  if before < rest then level = level + 1 end
  local count = math.max(0, math.min(want, level, most - taken))
  if is_warming then count = math.min(count, held) end
  local noted = math.max(count, held)
  if noted > 0 or want > 0 then
    local entry = string.format('%d %d %d', noted, want, now + held_ms)
    redis.call('HSET', key, me, entry)
    redis.call('PEXPIRE', key, held_ms * 20)
  else
    redis.call('HDEL', key, me)
  end
  slots[i] = count
end

local resting = prefix .. 'rests'
for _, news in ipairs(asks.rests) do
  local name, level, milliseconds = news[1], news[2], news[3]
  if level < 0 then
    redis.call('HDEL', resting, name)
  else
    local known = redis.call('HGET', resting, name)
    local until_, known_level
    if known then until_, known_level = string.match(known, '(%d+) (%d+)') end
    if not known or tonumber(known_level) < level or tonumber(until_) <= now then
      redis.call('HSET', resting, name, string.format('%d %d', now + milliseconds, level))
    end
  end
end
local rests = {}
local known = redis.call('HGETALL', resting)
for j = 1, #known, 2 do
  local until_, level = string.match(known[j + 1], '(%d+) (%d+)')
  until_, level = tonumber(until_), tonumber(level)
  if now - until_ > 3600000 then
    redis.call('HDEL', resting, known[j])
  else
    rests[#rests + 1] = {known[j], level, until_ - now}
  end
end
return cjson.encode({rates = rates, slots = slots, rests = rests, is_warming = is_warming})
"""


class RedisPool:
    """One process's way to the shared limits. Raises redis.RedisError where there is none now."""

    def __init__(self, url: str, process: str) -> None:
        """Make it ready; nothing is connected before the first turn."""
        self.is_warming = False
        """Redis did not know of any of us a moment ago."""
        # A process that comes after one of the same name has nothing of its.
        self._process = f"{process} {uuid.uuid4().hex}"
        self._client: redis.Redis = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._script = self._client.register_script(_SCRIPT)

    def turn(self, asks: Asks) -> Grants:
        """Ask, and be given."""
        said: Any = self._script(
            args=[
                _PREFIX,
                self._process,
                _HELD_MS,
                WARMING_MS,
                _FORGOTTEN_MS,
                json.dumps(_written(asks)),
            ]
        )
        answer = json.loads(said)
        self.is_warming = answer["is_warming"]
        return Grants(
            # An empty table is an object to Lua.
            [int(count) for count in answer["rates"] or ()],
            [int(count) for count in answer["slots"] or ()],
            [
                RestNews(name, int(level), milliseconds / 1000)
                for name, level, milliseconds in answer["rests"] or ()
            ],
            knows_rests=not self.is_warming,
        )

    def close(self) -> None:
        """Hang up."""
        self._client.close()


def _written(asks: Asks) -> Mapping[str, Any]:
    rates = []
    for rate_ask in asks.rates:
        pace = pace_of(rate_ask.rate)
        # A changed rate is another bucket.
        name = f"{rate_ask.name} {rate_ask.rate}"
        rates.append((name, pace.capacity, pace.per_second, rate_ask.want))
    return {
        "rates": rates,
        "slots": [(ask.name, ask.most, ask.held, ask.want) for ask in asks.slots],
        "rests": [
            (news.name, -1 if news.level is None else news.level, int(news.seconds * 1000))
            for news in asks.rests
        ],
    }
