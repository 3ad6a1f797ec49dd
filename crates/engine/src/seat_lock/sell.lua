-- Marks seats as sold, over any mark: a sale is for good.
--
-- KEYS: the seats. ARGV: the mark, its time to live in milliseconds.
for _, key in ipairs(KEYS) do
  redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
end
return true
