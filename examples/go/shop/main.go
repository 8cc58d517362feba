// Shop is a service with several worker processes that share one port, one SQLite database and one
// tidegate region: one limit for each user, one breaker around the database, one set of metrics.
//
//	go run ./shop -workers 3
//	curl -H 'X-User: ada' http://127.0.0.1:8080/orders/7
//	curl http://127.0.0.1:8080/metrics
//
// The first process opens the port and the region, starts the workers, and starts another one when
// one dies. A worker that is killed blocks nobody, and what it had counted is still there.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	tidegate "github.com/tidegate/tidegate/bindings/go"
	"github.com/tidegate/tidegate/bindings/go/httpguard"
	"github.com/tidegate/tidegate/bindings/go/sqlguard"
	_ "modernc.org/sqlite"
)

var (
	listen   = flag.String("listen", "127.0.0.1:8080", "address to serve on")
	region   = flag.String("region", "/dev/shm/shop.tidegate", "file of the region that the workers share")
	database = flag.String("database", "shop.sqlite", "file of the database")
	workers  = flag.Int("workers", 2, "worker processes")
	open     = flag.Duration("open", 2*time.Second, "how long the breaker stays open; the same in every process")
	isWorker = flag.Bool("worker", false, "serve; the first process says so to the others")
)

// config is the same in every process. It could be a file, and other services could share it.
func config() tidegate.Config {
	return tidegate.Config{
		Service: "shop",
		Region:  tidegate.Region{Path: *region},
		Limiters: map[string]tidegate.LimiterConfig{
			"user": {Rate: 50, Burst: 100, Keyed: true, MaxKeys: 10_000},
		},
		Breakers: map[string]tidegate.BreakerConfig{
			"database": {FailureRate: 0.5, MinimumCalls: 10, Window: 10 * time.Second, Open: *open, HalfOpenCalls: 3},
		},
		Health: map[string]any{"checks": []any{
			map[string]any{"breaker": "database", "state": map[string]any{"warn": "half_open", "fail": "open"}},
			map[string]any{"operation": "db.query", "p95_seconds": map[string]any{"warn": 0.1, "fail": 0.5}},
		}},
	}
}

func main() {
	flag.Parse()
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := lead
	if *isWorker {
		run = serve
	}
	if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
}

// lead opens what the workers share and keeps them running.
func lead(ctx context.Context) error {
	engine, err := tidegate.Open(config())
	if err != nil {
		return err
	}
	defer engine.Close()
	if err := prepare(ctx); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	socket, err := inherited(listener.(*net.TCPListener))
	if err != nil {
		return err
	}
	listener.Close()
	fmt.Printf("listening on http://%s\n", listener.Addr())

	var done sync.WaitGroup
	for range *workers {
		done.Add(1)
		go func() {
			defer done.Done()
			for ctx.Err() == nil {
				worker := exec.CommandContext(ctx, os.Args[0], append(os.Args[1:], "-worker")...)
				worker.Cancel = func() error { return worker.Process.Signal(syscall.SIGTERM) }
				worker.ExtraFiles = []*os.File{socket}
				worker.Stderr = os.Stderr
				worker.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
				if err := worker.Start(); err != nil {
					log.Print(err)
					time.Sleep(time.Second)
					continue
				}
				fmt.Printf("worker %d\n", worker.Process.Pid)
				worker.Wait()
			}
		}()
	}
	done.Wait()
	return ctx.Err()
}

// inherited is the listener's socket for child processes. They share its mode: a file that had been made
// in non-blocking mode would be switched to blocking whenever a child is started with it, also for the
// workers that are waiting in accept. One that was blocking from the start is left as it is.
func inherited(listener *net.TCPListener) (*os.File, error) {
	file, err := listener.File()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	socket, err := syscall.Dup(int(file.Fd()))
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(socket)
	return os.NewFile(uintptr(socket), "socket"), nil
}

func prepare(ctx context.Context) error {
	db, err := sql.Open("sqlite", *database)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, `
		PRAGMA journal_mode = WAL;
		CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
		INSERT OR IGNORE INTO orders SELECT i, 'item ' || i FROM n;`)
	return err
}

type shop struct {
	db       *sql.DB
	breaker  tidegate.Breaker
	answered tidegate.Counter
}

// serve is a worker.
func serve(ctx context.Context) error {
	engine, err := tidegate.Open(config())
	if err != nil {
		return err
	}
	defer engine.Close()
	queries, err := engine.Operation("db.query", &tidegate.MetricOptions{SlowSeconds: 0.1})
	if err != nil {
		return err
	}
	db, err := sqlguard.Open("sqlite", *database+"?_pragma=busy_timeout(5000)",
		sqlguard.Options{Operation: queries, Slow: 100 * time.Millisecond})
	if err != nil {
		return err
	}
	defer db.Close()
	s := shop{db: db}
	var errs [3]error
	s.breaker, errs[0] = engine.Breaker("database", nil)
	s.answered, errs[1] = engine.Counter("orders_answered", nil)
	user, err := engine.Limiter("user", nil)
	errs[2] = err
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}

	guard, err := httpguard.NewServer(engine, httpguard.Options{
		Limiter: user,
		Key:     func(r *http.Request) string { return r.Header.Get("X-User") },
		Exempt: func(r *http.Request) bool {
			return r.URL.Path == "/metrics" || strings.HasPrefix(r.URL.Path, "/health")
		},
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", s.order)
	mux.HandleFunc("GET /broken", s.broken)
	mux.Handle("GET /metrics", httpguard.Metrics(engine))
	mux.Handle("GET /health", httpguard.Health(engine))
	mux.Handle("GET /health/", httpguard.Health(engine))

	listener, err := net.FileListener(os.NewFile(3, "socket"))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: guard.Wrap(mux), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		server.Shutdown(last)
	}()
	if err := engine.StartupDone(); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// query asks the database behind the breaker.
func (s *shop) query(ctx context.Context, text string, argument any) (string, error) {
	return tidegate.Call(ctx, s.breaker, func(ctx context.Context) (item string, err error) {
		err = s.db.QueryRowContext(ctx, text, argument).Scan(&item)
		if errors.Is(err, sql.ErrNoRows) {
			err = tidegate.Ignore(err) // no fault of the database
		}
		return item, err
	})
}

func (s *shop) order(w http.ResponseWriter, r *http.Request) {
	item, err := s.query(r.Context(), "SELECT item FROM orders WHERE id = ?", r.PathValue("id"))
	if err == nil {
		s.answered.Inc()
		fmt.Fprintf(w, "%s, from process %d\n", item, os.Getpid())
		return
	}
	s.fail(w, r, err)
}

// broken is a query that fails, to see what becomes of the others.
func (s *shop) broken(w http.ResponseWriter, r *http.Request) {
	_, err := s.query(r.Context(), "SELECT item FROM nowhere WHERE id = ?", 1)
	s.fail(w, r, err)
}

func (s *shop) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, tidegate.ErrDenied):
		httpguard.Refuse(w, r, err)
	case errors.Is(err, sql.ErrNoRows):
		http.Error(w, "no such order", http.StatusNotFound)
	default:
		http.Error(w, "the database does not answer", http.StatusInternalServerError)
	}
}
