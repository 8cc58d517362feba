package otel

import (
	"testing"
	"unicode/utf8"

	tidegate "github.com/tidegate/tidegate/bindings/go"
)

// Whatever labels and help say comes through the exposition as it was; and no text makes parse panic.
func FuzzParse(f *testing.F) {
	f.Add("value", "help")
	f.Add("a \"b\" \\ \n,}{=", "# \\n\nx")
	f.Add("", `a{b="c"} 1`)
	f.Add("\\\\n\\", "{")
	f.Fuzz(func(t *testing.T, value, help string) {
		_, _ = parse(value + help)
		_, _ = parse("# TYPE a counter\na" + value + "\n")
		if !utf8.ValidString(value) || !utf8.ValidString(help) {
			return
		}
		engine, err := tidegate.Open(tidegate.Config{Region: tidegate.Region{SizeBytes: 4 << 20, Private: true}})
		if err != nil {
			t.Fatal(err)
		}
		defer engine.Close()
		if _, err := engine.Counter("c", &tidegate.MetricOptions{Labels: map[string]string{"a": value}, Help: help}); err != nil {
			return // longer than a label may be, or with a NUL
		}
		snapshot, err := engine.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		text, err := snapshot.RenderWith(tidegate.Prometheus, tidegate.RenderOptions{Names: []string{"c"}})
		if err != nil {
			t.Fatal(err)
		}
		families, err := parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.name != "c_total" {
				continue
			}
			if family.help != help {
				t.Errorf("help %q became %q", help, family.help)
			}
			if got := family.samples[0].labels[0].Value.AsString(); got != value {
				t.Errorf("label %q became %q", value, got)
			}
			return
		}
		t.Errorf("no counter in %s", text)
	})
}
