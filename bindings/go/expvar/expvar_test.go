package expvar_test

import (
	"encoding/json"
	standard "expvar"
	"fmt"
	"strings"
	"testing"

	tidegate "github.com/tidegate/tidegate/bindings/go"
	"github.com/tidegate/tidegate/bindings/go/expvar"
)

func TestASnapshotIsAVariable(t *testing.T) {
	engine, err := tidegate.Open(tidegate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	for _, name := range []string{"orders.new", "orders.old", "logins"} {
		counter, err := engine.Counter(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		counter.Add(3)
	}
	expvar.Publish("tidegate", engine)
	read := func(v standard.Var) (data tidegate.Data) {
		t.Helper()
		if err := json.Unmarshal([]byte(v.String()), &data); err != nil {
			t.Fatalf("%v: %s", err, v.String())
		}
		return data
	}
	all := read(standard.Get("tidegate"))
	if c := all.Counter("logins", nil); c == nil || c.Value != 3 {
		t.Errorf("%+v", all.Counters)
	}
	some := read(expvar.Var(engine, "orders.*"))
	if len(some.Counters) != 2 {
		t.Errorf("%+v", some.Counters)
	}
	engine.Close()
	if text := standard.Get("tidegate").String(); !strings.Contains(text, "closed") || !json.Valid([]byte(text)) {
		t.Error(text)
	}
	var none *tidegate.Engine
	if text := expvar.Var(none).String(); !json.Valid([]byte(text)) {
		t.Error(text)
	}
}

func Example() {
	engine, err := tidegate.Open(tidegate.Config{})
	if err != nil {
		panic(err)
	}
	defer engine.Close()
	logins, err := engine.Counter("logins", nil)
	if err != nil {
		panic(err)
	}
	logins.Add(2)

	expvar.Publish("tidegate of the example", engine)
	var data tidegate.Data
	if err := json.Unmarshal([]byte(standard.Get("tidegate of the example").String()), &data); err != nil {
		panic(err)
	}
	fmt.Println(data.Counter("logins", nil).Value)
	// Output: 2
}
