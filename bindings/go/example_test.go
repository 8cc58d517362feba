package tidegate_test

import (
	"fmt"
	"log"
	"time"

	tidegate "github.com/tidegate/tidegate/bindings/go"
)

func Example() {
	engine, err := tidegate.Open(tidegate.Config{
		Service: "checkout",
		Limiters: map[string]tidegate.LimiterConfig{
			"login": {Preset: "auth", Keyed: true}, // 5 in 15 minutes, for each key
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()

	seconds, err := engine.Histogram("login_seconds", nil)
	if err != nil {
		log.Fatal(err)
	}
	login, err := engine.Limiter("login", nil)
	if err != nil {
		log.Fatal(err)
	}
	denied := 0
	for range 8 {
		if login.Key("ada").Allow() {
			seconds.RecordDuration(12 * time.Millisecond)
		} else {
			denied++
		}
	}
	fmt.Println(denied, "denied")
	// Output: 3 denied
}

func ExampleCounter() {
	engine, err := tidegate.Open(tidegate.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()
	hits, err := engine.Counter("cache_hits", &tidegate.MetricOptions{
		Labels: map[string]string{"cache": "prices"},
		Help:   "Answers from memory.",
	})
	if err != nil {
		log.Fatal(err)
	}
	hits.Inc()
	hits.Add(2)
	fmt.Println(hits.Value())
	// Output: 3 <nil>
}

func ExampleGauge() {
	engine, err := tidegate.Open(tidegate.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()
	depth, err := engine.Gauge("queue_depth", nil)
	if err != nil {
		log.Fatal(err)
	}
	depth.Set(10)
	depth.Add(-3)
	fmt.Println(depth.Value())
	// Output: 7 <nil>
}

func ExampleHistogram() {
	engine, err := tidegate.Open(tidegate.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()
	sizes, err := engine.Histogram("response_bytes", &tidegate.MetricOptions{Unit: "bytes"})
	if err != nil {
		log.Fatal(err)
	}
	for i := 1; i <= 1000; i++ {
		sizes.Record(float64(i))
	}
	values, err := sizes.Quantiles(0, 0, 0.5, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.0f, within 0.8 %% of 500: %v, %.0f\n",
		values[0], values[1] > 496 && values[1] < 504, values[2])
	// Output: 1, within 0.8 % of 500: true, 1000
}

func ExampleLimiter_Check() {
	engine, err := tidegate.Open(tidegate.Config{Clock: "manual"})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()
	api, err := engine.Limiter("api", &tidegate.LimiterConfig{Rate: 10, Burst: 20, Keyed: true})
	if err != nil {
		log.Fatal(err)
	}
	for _, cost := range []uint32{15, 10} {
		answer, err := api.Key("ada").Check(cost)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(answer.Allowed, answer.Remaining, "left, retry after", answer.RetryAfter)
	}
	// Output:
	// true 5 left, retry after 0s
	// false 5 left, retry after 500ms
}

func ExampleEngine_Snapshot() {
	engine, err := tidegate.Open(tidegate.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()
	requests, err := engine.Counter("requests", nil)
	if err != nil {
		log.Fatal(err)
	}
	requests.Add(41)

	snapshot, err := engine.Snapshot()
	if err != nil {
		log.Fatal(err)
	}
	defer snapshot.Close()
	data, err := snapshot.Data()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(data.Counter("requests", nil).Value)
	// Output: 41
}
