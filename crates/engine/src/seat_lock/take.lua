-- Takes all the seats for one owner, or none.
--
-- KEYS: the seats, of one session. ARGV: the owner, the mark to leave, the hold in milliseconds.
-- Answers an empty list when all were taken; else, seat by seat, the mark that stands in the way,
-- or '' where none does.
local blocked = false
local marks = redis.call('MGET', unpack(KEYS))
for i, mark in ipairs(marks) do
  if not mark or mark == 'free' or string.sub(mark, 1, 36) == ARGV[1] then
    marks[i] = ''
  else
    blocked = true
  end
end
if blocked then
  return marks
end
for _, key in ipairs(KEYS) do
  redis.call('SET', key, ARGV[2], 'PX', ARGV[3])
end
return {}
