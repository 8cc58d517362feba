// Package sqlguard records what a program asks of its database: every query and statement as a call
// of one operation, the slow ones with their text, whatever driver is below.
package sqlguard

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"time"

	tidegate "github.com/tidegate/tidegate/bindings/go"
)

// Options says how calls are recorded.
type Options struct {
	// Operation is what calls are recorded as.
	Operation tidegate.Operation
	// Slow is from when on a call is recorded with its text, without its arguments: for the list of
	// the slowest calls. 0 is never.
	Slow time.Duration
}

// Open is sql.Open, with every call recorded.
func Open(driverName, source string, options Options) (*sql.DB, error) {
	db, err := sql.Open(driverName, source)
	if err != nil {
		return nil, err
	}
	below := db.Driver()
	if err := db.Close(); err != nil {
		return nil, err
	}
	if d, ok := below.(driver.DriverContext); ok {
		inner, err := d.OpenConnector(source)
		if err != nil {
			return nil, err
		}
		return sql.OpenDB(Connector(inner, options)), nil
	}
	return sql.OpenDB(Connector(&plain{below, source}, options)), nil
}

// Connector records every call of the connections that inner makes: for sql.OpenDB.
func Connector(inner driver.Connector, options Options) driver.Connector {
	return &connector{inner, &options}
}

// plain connects with a driver that has no connectors.
type plain struct {
	driver driver.Driver
	source string
}

func (p *plain) Connect(context.Context) (driver.Conn, error) { return p.driver.Open(p.source) }
func (p *plain) Driver() driver.Driver                        { return p.driver }

type connector struct {
	driver.Connector
	options *Options
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{inner, c.options}, nil
}

// Close closes a connector that can be closed.
func (c *connector) Close() error {
	if closer, ok := c.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// record records one call that began at start. What the driver refused to do itself is none.
func (o *Options) record(start time.Time, text string, err error) {
	if errors.Is(err, driver.ErrSkip) {
		return
	}
	took := time.Since(start)
	outcome, code := tidegate.OutcomeOf(err), tidegate.CodeOf(err)
	if o.Slow > 0 && took >= o.Slow {
		detail := tidegate.CallDetail{Outcome: outcome, Code: code, Detail: text}
		if err != nil {
			detail.Message = err.Error()
		}
		if o.Operation.RecordDetail(took, detail) == nil {
			return
		}
	}
	o.Operation.Record(took, outcome, code)
}

// call makes a call of the driver and records it, also when it panics.
func (o *Options) call(text string, f func() error) error {
	start := time.Now()
	ended := false
	defer func() {
		if !ended {
			o.Operation.Record(time.Since(start), tidegate.Failure, "panic")
		}
	}()
	err := f()
	ended = true
	o.record(start, text, err)
	return err
}

// conn has every optional interface, and falls back as database/sql does where inner lacks one.
type conn struct {
	driver.Conn
	options *Options
}

func (c *conn) QueryContext(ctx context.Context, text string, arguments []driver.NamedValue) (rows driver.Rows, err error) {
	inner, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	err = c.options.call(text, func() (err error) {
		rows, err = inner.QueryContext(ctx, text, arguments)
		return err
	})
	return rows, err
}

func (c *conn) ExecContext(ctx context.Context, text string, arguments []driver.NamedValue) (done driver.Result, err error) {
	inner, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	err = c.options.call(text, func() (err error) {
		done, err = inner.ExecContext(ctx, text, arguments)
		return err
	})
	return done, err
}

func (c *conn) Prepare(text string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), text)
}

func (c *conn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	var inner driver.Stmt
	var err error
	if preparer, ok := c.Conn.(driver.ConnPrepareContext); ok {
		inner, err = preparer.PrepareContext(ctx, text)
	} else {
		inner, err = c.Conn.Prepare(text)
	}
	if err != nil {
		return nil, err
	}
	return &stmt{inner, c, text}, nil
}

func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if inner, ok := c.Conn.(driver.ConnBeginTx); ok {
		return inner.BeginTx(ctx, options)
	}
	if options != (driver.TxOptions{}) {
		return nil, errors.New("sqlguard: the driver has no isolation levels and no read-only transactions")
	}
	//lint:ignore SA1019 it is all that such a driver has
	return c.Conn.Begin()
}

func (c *conn) Ping(ctx context.Context) error {
	if inner, ok := c.Conn.(driver.Pinger); ok {
		return inner.Ping(ctx)
	}
	return nil
}

func (c *conn) ResetSession(ctx context.Context) error {
	if inner, ok := c.Conn.(driver.SessionResetter); ok {
		return inner.ResetSession(ctx)
	}
	return nil
}

func (c *conn) IsValid() bool {
	inner, ok := c.Conn.(driver.Validator)
	return !ok || inner.IsValid()
}

func (c *conn) CheckNamedValue(value *driver.NamedValue) error {
	if inner, ok := c.Conn.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(value)
	}
	return driver.ErrSkip
}

type stmt struct {
	driver.Stmt
	conn *conn
	text string
}

func (s *stmt) QueryContext(ctx context.Context, arguments []driver.NamedValue) (rows driver.Rows, err error) {
	err = s.conn.options.call(s.text, func() (err error) {
		if inner, ok := s.Stmt.(driver.StmtQueryContext); ok {
			rows, err = inner.QueryContext(ctx, arguments)
			return err
		}
		values, err := valuesOf(arguments)
		if err != nil {
			return err
		}
		//lint:ignore SA1019 it is all that such a driver has
		rows, err = s.Stmt.Query(values)
		return err
	})
	return rows, err
}

func (s *stmt) ExecContext(ctx context.Context, arguments []driver.NamedValue) (done driver.Result, err error) {
	err = s.conn.options.call(s.text, func() (err error) {
		if inner, ok := s.Stmt.(driver.StmtExecContext); ok {
			done, err = inner.ExecContext(ctx, arguments)
			return err
		}
		values, err := valuesOf(arguments)
		if err != nil {
			return err
		}
		//lint:ignore SA1019 it is all that such a driver has
		done, err = s.Stmt.Exec(values)
		return err
	})
	return done, err
}

func (s *stmt) CheckNamedValue(value *driver.NamedValue) error {
	if inner, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(value)
	}
	return s.conn.CheckNamedValue(value)
}

func valuesOf(arguments []driver.NamedValue) ([]driver.Value, error) {
	values := make([]driver.Value, len(arguments))
	for i, argument := range arguments {
		if argument.Name != "" {
			return nil, errors.New("sqlguard: the driver has no named arguments")
		}
		values[i] = argument.Value
	}
	return values, nil
}
