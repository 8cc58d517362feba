package sqlguard_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	tidegate "github.com/tidegate/tidegate/bindings/go"
	"github.com/tidegate/tidegate/bindings/go/sqlguard"
)

// old is a driver that has nothing but what every driver has.
type old struct{ begun, closed int }

func (o *old) Open(source string) (driver.Conn, error) {
	if source == "nowhere" {
		return nil, errors.New("no such database")
	}
	return &oldConn{o}, nil
}

type oldConn struct{ *old }

func (c *oldConn) Prepare(text string) (driver.Stmt, error) {
	if text == "unclear" {
		return nil, errors.New("unclear")
	}
	return &oldStmt{text}, nil
}
func (c *oldConn) Close() error              { c.closed++; return nil }
func (c *oldConn) Begin() (driver.Tx, error) { c.begun++; return c, nil }
func (c *oldConn) Commit() error             { return nil }
func (c *oldConn) Rollback() error           { return nil }

type oldStmt struct{ text string }

func (s *oldStmt) Close() error  { return nil }
func (s *oldStmt) NumInput() int { return -1 }
func (s *oldStmt) Exec(values []driver.Value) (driver.Result, error) {
	switch s.text {
	case "fail":
		return nil, errors.New("it failed")
	case "panic":
		panic("driver")
	}
	return driver.RowsAffected(len(values)), nil
}
func (s *oldStmt) Query([]driver.Value) (driver.Rows, error) {
	if s.text == "fail" {
		return nil, errors.New("it failed")
	}
	return none{}, nil
}

type none struct{}

func (none) Columns() []string         { return []string{"a"} }
func (none) Close() error              { return nil }
func (none) Next([]driver.Value) error { return io.EOF }

var below = &old{}

func init() { sql.Register("old", below) }

func operation(t *testing.T) (*tidegate.Engine, tidegate.Operation) {
	t.Helper()
	engine, err := tidegate.Open(tidegate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	o, err := engine.Operation("db.query", nil)
	if err != nil {
		t.Fatal(err)
	}
	return engine, o
}

func read(t *testing.T, o tidegate.Operation) (successes, failures, ignored uint64) {
	t.Helper()
	reading, err := o.Read(0)
	if err != nil {
		t.Fatal(err)
	}
	return reading.Successes, reading.Failures, reading.Ignored
}

func TestADriverThatHasNothingMore(t *testing.T) {
	_, o := operation(t)
	db, err := sqlguard.Open("old", "here", sqlguard.Options{Operation: o})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := t.Context()
	done, err := db.ExecContext(ctx, "insert", 1, "two")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := done.RowsAffected(); n != 2 || err != nil {
		t.Error(n, err)
	}
	rows, err := db.QueryContext(ctx, "select")
	if err != nil {
		t.Fatal(err)
	}
	if rows.Next() || rows.Err() != nil || rows.Close() != nil {
		t.Error("the driver has no rows")
	}
	if _, err := db.ExecContext(ctx, "fail"); err == nil || err.Error() != "it failed" {
		t.Error(err)
	}
	if _, err := db.QueryContext(ctx, "fail"); err == nil {
		t.Error("no error")
	}
	if _, err := db.PrepareContext(ctx, "unclear"); err == nil {
		t.Error("no error")
	}
	if _, err := db.ExecContext(ctx, "insert", sql.Named("a", 1)); err == nil || !strings.Contains(err.Error(), "named") {
		t.Error("named arguments:", err)
	}
	if err := db.PingContext(ctx); err != nil {
		t.Error(err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil || below.begun == 0 {
		t.Fatal(err)
	}
	if _, err := tx.Exec("insert"); err != nil {
		t.Error(err)
	}
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
	if _, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}); err == nil {
		t.Error("the driver has no read-only transactions, and nobody says so")
	}
	if successes, failures, ignored := read(t, o); successes != 3 || failures < 2 || ignored != 0 {
		t.Error(successes, failures, ignored)
	}
}

func TestSlowStatementsAreListedWithTheirTextAndWithoutArguments(t *testing.T) {
	engine, o := operation(t)
	db, err := sqlguard.Open("old", "here", sqlguard.Options{Operation: o, Slow: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("insert into t values (?)", "hunter2"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("fail"); err == nil {
		t.Error("no error")
	}
	snapshot, err := engine.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	text, err := snapshot.Render(tidegate.JSON)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"insert into t values (?)", "it failed"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in the snapshot", want)
		}
	}
	if strings.Contains(string(text), "hunter2") {
		t.Error("an argument is in the snapshot")
	}
}

func TestWhatGoesWrongAroundADatabase(t *testing.T) {
	engine, o := operation(t)
	if _, err := sqlguard.Open("unheard of", "", sqlguard.Options{}); err == nil {
		t.Error("no error")
	}
	lost, err := sqlguard.Open("old", "nowhere", sqlguard.Options{Operation: o})
	if err != nil {
		t.Fatal(err)
	}
	defer lost.Close()
	if err := lost.Ping(); err == nil || err.Error() != "no such database" {
		t.Error(err)
	}
	db, err := sqlguard.Open("old", "here", sqlguard.Options{Operation: o, Slow: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.ExecContext(cancelled, "insert"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the driver's panic is lost")
			}
		}()
		db.Exec("panic")
	}()
	if _, failures, _ := read(t, o); failures != 1 {
		t.Errorf("%d failures: a panic is one", failures)
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("insert"); err != nil {
		t.Error("a closed engine stops a database:", err)
	}
	unrecorded, err := sqlguard.Open("old", "here", sqlguard.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer unrecorded.Close()
	if _, err := unrecorded.Exec("insert"); err != nil {
		t.Error("without an operation nothing is recorded, no more:", err)
	}
}
