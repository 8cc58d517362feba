package otel

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// family is the samples of one name in the Prometheus text format, as tidegate writes it.
type family struct {
	name, help, kind string
	samples          []sample
}

type sample struct {
	suffix   string // of a histogram: "_bucket", "_sum", "_count"
	labels   []attribute.KeyValue
	value    float64
	bound    float64 // of a bucket
	infinite bool    // the last bucket
}

// parse reads the exposition of one snapshot.
func parse(text string) ([]*family, error) {
	var families []*family
	var now *family
	help := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "":
		case strings.HasPrefix(line, "# HELP "):
			name, said, _ := strings.Cut(line[len("# HELP "):], " ")
			help[name] = unescape(said)
		case strings.HasPrefix(line, "# TYPE "):
			name, kind, _ := strings.Cut(line[len("# TYPE "):], " ")
			now = &family{name: name, kind: kind, help: help[name]}
			families = append(families, now)
		case line[0] == '#':
		default:
			if now == nil || !strings.HasPrefix(line, now.name) {
				return nil, fmt.Errorf("tidegate: a sample without a type: %q", line)
			}
			s, err := read(line[len(now.name):], now.kind)
			if err != nil {
				return nil, fmt.Errorf("tidegate: %w in %q", err, line)
			}
			now.samples = append(now.samples, s)
		}
	}
	return families, nil
}

// read reads a sample behind its family's name.
func read(rest, kind string) (s sample, err error) {
	end := strings.IndexAny(rest, "{ ")
	if end < 0 {
		return s, fmt.Errorf("no value")
	}
	s.suffix, rest = rest[:end], rest[end:]
	if rest[0] == '{' {
		rest = rest[1:]
		for !strings.HasPrefix(rest, "}") {
			name, behind, found := strings.Cut(rest, `="`)
			if !found {
				return s, fmt.Errorf("a label without a value")
			}
			quote := closing(behind)
			if quote < 0 {
				return s, fmt.Errorf("an open quote")
			}
			value := unescape(behind[:quote])
			rest = strings.TrimPrefix(behind[quote+1:], ",")
			if kind == "histogram" && s.suffix == "_bucket" && name == "le" {
				if s.bound, err = strconv.ParseFloat(value, 64); err != nil {
					return s, err
				}
				s.infinite = math.IsInf(s.bound, 1)
				continue
			}
			s.labels = append(s.labels, attribute.String(name, value))
		}
		rest = rest[1:]
	}
	s.value, err = strconv.ParseFloat(strings.TrimPrefix(rest, " "), 64)
	return s, err
}

// closing is where the quote is that ends a label's value.
func closing(text string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

var escapes = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\"`, `"`)

func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	return escapes.Replace(text)
}
