package main

import (
	"context"
	"path/filepath"
	"testing"

	tidegate "github.com/tidegate/tidegate/bindings/go"
	"github.com/tidegate/tidegate/bindings/go/sqlguard"
)

func TestEveryStatementIsRecorded(t *testing.T) {
	engine, err := tidegate.Open(tidegate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	operation, err := engine.Operation("db.query", nil)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlguard.Open("sqlite", filepath.Join(t.TempDir(), "db"), sqlguard.Options{Operation: operation, Slow: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(text string, arguments ...any) {
		t.Helper()
		if _, err := db.Exec(text, arguments...); err != nil {
			t.Error(err)
		}
	}
	exec("CREATE TABLE t (a INTEGER, b TEXT)")
	exec("INSERT INTO t VALUES (?, ?)", 1, "one")
	insert, err := db.Prepare("INSERT INTO t VALUES (?, ?)")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := insert.Exec(2, "two"); err != nil {
		t.Error(err)
	}
	insert.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var count int
	if err := tx.QueryRow("SELECT count(*) FROM t").Scan(&count); err != nil || count != 2 {
		t.Error(count, err)
	}
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
	if _, err := db.Query("SELECT nothing"); err == nil {
		t.Error("no error")
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.PingContext(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := db.QueryContext(cancelled, "SELECT 1"); err == nil {
		t.Error("no error")
	}
	reading, err := operation.Read(0)
	if err != nil || reading.Successes != 4 || reading.Failures != 1 {
		t.Errorf("%+v %v", reading, err)
	}
}
