/**
 * What happens to a job in Redis, each step as one: a script is done whole or not at all. A job is an entry of a stream,
 * which knows who does it since when, and a hash with everything else; the entry goes when nothing is left to do.
 *
 * `owner` tells one beginning of a job from every other: who lost his claim (a pause, a cut cable) changes nothing any more.
 */

const NOW = `local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
`;

/** KEYS stream, meta, job, key of idempotency · ARGV most jobs, id, fingerprint or '', then fields and values. */
export const SUBMIT = `${NOW}
local print = ARGV[3]
if print ~= '' then
  local known = redis.call('GET', KEYS[4])
  if known then
    if string.sub(known, 1, #print) ~= print then return {'other', ''} end
    return {'known', string.sub(known, #print + 1)}
  end
end
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return {'full', ''} end
local seq = redis.call('HINCRBY', KEYS[2], 'added', 1)
local entry = redis.call('XADD', KEYS[1], '*', 'job', ARGV[2])
redis.call('HSET', KEYS[3], 'status', 'queued', 'submitted', now, 'seq', seq, 'entry', entry, 'attempts', 0, unpack(ARGV, 4))
if print ~= '' then redis.call('SET', KEYS[4], print .. ARGV[2]) end
return {'new', ARGV[2]}`;

/**
 * KEYS stream, meta, job · ARGV group, entry, owner, most attempts, consumer, then fields to give. Says what there is to do:
 * `run`, `callback` (all but that is done), `spent` (it was begun too often), `gone` (nothing, or it is another one's by now).
 */
export const BEGIN = `${NOW}
local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
if not held[1] or held[1][2] ~= ARGV[5] then return {'gone'} end
local job = redis.call('HMGET', KEYS[3], 'status', 'attempts', 'seq', 'callback_state')
local over = job[1] == 'done' or job[1] == 'failed'
if not job[1] or job[1] == 'cancelled' or (over and job[4] ~= 'pending') then
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
  redis.call('XDEL', KEYS[1], ARGV[2])
  return {'gone'}
end
redis.call('HSET', KEYS[3], 'owner', ARGV[3])
local what = 'callback'
if not over then
  if tonumber(job[2]) >= tonumber(ARGV[4]) then what = 'spent'
  else
    what = 'run'
    redis.call('HSET', KEYS[3], 'status', 'running', 'begun', now)
    redis.call('HINCRBY', KEYS[3], 'attempts', 1)
    local begun = tonumber(redis.call('HGET', KEYS[2], 'begun') or '0')
    if tonumber(job[3]) > begun then redis.call('HSET', KEYS[2], 'begun', job[3]) end
  end
end
return {what, unpack(redis.call('HMGET', KEYS[3], unpack(ARGV, 6)))}`;

/** KEYS stream, job, key · ARGV group, entry, owner, status, ttl in ms, `pending` or '', head, result, channel, id. */
export const FINISH = `${NOW}
if redis.call('HGET', KEYS[2], 'owner') ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[2], 'status', ARGV[4], 'finished', now, 'head', ARGV[7], 'result', ARGV[8])
redis.call('HDEL', KEYS[2], 'body', 'headers')
if ARGV[6] ~= '' then redis.call('HSET', KEYS[2], 'callback_state', ARGV[6])
else
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
  redis.call('XDEL', KEYS[1], ARGV[2])
  redis.call('HDEL', KEYS[2], 'owner')
end
redis.call('PEXPIRE', KEYS[2], ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[5])
redis.call('PUBLISH', ARGV[9], ARGV[10])
return 1`;

/** KEYS stream, job · ARGV group, entry, owner, what came of the callback, how often it was tried. */
export const SETTLE = `
if redis.call('HGET', KEYS[2], 'owner') ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[2], 'callback_state', ARGV[4], 'callback_attempts', ARGV[5])
redis.call('HDEL', KEYS[2], 'owner')
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
return 1`;

/**
 * KEYS stream, job · ARGV group, entry, owner, how long it shall seem to lie there already (ms), what the attempt counts.
 * An entry of nobody, which others claim when it has lain there for a lease.
 */
export const GIVE_BACK = `
if redis.call('HGET', KEYS[2], 'owner') ~= ARGV[3] then return 0 end
redis.call('HDEL', KEYS[2], 'owner')
if redis.call('HGET', KEYS[2], 'status') == 'running' then
  redis.call('HSET', KEYS[2], 'status', 'queued')
  redis.call('HINCRBY', KEYS[2], 'attempts', tonumber(ARGV[5]) - 1)
end
redis.call('XCLAIM', KEYS[1], ARGV[1], 'nobody', 0, ARGV[2], 'IDLE', ARGV[4], 'JUSTID')
return 1`;

/** KEYS stream, then jobs · ARGV group, consumer, then entry and owner of each. Says of each whether it is still ours: 1, 0. */
export const RENEW = `
local ours = {}
for i = 2, #KEYS do
  local at = 2 * i - 1
  if redis.call('HGET', KEYS[i], 'owner') == ARGV[at + 1] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[at], 'JUSTID')
    ours[i - 1] = 1
  else ours[i - 1] = 0 end
end
return ours`;

/** KEYS stream, job, key · ARGV group, ttl in ms, channel, id. What is not done is cancelled and says so for a while; else it goes. */
export const CANCEL = `${NOW}
local job = redis.call('HMGET', KEYS[2], 'status', 'entry')
if not job[1] then return '' end
redis.call('XACK', KEYS[1], ARGV[1], job[2])
redis.call('XDEL', KEYS[1], job[2])
redis.call('DEL', KEYS[3])
if job[1] == 'queued' or job[1] == 'running' then
  redis.call('HSET', KEYS[2], 'status', 'cancelled', 'finished', now)
  redis.call('HDEL', KEYS[2], 'owner', 'body', 'headers')
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  redis.call('PUBLISH', ARGV[3], ARGV[4])
  return 'cancelled'
end
redis.call('DEL', KEYS[2])
return 'removed'`;

/** KEYS stream · ARGV group, consumer, ms of silence. One that still has something in its name stays: deleting it would lose that. */
export const LEAVE = `
local all = redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
for _, each in ipairs(all) do
  local info = {}
  for i = 1, #each, 2 do info[each[i]] = each[i + 1] end
  local idle = info['name'] ~= 'nobody' and info['idle'] > tonumber(ARGV[3])
  if info['pending'] == 0 and (info['name'] == ARGV[2] or idle) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], info['name'])
  end
end
return 1`;
