-- Frees seats that the database freed, where nobody else's mark stands.
--
-- The mark 'free' stays for a moment, so that a request that was refused before does not mark the
-- seats as taken after this.
--
-- KEYS: the seats. ARGV: the owner, the owner that stands for nobody, the moment in milliseconds.
for i, mark in ipairs(redis.call('MGET', unpack(KEYS))) do
  local owner = mark and string.sub(mark, 1, 36)
  if not owner or owner == ARGV[1] or owner == ARGV[2] then
    redis.call('SET', KEYS[i], 'free', 'PX', ARGV[3])
  end
end
return true
