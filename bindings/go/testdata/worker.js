// A Node worker of the test with three languages: PACKAGE CONFIG STEPS.
'use strict';
const [name, text, steps] = process.argv.slice(2);
const { Engine } = require(name);
const engine = new Engine(JSON.parse(text));
const work = engine.counter('work');
const took = engine.histogram('took');
const api = engine.limiter('api');
let admitted = 0;
for (let step = 0; step < Number(steps); step++) {
  work.inc();
  took.record(0.25);
  if (api.check('acme', 7)) admitted++;
}
console.log(JSON.stringify({ admitted, breaker: engine.breaker('db').state }));
engine.close();
