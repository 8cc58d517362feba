"""A Python worker of the test with three languages: CONFIG STEPS."""
import json
import sys

from tidegate import Engine

engine = Engine(json.loads(sys.argv[1]))
work, took, api = engine.counter("work"), engine.histogram("took"), engine.limiter("api")
admitted = 0
for _ in range(int(sys.argv[2])):
    work.inc()
    took.record(0.25)
    if api.check("acme", 7):
        admitted += 1
engine.close()
engine = Engine(json.loads(sys.argv[1]))
print(json.dumps({"admitted": admitted, "breaker": engine.breaker("db").state}))
engine.close()
