-- One question about one key, decided in one step. Times are microseconds, those of the server.
-- KEYS: the key, or none: then it only tries whether the user may run it, and returns INFO server.
-- ARGV: period, limit, units wanted, lessee, ticket, reign, window and units that are given back.
local MOST = 9007199254740991 -- the largest whole number of a script

-- A whole number, or nil: a sign, a fraction, nan and inf are none.
local function whole(text)
  local number = string.match(text or '', '^%d+$') and tonumber(text)
  return number and number <= MOST and number or nil
end

-- The time for which a lease may be spent after the last answer.
local function life(period)
  return math.min(period, math.max(25000, math.min(math.floor(period / 4), 1000000)))
end

local function digits(number) return string.format('%.0f', number) end

local time = redis.call('TIME')
if #KEYS == 0 then return redis.call('INFO', 'server') end

local key, period, limit, want = KEYS[1], whole(ARGV[1]), whole(ARGV[2]), whole(ARGV[3])
local lessee, ticket, reign = 'h:' .. ARGV[4], whole(ARGV[5]), ARGV[6]
local give_window, give_units = whole(ARGV[7]), whole(ARGV[8])
if not (period and limit and want and ticket and give_window and give_units) or period == 0 then
  return redis.error_reply('WLARG the period, limit, ticket, or units are no whole number from 0 to 2^53 - 1')
end

local now = time[1] * 1000000 + time[2]
local window = math.floor(now / period)
local k = redis.call('HMGET', key, 'window', 'granted', 'free', 'reign', 'period', 'limit',
  'limit_before', 'lessees', 'lessees_before', lessee)
local stored, granted, free, old_period = whole(k[1]), whole(k[2]), whole(k[3]), whole(k[5])
local low, low_before, lessees, lessees_before = whole(k[6]), whole(k[7]), whole(k[8]), whole(k[9])
local mine = k[10] or ''
local known = stored and granted and free and k[4] and old_period and low and low_before
  and lessees and lessees_before

-- The longest life of leases that this key may not know.
local unknown = life(period)
if known and old_period ~= period then
  local old_window = math.floor(now / old_period)
  if k[4] == reign and old_window <= stored + 1 and stored <= old_window + 1 then
    return redis.error_reply('WLPERIOD ' .. digits(old_period))
  end
  unknown = math.max(unknown, life(old_period))
end

-- Newborn: new, lost, of another reign or of a dead period, or the clock stepped back.
local born = not known or k[4] ~= reign or old_period ~= period or window < stored - 1
if born then
  -- A host behind a proxy may ask another server than the one whose reign it read.
  local run_id, replication_id = string.match(reign, '^(%x+):(%x+)$')
  if not run_id
    or not string.find(redis.call('INFO', 'server'), 'run_id:' .. run_id, 1, true)
    or not string.find(redis.call('INFO', 'replication'), 'master_replid:' .. replication_id, 1, true) then
    return redis.error_reply('WLSTALE the reign is over')
  end
  free, low_before, lessees_before = math.ceil((now + unknown) / period), limit, 0
elseif window > stored then
  if window == stored + 1 then
    low_before, lessees_before = low, lessees
  else
    low_before, lessees_before = limit, 0
  end
end
local begins = born or window > stored
if begins then stored, granted, low, lessees, mine = window, 0, limit, 0, '' end
low = math.min(low, limit)
local in_force = math.min(low, low_before)

local asked, got, has = string.match(mine, '^(%d+):(%d+):(%d+)$')
asked, got, has = tonumber(asked), tonumber(got), tonumber(has) or 0
local grant = 0
if not asked then lessees = lessees + 1 end
if asked and ticket <= asked then
  -- Repeated: the same answer, charged once. A late one gets and charges nothing.
  if ticket == asked then grant = got end
else
  -- No more comes back than the key knows of: it may have lost the lease, and its charge.
  if give_window == stored then
    local back = math.min(give_units, has)
    granted, has = granted - back, has - back
  end
  if stored >= free then grant = math.max(0, math.min(want, in_force - granted)) end
  granted, has = granted + grant, has + grant
  mine = digits(ticket) .. ':' .. digits(grant) .. ':' .. digits(has)
end

if begins then
  -- The first write: if memory is short it is refused, and nothing has changed yet.
  redis.call('HSET', key, 'window', digits(stored))
  redis.call('DEL', key)
  redis.call('HSET', key, 'window', digits(stored), 'granted', digits(granted), 'free', digits(free),
    'reign', reign, 'period', digits(period), 'limit', digits(low), 'limit_before', digits(low_before),
    'lessees', digits(lessees), 'lessees_before', digits(lessees_before), lessee, mine)
  redis.call('PEXPIRE', key, digits(math.max(604800000, 3 * period / 1000)))
else
  -- Written even if nothing changes: WAIT counts the replicas that have this write, and so the
  -- earlier ones.
  redis.call('HSET', key, 'granted', digits(granted), 'limit', digits(low), 'lessees', digits(lessees),
    lessee, mine)
end
return { grant, math.max(0, in_force - granted), stored, math.min(period, (stored + 1) * period - now),
  math.max(lessees, lessees_before), math.max(0, free - stored), life(period), in_force, now }
