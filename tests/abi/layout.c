/* Written by `cargo xtask layout-abi --write` from include/tidegate.h; what it
 * prints is layout.txt, the ABI that a release keeps. */
#include <stdio.h>

#include "tidegate.h"

#define SIZE(type) printf("%s size %zu\n", #type, sizeof(type))
#define FIELD(type, field)                                                    \
  printf("%s.%s offset %zu size %zu\n", #type, #field, offsetof(type, field), \
         sizeof(((type *)0)->field))
#define CONSTANT(name) printf("%s = %lld\n", #name, (long long)(name))

int main(void) {
  SIZE(tidegate_counter);
  FIELD(tidegate_counter, id);
  SIZE(tidegate_gauge);
  FIELD(tidegate_gauge, id);
  SIZE(tidegate_histogram);
  FIELD(tidegate_histogram, id);
  SIZE(tidegate_operation);
  FIELD(tidegate_operation, id);
  SIZE(tidegate_operation_reading);
  FIELD(tidegate_operation_reading, count);
  FIELD(tidegate_operation_reading, successes);
  FIELD(tidegate_operation_reading, failures);
  FIELD(tidegate_operation_reading, ignored);
  FIELD(tidegate_operation_reading, slow);
  FIELD(tidegate_operation_reading, rate_per_second);
  FIELD(tidegate_operation_reading, success_ratio);
  FIELD(tidegate_operation_reading, error_rate);
  FIELD(tidegate_operation_reading, average);
  FIELD(tidegate_operation_reading, p50);
  FIELD(tidegate_operation_reading, p90);
  FIELD(tidegate_operation_reading, p95);
  FIELD(tidegate_operation_reading, p99);
  FIELD(tidegate_operation_reading, p999);
  FIELD(tidegate_operation_reading, min);
  FIELD(tidegate_operation_reading, max);
  SIZE(tidegate_ratio);
  FIELD(tidegate_ratio, id);
  SIZE(tidegate_enum);
  FIELD(tidegate_enum, id);
  SIZE(tidegate_limiter);
  FIELD(tidegate_limiter, id);
  SIZE(tidegate_decision);
  FIELD(tidegate_decision, limit);
  FIELD(tidegate_decision, remaining);
  FIELD(tidegate_decision, retry_after_ns);
  FIELD(tidegate_decision, reset_after_ns);
  SIZE(tidegate_breaker);
  FIELD(tidegate_breaker, id);
  SIZE(tidegate_breaker_reading);
  FIELD(tidegate_breaker_reading, phase);
  FIELD(tidegate_breaker_reading, reason);
  FIELD(tidegate_breaker_reading, generation);
  FIELD(tidegate_breaker_reading, calls);
  FIELD(tidegate_breaker_reading, failures);
  FIELD(tidegate_breaker_reading, slow_calls);
  FIELD(tidegate_breaker_reading, failure_rate);
  FIELD(tidegate_breaker_reading, slow_call_rate);
  FIELD(tidegate_breaker_reading, retry_after_ns);
  FIELD(tidegate_breaker_reading, opened_count);
  FIELD(tidegate_breaker_reading, permits_out);
  FIELD(tidegate_breaker_reading, tripped_calls);
  FIELD(tidegate_breaker_reading, tripped_failures);
  FIELD(tidegate_breaker_reading, tripped_slow_calls);
  FIELD(tidegate_breaker_reading, tripped_age_ns);
  SIZE(tidegate_throttle);
  FIELD(tidegate_throttle, id);
  SIZE(tidegate_bulkhead);
  FIELD(tidegate_bulkhead, id);
  SIZE(tidegate_bulkhead_reading);
  FIELD(tidegate_bulkhead_reading, limit);
  FIELD(tidegate_bulkhead_reading, in_use);
  FIELD(tidegate_bulkhead_reading, returned_from_dead);
  SIZE(tidegate_retry);
  FIELD(tidegate_retry, id);
  SIZE(tidegate_guard);
  FIELD(tidegate_guard, id);
  SIZE(tidegate_guard_permit);
  FIELD(tidegate_guard_permit, bulkhead);
  FIELD(tidegate_guard_permit, breaker);
  SIZE(tidegate_guard_answer);
  FIELD(tidegate_guard_answer, refused_by);
  FIELD(tidegate_guard_answer, reserved);
  FIELD(tidegate_guard_answer, retry_after_ns);
  SIZE(tidegate_shard);
  FIELD(tidegate_shard, id);
  SIZE(tidegate_shard_cells);
  FIELD(tidegate_shard_cells, counts);
  FIELD(tidegate_shard_cells, sum);
  FIELD(tidegate_shard_cells, extremes);
  FIELD(tidegate_shard_cells, first_octave);
  FIELD(tidegate_shard_cells, octaves);
  FIELD(tidegate_shard_cells, fraction_bits);
  FIELD(tidegate_shard_cells, reserved);
  CONSTANT(TIDEGATE_OK);
  CONSTANT(TIDEGATE_DENIED);
  CONSTANT(TIDEGATE_E_ARGUMENT);
  CONSTANT(TIDEGATE_E_CONFIG);
  CONSTANT(TIDEGATE_E_NOT_FOUND);
  CONSTANT(TIDEGATE_E_CONFLICT);
  CONSTANT(TIDEGATE_E_CAPACITY);
  CONSTANT(TIDEGATE_E_SPACE);
  CONSTANT(TIDEGATE_E_FORMAT);
  CONSTANT(TIDEGATE_E_SYSTEM);
  CONSTANT(TIDEGATE_E_STALE);
  CONSTANT(TIDEGATE_E_RANGE);
  CONSTANT(TIDEGATE_E_STATE);
  CONSTANT(TIDEGATE_E_BUG);
  CONSTANT(TIDEGATE_OUTCOME_SUCCESS);
  CONSTANT(TIDEGATE_OUTCOME_FAILURE);
  CONSTANT(TIDEGATE_OUTCOME_IGNORED);
  CONSTANT(TIDEGATE_BREAKER_CLOSED);
  CONSTANT(TIDEGATE_BREAKER_OPEN);
  CONSTANT(TIDEGATE_BREAKER_HALF_OPEN);
  CONSTANT(TIDEGATE_BREAKER_FORCED_OPEN);
  CONSTANT(TIDEGATE_BREAKER_DISABLED);
  CONSTANT(TIDEGATE_BREAKER_FORCED_CLOSED);
  CONSTANT(TIDEGATE_BREAKER_METRICS_ONLY);
  CONSTANT(TIDEGATE_BREAKER_REASON_NONE);
  CONSTANT(TIDEGATE_BREAKER_REASON_FAILURE_RATE);
  CONSTANT(TIDEGATE_BREAKER_REASON_SLOW_CALL_RATE);
  CONSTANT(TIDEGATE_BREAKER_REASON_CONSECUTIVE_FAILURES);
  CONSTANT(TIDEGATE_BREAKER_REASON_PROBES);
  CONSTANT(TIDEGATE_BREAKER_REASON_FORCED);
  CONSTANT(TIDEGATE_GUARD_NONE);
  CONSTANT(TIDEGATE_GUARD_RETRY);
  CONSTANT(TIDEGATE_GUARD_BULKHEAD);
  CONSTANT(TIDEGATE_GUARD_BREAKER);
  CONSTANT(TIDEGATE_GUARD_THROTTLE);
  CONSTANT(TIDEGATE_GUARD_LIMITER);
  CONSTANT(TIDEGATE_HEALTHY);
  CONSTANT(TIDEGATE_DEGRADED);
  CONSTANT(TIDEGATE_UNHEALTHY);
  CONSTANT(TIDEGATE_HEALTH_UNKNOWN);
  CONSTANT(TIDEGATE_PROBE_LIVENESS);
  CONSTANT(TIDEGATE_PROBE_READINESS);
  CONSTANT(TIDEGATE_PROBE_STARTUP);
  CONSTANT(TIDEGATE_FORMAT_JSON);
  CONSTANT(TIDEGATE_FORMAT_PROMETHEUS);
  CONSTANT(TIDEGATE_FORMAT_OPENMETRICS);
  CONSTANT(TIDEGATE_FORMAT_HEALTH_JSON);
  CONSTANT(TIDEGATE_FORMAT_HEALTH_SIMPLE);
  CONSTANT(TIDEGATE_SHARD_LAYOUT_VERSION);
  CONSTANT(TIDEGATE_SHARD_INTEGERS);
  CONSTANT(TIDEGATE_SHARD_DOUBLES);
  return 0;
}
