package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	tidegate "github.com/tidegate/tidegate/bindings/go"
)

// The test's program is the service when it is asked to be.
func TestMain(m *testing.M) {
	if os.Getenv("SHOP") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// patience is how long something may take on a machine that is busy with other things. Nothing here
// waits for it where all is well.
const patience = 90 * time.Second

type service struct {
	address string
	region  string
	mu      sync.Mutex
	pids    []int
	client  http.Client
}

func start(t *testing.T, count int, more ...string) *service {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "shop-")
	if err != nil {
		folder = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	s := &service{region: filepath.Join(folder, "region")}
	// A connection for each request, so that the workers share them.
	s.client = http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	program := exec.Command(os.Args[0], "-listen", "127.0.0.1:0", "-region", s.region,
		"-database", filepath.Join(folder, "shop.sqlite"), "-workers", strconv.Itoa(count))
	program.Args = append(program.Args, more...)
	program.Env = append(os.Environ(), "SHOP=1")
	program.Stderr = os.Stderr
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		program.Process.Signal(syscall.SIGTERM)
		program.Wait()
	})
	ready := make(chan bool, 2)
	go func() {
		defer func() { ready <- false }()
		started := false // workers that come later take the place of dead ones
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			what, rest, _ := strings.Cut(lines.Text(), " ")
			switch what {
			case "listening":
				s.address = strings.TrimPrefix(rest, "on ")
			case "worker":
				pid, _ := strconv.Atoi(rest)
				s.mu.Lock()
				if s.pids = append(s.pids, pid); len(s.pids) == count && !started {
					started = true
					ready <- true
				}
				s.mu.Unlock()
			}
		}
	}()
	select {
	case ok := <-ready:
		if !ok {
			t.Fatal("the service ended")
		}
	case <-time.After(patience):
		t.Fatal("the service does not start")
	}
	// A worker is there when it answers.
	for deadline := time.Now().Add(patience); ; {
		if code, _ := s.get("/health/startup", ""); code == 200 {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatal("the service is not ready")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *service) get(path, user string) (int, string) {
	r, err := http.NewRequest("GET", s.address+path, nil)
	if err != nil {
		return 0, err.Error()
	}
	r.Header.Set("X-User", user)
	response, err := s.client.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(body)
}

func (s *service) observe(t *testing.T) *tidegate.Data {
	t.Helper()
	engine, err := tidegate.Attach(s.region)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	snapshot, err := engine.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	data, err := snapshot.Data()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestOneLimitAndNoLostCountWhileWorkersAreKilled(t *testing.T) {
	s := start(t, 3)
	const users, rate, burst = 3, 50, 100
	var sent, answered, refused, broken atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begun := time.Now()
	var seen sync.Map
	var done sync.WaitGroup
	for i := range 12 {
		done.Add(1)
		go func() {
			defer done.Done()
			for ctx.Err() == nil {
				sent.Add(1)
				code, body := s.get(fmt.Sprint("/orders/", 1+sent.Load()%1000), fmt.Sprint("user ", i%users))
				switch code {
				case 200:
					answered.Add(1)
					seen.Store(strings.Fields(body)[len(strings.Fields(body))-1], true)
				case 429:
					refused.Add(1)
				case 0:
					broken.Add(1) // its worker was killed
				default:
					t.Errorf("%d: %s", code, body)
				}
			}
		}()
	}
	workers := func() (count int) {
		seen.Range(func(any, any) bool { count++; return true })
		return count
	}
	// Three times: some load, then a worker dies, and another one begins in its place.
	until := func(what string, is func() bool) {
		for deadline := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("after %v: %s", patience, what)
				return
			}
		}
	}
	for range 3 {
		before := answered.Load()
		until("no load", func() bool { return answered.Load() >= before+50 })
		s.mu.Lock()
		victim := s.pids[0]
		s.pids = s.pids[1:]
		s.mu.Unlock()
		syscall.Kill(victim, syscall.SIGKILL)
		until("no successor", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.pids) == 3
		})
	}
	until("the limit was not reached, or by one worker alone", func() bool { return refused.Load() > 0 && workers() >= 3 })
	cancel()
	done.Wait()
	took := time.Since(begun).Seconds()
	data := s.observe(t)
	counted := data.Counter("orders_answered", nil).Value
	admitted := data.Limiter("user").Admitted
	t.Logf("%d sent, %d answered by %d workers, %d refused, %d cut off; %d counted, %d admitted in %.2f s",
		sent.Load(), answered.Load(), workers(), refused.Load(), broken.Load(), counted, admitted, took)
	if most := users * (burst + rate*took + 1); float64(counted) > most || float64(answered.Load()) > most {
		t.Errorf("more than %v were let through", most)
	}
	// Whatever a client was told had been counted before. What was cut off may be counted, too.
	if counted < uint64(answered.Load()) || counted > uint64(answered.Load()+broken.Load()) {
		t.Errorf("%d answers, %d cut off, but %d counted", answered.Load(), broken.Load(), counted)
	}
	var timed uint64
	for _, h := range data.Histograms {
		if h.Name == "http.server.request.duration" && h.Labels["http_route"] == "GET /orders/{id}" && h.Labels["http_response_status_code"] == "200" {
			timed += h.Lifetime.Count
		}
	}
	if cut := uint64(broken.Load()); timed > counted || timed+cut < counted {
		t.Errorf("%d counted, %d timed, %d cut off", counted, timed, cut)
	}
	if code, text := s.get("/metrics", ""); code != 200 || !strings.Contains(text, fmt.Sprintf("orders_answered_total %d\n", counted)) {
		t.Error(code, "no such total in /metrics")
	}
}

func TestOneBreakerForAllWorkers(t *testing.T) {
	s := start(t, 3, "-open", "1h")
	if code, body := s.get("/orders/7", "ada"); code != 200 || !strings.HasPrefix(body, "item 7,") {
		t.Fatal(code, body)
	}
	if code, _ := s.get("/orders/99999", "ada"); code != 404 {
		t.Error(code)
	}
	if code, body := s.get("/health", ""); code != 200 {
		t.Error(code, body)
	}
	for i := range 12 {
		s.get("/broken", fmt.Sprint("user ", i))
	}
	for i := range 20 {
		if code, body := s.get("/orders/7", fmt.Sprint("user ", i)); code != 503 {
			t.Errorf("the breaker is open, but: %d %s", code, body)
		}
	}
	if code, body := s.get("/health/ready", ""); code != 503 {
		t.Error("ready without a database:", code, body)
	}
	// An operator in another process closes it, for all workers.
	engine, err := tidegate.Open(tidegate.Config{Region: tidegate.Region{Path: s.region}})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	breaker, err := engine.Breaker("database", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := breaker.SetMode(tidegate.BreakerClosed); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if code, body := s.get("/orders/7", fmt.Sprint("user ", i)); code != 200 {
			t.Errorf("the breaker is closed, but: %d %s", code, body)
		}
	}
}
