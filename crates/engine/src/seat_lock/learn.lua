-- Replaces marks, each only while it is the one that was seen.
--
-- KEYS: the seats. ARGV, three for each: the mark that was seen ('' for none), the mark to leave
-- ('' for none), its time to live in milliseconds.
for i, key in ipairs(KEYS) do
  local seen, mark, ttl = ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
  if (redis.call('MGET', key)[1] or '') == seen then
    if mark == '' then
      redis.call('DEL', key)
    else
      redis.call('SET', key, mark, 'PX', ttl)
    end
  end
end
return true
