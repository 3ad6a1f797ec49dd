-- Frees seats that the database freed, where nobody else's mark stands.
--
-- What is left says so for a moment, so that whoever was told before that they are taken, and comes
-- to write it down only now, does not.
--
-- KEYS: the seats. ARGV: the owner, the owner that stands for nobody, the moment in milliseconds.
for i, mark in ipairs(redis.call('MGET', unpack(KEYS))) do
  local owner = mark and string.sub(mark, 1, 36)
  if not owner or owner == ARGV[1] or owner == ARGV[2] then
    redis.call('SET', KEYS[i], 'free', 'PX', ARGV[3])
  end
end
return true
