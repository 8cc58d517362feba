// Compiled, never run: the same types through require().
import tidegate = require('tidegate');

const engine: tidegate.Engine = new tidegate.Engine('{"service":"shop"}');
const counter: tidegate.Counter = engine.counter('hits');
counter.inc();
engine.close();
