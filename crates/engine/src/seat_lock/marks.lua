-- Writes and removes marks of seats: a list of operations, in order.
--
-- Redis runs a script whole, and an operation sees what those before it in the list did.
--
-- KEYS: the seats of all operations, in the order of these.
-- ARGV, five for each operation: its name; the number of its seats; `over`, see below; the mark to
-- leave, '' for none; its time to live in milliseconds.
--
-- An operation leaves its mark on each seat whose mark it may replace:
--   take       none, 'free', or one of the owner `over`; and if it may not on one seat, it does on none
--   update     none, one of the owner `over`, or one of somebody
--   replace    `over` itself, '' for none
--   overwrite  any
--
-- Answers a list for each operation. It is empty unless a take was refused: then it has, seat by
-- seat, the mark that stands in the way, or '' where none does.
local call, sub = redis.call, string.sub
local SOMEBODY = '00000000-0000-0000-0000-000000000000'

local marks = {}
for i, mark in ipairs(call('MGET', unpack(KEYS))) do
  marks[KEYS[i]] = mark or ''
end

local function may_replace(name, mark, over)
  if name == 'overwrite' then
    return true
  elseif name == 'replace' then
    return mark == over
  elseif mark == '' then
    return true
  end
  local owner = sub(mark, 1, #SOMEBODY)
  return owner == over
    or (name == 'take' and mark == 'free')
    or (name == 'update' and owner == SOMEBODY)
end

local function write(key, mark, ttl)
  if mark == '' then
    call('DEL', key)
  else
    call('SET', key, mark, 'PX', ttl)
  end
  marks[key] = mark
end

local answers, done, before = {}, {}, 0
for i = 1, #ARGV, 5 do
  local name, count, over, mark, ttl = unpack(ARGV, i, i + 4)
  local in_the_way
  for n = 1, count do
    local found = marks[KEYS[before + n]]
    if not may_replace(name, found, over) then
      in_the_way = in_the_way or {}
      in_the_way[n] = found
    end
  end
  local is_refused = name == 'take' and in_the_way
  for n = 1, count do
    if is_refused then
      in_the_way[n] = in_the_way[n] or ''
    elseif not (in_the_way and in_the_way[n]) then
      write(KEYS[before + n], mark, ttl)
    end
  end
  answers[#answers + 1] = is_refused and in_the_way or done
  before = before + count
end
return answers
