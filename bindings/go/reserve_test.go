package tidegate

import (
	"testing"
	"time"
)

func TestUnitsAreReservedAndGivenBack(t *testing.T) {
	e := engine(t, Config{})
	l := must[Limiter](t)(e.Limiter("api", &LimiterConfig{Rate: 10, Burst: 2}))
	for i := range 4 {
		r := must[Reservation](t)(l.Reserve(1, time.Second))
		same(t, "delay", time.Duration(max(i-1, 0))*100*time.Millisecond, r.Delay)
		if i == 3 {
			if err := r.Cancel(); err != nil {
				t.Error(err)
			}
		}
	}
	is(t, second(l.Reserve(1, time.Millisecond)), ErrDenied)
	is(t, second(l.Reserve(1, -1)), ErrArgument)
	same(t, "peek", false, must[Decision](t)(l.Peek(1)).Allowed)
	is(t, second(Limiter{}.Reserve(1, 1)), ErrStale)

	k := must[Limiter](t)(e.Limiter("keyed", &LimiterConfig{Rate: 10, Burst: 5, Keyed: true}))
	if err := k.Key("a").Penalize(5); err != nil {
		t.Error(err)
	}
	same(t, "penalized", false, k.Key("a").Allow())
	if err := k.Key("b").Block(time.Minute); err != nil {
		t.Error(err)
	}
	same(t, "blocked", false, k.Key("b").Allow())
	k.Key("b").Block(0)
	same(t, "unblocked", true, k.Key("b").Allow())
	if err := k.Key("c").SetList(DenyList); err != nil {
		t.Error(err)
	}
	same(t, "denied", false, k.Key("c").Allow())
}
