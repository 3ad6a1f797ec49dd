-- Leaves the mark of a hold that was given more time, where nobody else's stands.
--
-- KEYS: the seats. ARGV: the owner, the owner that stands for nobody, the mark, its time to live in
-- milliseconds.
for i, mark in ipairs(redis.call('MGET', unpack(KEYS))) do
  local owner = mark and string.sub(mark, 1, 36)
  if not owner or owner == ARGV[1] or owner == ARGV[2] then
    redis.call('SET', KEYS[i], ARGV[3], 'PX', ARGV[4])
  end
end
return true
