package tidegate_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	tidegate "github.com/tidegate/tidegate/bindings/go"
)

// must is for examples; a service handles its errors.
func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

var errUnavailable = errors.New("unavailable")

func unavailable(context.Context) error { return errUnavailable }

func ExampleBreaker() {
	engine := must(tidegate.Open(tidegate.Config{}))
	defer engine.Close()
	payments := must(engine.Breaker("payments", &tidegate.BreakerConfig{
		FailureRate: 0.5, MinimumCalls: 4, Open: 10 * time.Second,
	}))
	for range 6 {
		err := payments.Do(context.Background(), unavailable)
		fmt.Println(errors.Is(err, tidegate.ErrDenied))
	}
	fmt.Println(must(payments.Read()).Reason)
	// Output:
	// false
	// false
	// false
	// false
	// true
	// true
	// failure rate
}

func ExampleBreaker_Acquire() {
	engine := must(tidegate.Open(tidegate.Config{}))
	defer engine.Close()
	payments := must(engine.Breaker("payments", &tidegate.BreakerConfig{}))
	permit, err := payments.Acquire()
	if err != nil {
		return // denied
	}
	// … the call, which took 20 ms and went well …
	if err := permit.Report(tidegate.Success, 20*time.Millisecond); err != nil {
		log.Fatal(err)
	}
	fmt.Println(must(payments.Phase()))
	// Output: closed
}

func ExampleBulkhead() {
	engine := must(tidegate.Open(tidegate.Config{
		Bulkheads: map[string]tidegate.BulkheadConfig{"database": {MaxConcurrent: 1}},
	}))
	defer engine.Close()
	database := must(engine.Bulkhead("database", nil))
	err := database.Do(context.Background(), func(ctx context.Context) error {
		return database.Do(ctx, unavailable) // a second one does not fit in
	})
	fmt.Println(err)
	// Output: tidegate: denied by bulkhead database
}

func ExampleThrottle() {
	engine := must(tidegate.Open(tidegate.Config{}))
	defer engine.Close()
	upstream := must(engine.Throttle("upstream", &tidegate.ThrottleConfig{Seed: 1}))
	held := 0
	for range 100 {
		if errors.Is(upstream.Do(context.Background(), unavailable), tidegate.ErrDenied) {
			held++
		}
	}
	fmt.Println(held > 10)
	// Output: true
}

func ExampleRetry() {
	engine := must(tidegate.Open(tidegate.Config{}))
	defer engine.Close()
	payments := must(engine.Retry("payments", &tidegate.RetryConfig{MaxAttempts: 3, Base: time.Millisecond}))
	calls := 0
	err := payments.Do(context.Background(), func(context.Context) error {
		if calls++; calls < 3 {
			return errUnavailable
		}
		return nil
	})
	fmt.Println(calls, err)
	// Output: 3 <nil>
}

func ExampleGuard() {
	engine := must(tidegate.Open(tidegate.Config{
		Limiters:  map[string]tidegate.LimiterConfig{"api": {Rate: 1, Burst: 1, Keyed: true}},
		Breakers:  map[string]tidegate.BreakerConfig{"orders": {}},
		Bulkheads: map[string]tidegate.BulkheadConfig{"orders": {MaxConcurrent: 10}},
		Guards:    map[string]tidegate.GuardConfig{"orders": {Bulkhead: "orders", Breaker: "orders", Limiter: "api"}},
	}))
	defer engine.Close()
	orders := must(engine.Guard("orders", nil)).Key("ada")
	for range 2 {
		total, err := tidegate.Call(context.Background(), orders, func(context.Context) (int, error) { return 42, nil })
		var denied *tidegate.Denied
		fmt.Println(total, errors.As(err, &denied) && denied.Guard == "limiter")
	}
	// Output:
	// 42 false
	// 0 true
}

func ExampleOperation() {
	engine := must(tidegate.Open(tidegate.Config{}))
	defer engine.Close()
	query := must(engine.Operation("db.query", &tidegate.MetricOptions{SlowSeconds: 0.1}))
	query.Do(context.Background(), func(context.Context) error { return nil })
	query.Do(context.Background(), func(context.Context) error { return tidegate.WithCode(errUnavailable, "E1040") })
	query.Record(200*time.Millisecond, tidegate.Success, "")
	said := must(query.Read(time.Minute))
	fmt.Println(said.Successes, said.Failures, said.Slow)
	// Output: 2 1 1
}

func ExampleBatch() {
	engine := must(tidegate.Open(tidegate.Config{}))
	defer engine.Close()
	rows := must(engine.Counter("rows_read", nil))

	var batch tidegate.Batch
	read := batch.Counter(rows)
	for range 1_000_000 {
		read.Inc()
	}
	if err := batch.Flush(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(must(rows.Value()))
	// Output: 1000000
}

func ExampleRatio() {
	engine := must(tidegate.Open(tidegate.Config{}))
	defer engine.Close()
	cache := must(engine.Ratio("cache", nil))
	cache.Hit()
	cache.Hit()
	cache.Hit()
	cache.Miss()
	fmt.Println(must(cache.Read(time.Minute)).Ratio)
	// Output: 0.75
}

func ExampleEnum() {
	engine := must(tidegate.Open(tidegate.Config{}))
	defer engine.Close()
	mode := must(engine.Enum("mode", tidegate.MetricOptions{States: []string{"starting", "serving"}}))
	fmt.Println(mode.Set("serving"), mode.Set("flying") != nil)
	// Output: <nil> true
}

func ExampleEvents() {
	engine := must(tidegate.Open(tidegate.Config{}))
	defer engine.Close()
	payments := must(engine.Breaker("payments", &tidegate.BreakerConfig{}))
	events := engine.Events()
	if err := payments.SetMode(tidegate.BreakerForcedOpen); err != nil {
		log.Fatal(err)
	}
	for _, event := range must(events.Read()) {
		fmt.Println(event.Kind, event.Name, event.Details["to"])
	}
	// Output: breaker payments forced_open
}

func ExampleLimiter() {
	engine := must(tidegate.Open(tidegate.Config{}))
	defer engine.Close()
	api := must(engine.Limiter("api", &tidegate.LimiterConfig{Rate: 10, Burst: 2, Keyed: true}))
	tenant, user := "acme", "ada"
	for range 3 {
		fmt.Println(api.Key(tenant, user).Allow())
	}
	// Output:
	// true
	// true
	// false
}

func ExampleLimiter_Wait() {
	engine := must(tidegate.Open(tidegate.Config{}))
	defer engine.Close()
	api := must(engine.Limiter("api", &tidegate.LimiterConfig{Rate: 0.1, Burst: 1}))
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	fmt.Println(api.Wait(ctx))
	err := api.Wait(ctx) // ten seconds are more than there are: nobody waits for nothing
	fmt.Println(errors.Is(err, tidegate.ErrDenied))
	// Output:
	// <nil>
	// true
}

func ExampleLimiter_Reserve() {
	engine := must(tidegate.Open(tidegate.Config{Clock: "manual"}))
	defer engine.Close()
	api := must(engine.Limiter("api", &tidegate.LimiterConfig{Rate: 10, Burst: 1}))
	for range 3 {
		fmt.Println(must(api.Reserve(1, time.Second)).Delay)
	}
	// Output:
	// 0s
	// 100ms
	// 200ms
}

func ExampleEngine_CheckAll() {
	engine := must(tidegate.Open(tidegate.Config{}))
	defer engine.Close()
	users := must(engine.Limiter("users", &tidegate.LimiterConfig{Rate: 1, Burst: 5, Keyed: true}))
	tenants := must(engine.Limiter("tenants", &tidegate.LimiterConfig{Rate: 1, Burst: 1, Keyed: true}))
	for range 2 {
		d, refused, err := engine.CheckAll(
			tidegate.LimiterRequest{Limiter: users.Key("ada")},
			tidegate.LimiterRequest{Limiter: tenants.Key("acme")},
		)
		fmt.Println(d.Allowed, refused, err)
	}
	// Output:
	// true -1 <nil>
	// false 1 <nil>
}

func ExampleEngine_Health() {
	engine := must(tidegate.Open(tidegate.Config{}))
	defer engine.Close()
	health, status, err := engine.Health(tidegate.Readiness)
	fmt.Println(health, status, err)
	// Output: healthy 200 <nil>
}

func ExampleOpen() {
	_, err := tidegate.Open(tidegate.Config{
		Limiters: map[string]tidegate.LimiterConfig{"api": {Rate: -1, Burst: 10}},
	})
	fmt.Println(errors.Is(err, tidegate.ErrConfig))
	// Output: true
}

func ExampleSnapshot_Since() {
	engine := must(tidegate.Open(tidegate.Config{}))
	defer engine.Close()
	orders := must(engine.Counter("orders", nil))
	orders.Add(5)
	earlier := must(engine.Snapshot())
	defer earlier.Close()
	orders.Add(2)
	later := must(engine.Snapshot())
	defer later.Close()

	difference := must(later.Since(earlier))
	defer difference.Close()
	fmt.Println(must(difference.Data()).Counter("orders", nil).Value)
	// Output: 2
}
