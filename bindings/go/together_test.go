package tidegate

import (
	"testing"
	"time"
)

func TestSeveralLimitsAreOneDecision(t *testing.T) {
	e := engine(t, Config{})
	users := must[Limiter](t)(e.Limiter("users", &LimiterConfig{Rate: 1, Burst: 5, Keyed: true}))
	all := must[Limiter](t)(e.Limiter("all", &LimiterConfig{Rate: 1, Burst: 3}))
	for i := range 5 {
		d, refused, err := e.CheckAll(LimiterRequest{Limiter: users.Key("ada")}, LimiterRequest{all, 1})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "admitted", i < 3, d.Allowed)
		if i < 3 {
			same(t, "refused", -1, refused)
		} else {
			same(t, "refused", 1, refused)
			same(t, "whose numbers", Decision{false, 3, 0, time.Second, 3 * time.Second}, d)
		}
	}
	same(t, "nothing was lost", uint64(2), must[Decision](t)(users.Key("ada").Peek(1)).Remaining)

	other := must[Limiter](t)(engine(t, Config{}).Limiter("all", &LimiterConfig{Rate: 1, Burst: 3}))
	for want, requests := range map[error][]LimiterRequest{
		ErrArgument: {{users, 1}},
		ErrRange:    {{all, 1}, {users.Key("x"), 6}},
		ErrStale:    {{all, 1}, {}},
	} {
		_, refused, err := e.CheckAll(requests...)
		is(t, err, want)
		same(t, "refused", -1, refused)
	}
	_, _, err := e.CheckAll(LimiterRequest{other, 1})
	is(t, err, ErrStale)
	_, _, err = e.CheckAll()
	is(t, err, ErrArgument)
	_, _, err = e.CheckAll(make([]LimiterRequest, 17)...)
	is(t, err, ErrStale)
	many := make([]LimiterRequest, 17)
	for i := range many {
		many[i].Limiter = all
	}
	_, _, err = e.CheckAll(many...)
	is(t, err, ErrArgument)
	e.Close()
	_, _, err = e.CheckAll(LimiterRequest{all, 1})
	is(t, err, ErrClosed)
}

func TestManyKeysInOneCall(t *testing.T) {
	e := engine(t, Config{})
	l := must[Limiter](t)(e.Limiter("users", &LimiterConfig{Rate: 1, Burst: 2, Keyed: true}))
	got := must[[]bool](t)(l.AllowKeys("a", "b", "a", "", "a", "b", "b", "\x00", ""))
	for i, want := range []bool{true, true, true, true, false, true, false, true, true} {
		same(t, "answer", want, got[i])
	}
	same(t, "the same key", false, l.Key("a").Allow())
	same(t, "none", 0, len(must[[]bool](t)(l.AllowKeys())))
	all := must[Limiter](t)(e.Limiter("all", &LimiterConfig{Rate: 1, Burst: 2}))
	is(t, second(all.AllowKeys("a")), ErrArgument)
	is(t, second(Limiter{}.AllowKeys("a")), ErrStale)
}

func TestALimiterGetsNewNumbers(t *testing.T) {
	e := engine(t, Config{})
	l := must[Limiter](t)(e.Limiter("api", &LimiterConfig{Rate: 1, Burst: 2}))
	l.AllowN(2)
	same(t, "empty", false, l.Allow())
	if err := l.Reconfigure(LimiterConfig{Rate: 1, Burst: 5}); err != nil {
		t.Fatal(err)
	}
	same(t, "the difference", Decision{true, 5, 0, 0, 5 * time.Second}, must[Decision](t)(l.Check(3)))
	is(t, l.Reconfigure(LimiterConfig{Limit: 5, Window: time.Second}), ErrConflict)
	is(t, l.Reconfigure(LimiterConfig{Rate: -1, Burst: 5}), ErrConfig)
	is(t, second(e.Limiter("api", &LimiterConfig{Rate: 1, Burst: 2})), ErrConflict)
	is(t, Limiter{}.Reconfigure(LimiterConfig{}), ErrStale)
}

func TestPlansListsAndTopKeys(t *testing.T) {
	e := engine(t, Config{Limiters: map[string]LimiterConfig{"api": {
		Rate: 1, Burst: 2, Keyed: true, RecordKeys: "plain",
		Plans: map[string]LimiterConfig{"pro": {Rate: 10, Burst: 50}},
		Allow: []string{"friend"}, Deny: []string{"foe"},
	}}})
	l := must[Limiter](t)(e.Limiter("api", nil))
	if err := l.Key("ada").SetPlan("pro"); err != nil {
		t.Fatal(err)
	}
	d := must[Decision](t)(l.Key("ada").Check(7))
	same(t, "the plan's limit", uint64(50), d.Limit)
	is(t, l.Key("ada").SetPlan("gold"), ErrNotFound)
	is(t, l.Key("ada").SetPlan("g\x00ld"), ErrArgument)
	if err := l.Key("ada").SetPlan(""); err != nil {
		t.Fatal(err)
	}
	same(t, "its own limit", uint64(2), must[Decision](t)(l.Key("ada").Check(1)).Limit)
	same(t, "denied", false, l.Key("foe").Allow())
	for range 5 {
		same(t, "allowed", true, l.Key("friend").Allow())
		l.Key("bob").Allow()
	}
	top := must[[]KeyUse](t)(l.Top(MostDenied, 1))
	if len(top) != 1 || top[0].Key != "bob" || top[0].Denied != 3 {
		t.Errorf("%+v", top)
	}
	used := must[[]KeyUse](t)(l.Top(MostUsed, 10))
	if len(used) < 2 || used[0].Key != "ada" || used[0].Used != 8 {
		t.Errorf("%+v", used)
	}
	is(t, second(l.Top(7, 1)), ErrArgument)
	is(t, second(l.Top(MostUsed, 0)), ErrArgument)
	is(t, second(must[Limiter](t)(e.Limiter("no", &LimiterConfig{Preset: "auth"})).Top(MostUsed, 1)), ErrArgument)
}
