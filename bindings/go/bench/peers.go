package main

import (
	"context"
	"time"

	sentinel "github.com/alibaba/sentinel-golang/api"
	sentinelbreaker "github.com/alibaba/sentinel-golang/core/circuitbreaker"
	sentinelconfig "github.com/alibaba/sentinel-golang/core/config"
	sentinellog "github.com/alibaba/sentinel-golang/logging"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/ratelimiter"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	uber "go.uber.org/ratelimit"
)

// openTelemetry is a counter and a histogram without attributes, which make them several times slower.
func openTelemetry() (count func(), record func(float64)) {
	meter := sdk.NewMeterProvider(sdk.WithReader(sdk.NewManualReader())).Meter("bench")
	counter := have(meter.Int64Counter("c"))
	histogram := have(meter.Float64Histogram("h"))
	ctx := context.Background()
	return func() { counter.Add(ctx, 1) }, func(v float64) { histogram.Record(ctx, v) }
}

// uberTake has no way to ask without waiting: its limit is never reached here.
func uberTake() func() {
	limiter := uber.New(1e9, uber.WithoutSlack)
	return func() { limiter.Take() }
}

// failsafeTry asks a limiter that admits n in so long.
func failsafeTry(n uint, per time.Duration) func() {
	limiter := ratelimiter.NewBursty[any](n, per)
	return func() { limiter.TryAcquirePermit() }
}

// failsafeBreaker is a breaker with the same rule as tidegate's, asked and told without its executor,
// which would cost more.
func failsafeBreaker() func() {
	breaker := circuitbreaker.NewBuilder[any]().WithFailureRateThreshold(0.5, 20, 10*time.Second).Build()
	return func() {
		if breaker.TryAcquirePermit() {
			breaker.RecordSuccess()
		}
	}
}

func failsafeBulkhead() func() {
	places := bulkhead.New[any](10)
	return func() {
		if places.TryAcquirePermit() {
			places.ReleasePermit()
		}
	}
}

// sentinelBreaker is an entry of a resource with a rule for its error ratio.
func sentinelBreaker() func() {
	config := sentinelconfig.NewDefaultConfig()
	config.Sentinel.Log.Logger = sentinellog.NewConsoleLogger()
	config.Sentinel.Log.Metric.FlushIntervalSec = 0 // no files
	sentinellog.ResetGlobalLoggerLevel(sentinellog.ErrorLevel)
	check(sentinel.InitWithConfig(config))
	have(sentinelbreaker.LoadRules([]*sentinelbreaker.Rule{{
		Resource: "db", Strategy: sentinelbreaker.ErrorRatio, RetryTimeoutMs: 30_000, MinRequestAmount: 20,
		StatIntervalMs: 10_000, StatSlidingWindowBucketCount: 10, Threshold: 0.5,
	}}))
	return func() {
		if entry, refused := sentinel.Entry("db"); refused == nil {
			entry.Exit()
		}
	}
}
