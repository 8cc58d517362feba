// Answers each call of the trace that the first argument names with a line: 1 if it was made.
import { readFileSync } from 'node:fs'
import { mock } from 'node:test'

const [head, ...lines] = readFileSync(process.argv[2], 'utf8').trim().split('\n')
const want = JSON.parse(head)
mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 0 })
const { default: CircuitBreaker } = await import('opossum')

let made = false
const breaker = new CircuitBreaker(
  async (good) => {
    made = true
    if (!good) throw new Error('as the trace says')
  },
  {
    timeout: false,
    resetTimeout: want.open_ns / 1e6,
    errorThresholdPercentage: 49.99,
    volumeThreshold: want.minimum,
    rollingCountTimeout: 10_000,
    rollingCountBuckets: 10,
    enableSnapshots: false,
    rollingPercentilesEnabled: false,
  },
)

const answers = []
let now = 0
for (const line of lines) {
  const [at, outcome] = line.split(' ')
  const step = Number(at) / 1e6 - now
  if (step > 0) mock.timers.tick(step)
  now += step
  made = false
  await breaker.fire(outcome === 'ok').catch(() => {})
  answers.push(made ? '1' : '0')
}
console.log(answers.join('\n'))
process.exit(0)
