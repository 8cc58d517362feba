package tidegate

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestRatiosStatesInfoAndErrors(t *testing.T) {
	e := engine(t, Config{})
	r := must[Ratio](t)(e.Ratio("cache", nil))
	same(t, "none yet", true, math.IsNaN(must[RatioReading](t)(r.Read(0)).Ratio))
	r.Hit()
	r.Hit()
	r.Miss()
	if err := r.Record(1, 0); err != nil {
		t.Error(err)
	}
	same(t, "ratio", RatioReading{3, 1, 0.75}, must[RatioReading](t)(r.Read(time.Minute)))
	is(t, second(r.Read(-1)), ErrArgument)

	n := must[Enum](t)(e.Enum("mode", MetricOptions{States: []string{"starting", "serving"}}))
	if err := n.Set("serving"); err != nil {
		t.Error(err)
	}
	is(t, n.Set("sleeping"), ErrArgument)
	is(t, second(e.Enum("none", MetricOptions{})), ErrConfig)

	h := must[Histogram](t)(e.Histogram("h", nil))
	o := must[Operation](t)(e.Operation("db.query", nil))
	for name, err := range map[string]error{
		"info":     e.SetInfo("build", map[string]string{"version": "1.2.3"}),
		"error":    e.LogError("E7", "the disk is full"),
		"exemplar": h.RecordExemplar(0.25, "4bf92f3577b34da6a3ce929d0e0e4736"),
		"detail": o.RecordDetail(time.Second, CallDetail{Outcome: Failure, Code: "timeout", Message: "no answer",
			Detail: "SELECT 1", TraceID: "4bf92f3577b34da6a3ce929d0e0e4736"}),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	is(t, e.LogError("E\x00", "x"), ErrArgument)
	var text strings.Builder
	if err := e.WriteTo(&text, Prometheus); err != nil {
		t.Error(err)
	}
	for _, part := range []string{`mode="serving"} 1`, `version="1.2.3"`} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("%s is not in\n%s", part, text.String())
		}
	}
	is(t, Ratio{}.Record(1, 0), ErrStale)
	is(t, Enum{}.Set("x"), ErrStale)
	is(t, Histogram{}.RecordExemplar(1, "x"), ErrStale)
	is(t, Operation{}.RecordDetail(1, CallDetail{}), ErrStale)
}
