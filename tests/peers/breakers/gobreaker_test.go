package breakers

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker/v2"
)

type settings struct {
	Consecutive uint32
	Minimum     uint32
	Probes      uint32
	OpenNs      int64 `json:"open_ns"`
}

// TestTrace answers each "begin" of the trace that TRACE names with a line in the file ANSWERS.
func TestTrace(t *testing.T) {
	text, err := os.ReadFile(os.Getenv("TRACE"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	var want settings
	if err := json.Unmarshal([]byte(lines[0]), &want); err != nil {
		t.Fatal(err)
	}
	var answers strings.Builder
	synctest.Test(t, func(t *testing.T) {
		breaker := gobreaker.NewTwoStepCircuitBreaker[int](gobreaker.Settings{
			MaxRequests: want.Probes,
			Timeout:     time.Duration(want.OpenNs),
			ReadyToTrip: func(counts gobreaker.Counts) bool {
				if want.Consecutive > 0 {
					return counts.ConsecutiveFailures >= want.Consecutive
				}
				ended := counts.TotalSuccesses + counts.TotalFailures
				return ended >= want.Minimum && 2*counts.TotalFailures >= ended
			},
		})
		begin := time.Now()
		out := map[int]func(bool){}
		for _, line := range lines[1:] {
			var at int64
			var what string
			var id int
			if _, err := fmt.Sscan(line, &at, &what, &id); err != nil {
				t.Fatal(line, err)
			}
			time.Sleep(time.Until(begin.Add(time.Duration(at))))
			if what != "begin" {
				if done := out[id]; done != nil {
					done(what == "ok")
				}
				continue
			}
			done, err := breaker.Allow()
			if err == nil {
				out[id] = done
				answers.WriteString("1\n")
			} else {
				answers.WriteString("0\n")
			}
		}
	})
	if err := os.WriteFile(os.Getenv("ANSWERS"), []byte(answers.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
