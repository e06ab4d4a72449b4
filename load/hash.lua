-- For wrk: every request carries data of its own, so that no answer can be taken for another's.
--   wrk -t1 -c64 -d10s --latency -s load/hash.lua http://localhost:3001/hash

local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init()
  sent = 0
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  sent = sent + 1
  return wrk.format(nil, nil, nil, string.format('{"data":"thread %d, request %d %s"}', number, sent, string.rep("x", 70)))
end
