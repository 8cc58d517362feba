package tidegate

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// The test's program is a worker when it is asked to be.
func TestMain(m *testing.M) {
	if config := os.Getenv("TIDEGATE_GO_WORKER"); config != "" {
		steps, _ := strconv.Atoi(os.Getenv("TIDEGATE_GO_STEPS"))
		if err := worker(config, steps); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// worker counts, records and asks so many times; without end for 0, telling how far it is.
func worker(config string, steps int) error {
	e, err := OpenJSON([]byte(config))
	if err != nil {
		return err
	}
	defer e.Close()
	work, err1 := e.Counter("work", nil)
	took, err2 := e.Histogram("took", nil)
	api, err3 := e.Limiter("api", nil)
	breaker, err4 := e.Breaker("db", nil)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	admitted := 0
	for step := 0; steps == 0 || step < steps; step++ {
		work.Inc()
		took.Record(0.25)
		if api.Key("acme", "7").Allow() {
			admitted++
		}
		if steps == 0 && step%100 == 99 {
			fmt.Println(step + 1)
		}
	}
	phase, err := breaker.Phase()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(told{admitted, phase.String()})
}

type told struct {
	Admitted int    `json:"admitted"`
	Breaker  string `json:"breaker"`
}

// shared is a configuration for workers of every language.
func shared(t *testing.T) (*Engine, string) {
	t.Helper()
	config := Config{
		Region:   Region{Path: regionPath(t), SizeBytes: 16 << 20},
		Limiters: map[string]LimiterConfig{"api": {Rate: 0.001, Burst: 1000, Keyed: true, MaxKeys: 100}},
		Breakers: map[string]BreakerConfig{"db": {FailureRate: 0.5, MinimumCalls: 2, Open: time.Hour}},
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return opened(t, config), string(text)
}

func goWorker(config string, steps int) *exec.Cmd {
	command := exec.Command(os.Args[0], "-test.run=none")
	command.Env = append(os.Environ(), "TIDEGATE_GO_WORKER="+config, fmt.Sprint("TIDEGATE_GO_STEPS=", steps))
	command.Stderr = os.Stderr
	return command
}

func totals(t *testing.T, e *Engine) (count, values, admitted uint64) {
	t.Helper()
	s := must[*Snapshot](t)(e.Snapshot())
	defer s.Close()
	d := must[*Data](t)(s.Data())
	return d.Counter("work", nil).Value, d.Histogram("took", nil).Lifetime.Count, d.Limiter("api").Admitted
}

// run runs workers at the same time and says what they told.
func run(t *testing.T, workers map[string]*exec.Cmd) map[string]told {
	t.Helper()
	type answer struct {
		name string
		text []byte
		err  error
	}
	answers := make(chan answer)
	for name, command := range workers {
		go func() {
			text, err := command.Output()
			answers <- answer{name, text, err}
		}()
	}
	all := map[string]told{}
	for range workers {
		a := <-answers
		var said told
		if err := errors.Join(a.err, json.Unmarshal(a.text, &said)); err != nil {
			t.Errorf("%s: %v: %s", a.name, err, a.text)
		}
		all[a.name] = said
	}
	return all
}

func trip(t *testing.T, e *Engine) {
	t.Helper()
	b := must[Breaker](t)(e.Breaker("db", nil))
	for range 2 {
		if err := must[BreakerPermit](t)(b.Acquire()).Report(Failure, time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

func TestProcessesOfThreeLanguages(t *testing.T) {
	e, config := shared(t)
	trip(t, e)
	const steps = 20_000
	workers := map[string]*exec.Cmd{"go": goWorker(config, steps), "go again": goWorker(config, steps)}
	if python := pythonWith(t); python != "" {
		workers["python"] = exec.Command(python, "testdata/worker.py", config, strconv.Itoa(steps))
	}
	if node, module := nodeWith(t); node != "" {
		workers["node"] = exec.Command(node, "testdata/worker.js", module, config, strconv.Itoa(steps))
	}
	for _, command := range workers {
		command.Stderr = os.Stderr
	}
	admitted := 0
	for name, said := range run(t, workers) {
		admitted += said.Admitted
		same(t, name+" sees the breaker", "open", said.Breaker)
	}
	same(t, "one limit", 1000, admitted)
	count, values, counted := totals(t, e)
	same(t, "one count", uint64(len(workers)*steps), count)
	same(t, "one histogram", uint64(len(workers)*steps), values)
	same(t, "admitted", 1000, counted)
}

// pythonWith is an interpreter that has the package; TIDEGATE_PYTHON names it.
func pythonWith(t *testing.T) string {
	python := os.Getenv("TIDEGATE_PYTHON")
	if python == "" || exec.Command(python, "-c", "import tidegate").Run() != nil {
		t.Log("without Python: TIDEGATE_PYTHON names no interpreter that has the package")
		return ""
	}
	return python
}

// nodeWith is Node and the package in this repository, when that is built.
func nodeWith(t *testing.T) (node, module string) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Log("without Node: it is not installed")
		return "", ""
	}
	module, err = filepath.Abs("../node")
	if err != nil || exec.Command(node, "-e", "require(process.argv[1])", module).Run() != nil {
		t.Log("without Node: bindings/node is not built")
		return "", ""
	}
	return node, module
}

// What a worker had counted when it was killed is there, and its successor goes on.
func TestKilledWorkersLoseNothing(t *testing.T) {
	e, config := shared(t)
	var least uint64
	for round := range 8 {
		command := goWorker(config, 0)
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		told := 0
		for lines.Scan() {
			told, _ = strconv.Atoi(lines.Text())
			if told >= 2000+round*700 {
				command.Process.Kill()
				break
			}
		}
		for lines.Scan() {
			if n, err := strconv.Atoi(lines.Text()); err == nil {
				told = max(told, n)
			}
		}
		command.Wait()
		least += uint64(told)
	}
	count, values, admitted := totals(t, e)
	if count < least || count > least+8*200 {
		t.Errorf("%d were told of, %d are counted", least, count)
	}
	if values > count || values+8 < count {
		t.Errorf("%d counted, %d recorded", count, values)
	}
	same(t, "one limit", 1000, admitted)
}
