package tidegate

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// Different parts never make the same key, and one part alone is itself.
func FuzzKeysOfParts(f *testing.F) {
	for _, seed := range [][3]string{{"a", "b", "c"}, {"", "", ""}, {"\xff", "\xfe", "\xfe\x00"}, {"a\xff", "b", ""}, {"ab", "", "c"}} {
		f.Add(seed[0], seed[1], seed[2], seed[1], seed[2], seed[0])
	}
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g string) {
		one, two := joined(a, []string{b, c}), joined(d, []string{e, g})
		if (one == two) != (a == d && b == e && c == g) {
			t.Errorf("%q %q %q makes %q, %q %q %q makes %q", a, b, c, one, d, e, g, two)
		}
		if strings.Count(one, "\xff") != 2 {
			t.Errorf("%q has not two separators", one)
		}
		if (Limiter{}).Key(a).key != a {
			t.Error("one part is changed")
		}
	})
}

// However the successes of an operation are recorded, they are the same to a reader.
func FuzzOperation(f *testing.F) {
	f.Add(int64(1), int64(2), uint8(3), uint16(100))
	f.Add(int64(0), int64(-1), uint8(0), uint16(300))
	f.Add(int64(math.MaxInt64), int64(math.MinInt64), uint8(7), uint16(5))
	f.Fuzz(func(t *testing.T, first, step int64, kind uint8, times uint16) {
		e := engine(t, Config{Region: Region{SizeBytes: 8 << 20, Private: true}})
		options := &MetricOptions{SlowSeconds: 1e-3}
		mine, theirs := must[Operation](t)(e.Operation("mine", options)), must[Operation](t)(e.Operation("theirs", options))
		batched := must[Operation](t)(e.Operation("batched", options))
		theirs.s.refused.Store(true)
		var batch Batch
		b := batch.Operation(batched)
		refused := false
		for i := range int64(times % 600) {
			took := time.Duration(first + i*step)
			outcome := Success
			if int64(kind)>>(i%3)&1 != 0 {
				outcome = Outcome(i % 3)
			}
			one, two := mine.Record(took, outcome, ""), theirs.Record(took, outcome, "")
			b.Record(took, outcome)
			if (one == nil) != (two == nil) {
				t.Fatalf("%v: %v and %v", took, one, two)
			}
			refused = refused || one != nil
		}
		if err := batch.Flush(); (err != nil) != refused {
			t.Errorf("refused: %v, flushed with %v", refused, err)
		}
		want := must[OperationReading](t)(theirs.Read(0))
		for name, o := range map[string]Operation{"mine": mine, "batched": batched} {
			got := must[OperationReading](t)(o.Read(0))
			if math.Abs(got.Average-want.Average) <= 1e-9*math.Abs(want.Average) {
				got.Average = want.Average
			}
			if fmt.Sprint(got) != fmt.Sprint(want) { // NaN where there is no number
				t.Errorf("%s: want %+v, got %+v", name, want, got)
			}
		}
	})
}

// A breaker that is passed without a call is where one is that is always asked.
func FuzzBreaker(f *testing.F) {
	f.Add([]byte("................................................................xxxxxxxxxxxxxxxx.......t........"), uint8(10))
	f.Add([]byte(strings.Repeat("....x.i", 60)+strings.Repeat("x", 60)+"tttt"+strings.Repeat(".", 60)), uint8(20))
	f.Fuzz(func(t *testing.T, script []byte, minimum uint8) {
		e := engine(t, Config{Region: Region{SizeBytes: 8 << 20, Private: true}})
		config := BreakerConfig{FailureRate: 0.5, MinimumCalls: uint64(minimum) + 1, Window: 10 * time.Second, Open: time.Second, HalfOpenCalls: 3}
		viewed, asked := must[Breaker](t)(e.Breaker("viewed", &config)), must[Breaker](t)(e.Breaker("asked", &config))
		asked.s.refused.Store(true)
		for i, c := range script[:min(len(script), 2000)] {
			fn := works
			switch c {
			case 'x':
				fn = fails
			case 'i':
				fn = ignores
			case 't':
				advance(t, e, 300*time.Millisecond)
				continue
			}
			one, two := viewed.Do(t.Context(), fn), asked.Do(t.Context(), fn)
			if errors.Is(one, ErrDenied) != errors.Is(two, ErrDenied) {
				t.Fatalf("step %d: %v and %v", i, one, two)
			}
		}
		a, b := must[BreakerReading](t)(viewed.Read()), must[BreakerReading](t)(asked.Read())
		if a.Phase != b.Phase || a.Calls != b.Calls || a.Failures != b.Failures || a.OpenedCount != b.OpenedCount {
			t.Errorf("\n%+v\n%+v", a, b)
		}
	})
}
