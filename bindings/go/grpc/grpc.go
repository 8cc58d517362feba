// Package grpc puts tidegate around gRPC: interceptors that record, limit and break calls of servers
// and clients. It is a module of its own, so that tidegate itself needs nothing.
package grpc

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	tidegate "github.com/tidegate/tidegate/bindings/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// Guards says what interceptors do beside recording. The zero value only records.
type Guards struct {
	// Limiter is asked before each call, for what Key returns: a limiter with keys. On a client it is
	// waited for, as long as the call's context allows.
	Limiter tidegate.Limiter
	// Key is whose limit a call counts against; nil is the peer's address on a server, and the method
	// on a client.
	Key func(ctx context.Context, method string) string
	// Bulkhead bounds how many calls are in flight.
	Bulkhead tidegate.Bulkhead
	// Breaker is told how each call ended.
	Breaker tidegate.Breaker
}

// Interceptors guard calls and record each as an operation, rpc.server or rpc.client, by method.
// ResourceExhausted is the status of a limiter's denial, Unavailable that of another guard's.
type Interceptors struct {
	engine  *tidegate.Engine
	guards  Guards
	methods sync.Map // operations by name and method
}

// New makes interceptors.
func New(engine *tidegate.Engine, guards Guards) *Interceptors {
	return &Interceptors{engine: engine, guards: guards}
}

// UnaryServer is a grpc.UnaryServerInterceptor.
func (i *Interceptors) UnaryServer(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (reply any, err error) {
	err = i.serve(ctx, info.FullMethod, func() (err error) {
		reply, err = handler(ctx, request)
		return err
	})
	return reply, err
}

// StreamServer is a grpc.StreamServerInterceptor. A stream is one call.
func (i *Interceptors) StreamServer(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return i.serve(stream.Context(), info.FullMethod, func() error { return handler(service, stream) })
}

// UnaryClient is a grpc.UnaryClientInterceptor.
func (i *Interceptors) UnaryClient(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if err := i.wait(ctx, method); err != nil {
		return err
	}
	return i.guarded("rpc.client", method, func() error {
		return invoke(ctx, method, request, reply, connection, options...)
	})
}

// StreamClient is a grpc.StreamClientInterceptor. A stream is one call: it ends with the error that
// RecvMsg returns, with the answer where there is only one, or with its context.
func (i *Interceptors) StreamClient(ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	if err := i.wait(ctx, method); err != nil {
		return nil, err
	}
	call, err := i.begin("rpc.client", method)
	if err != nil {
		return nil, err
	}
	opened := false
	defer func() {
		if !opened { // by a panic
			call.end(tidegate.Failure, "panic")
		}
	}()
	inner, err := open(ctx, description, connection, method, options...)
	opened = true
	if err != nil {
		call.end(ended(err))
		return nil, err
	}
	s := &clientStream{ClientStream: inner, call: call, one: !description.ServerStreams}
	s.stop = context.AfterFunc(ctx, func() { s.finish(status.FromContextError(ctx.Err()).Err()) })
	return s, nil
}

// clientStream reports its call once.
type clientStream struct {
	grpc.ClientStream
	call call
	one  bool // one answer is all there is
	once sync.Once
	stop func() bool
}

func (s *clientStream) RecvMsg(message any) error {
	err := s.ClientStream.RecvMsg(message)
	switch {
	case errors.Is(err, io.EOF):
		s.finish(nil)
	case err != nil || s.one:
		s.finish(err)
	}
	return err
}

func (s *clientStream) finish(err error) {
	s.once.Do(func() { s.call.end(ended(err)) })
	if s.stop != nil {
		s.stop()
	}
}

// wait waits for the limiter of a client.
func (i *Interceptors) wait(ctx context.Context, method string) error {
	if i.guards.Limiter == (tidegate.Limiter{}) {
		return nil
	}
	key := method
	if i.guards.Key != nil {
		key = i.guards.Key(ctx, method)
	}
	err := i.guards.Limiter.Key(key).Wait(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Err()
	case errors.Is(err, tidegate.ErrDenied):
		return refused(err)
	default: // a limiter that cannot be asked (the engine was closed) stops nobody
		return nil
	}
}

func (i *Interceptors) serve(ctx context.Context, method string, call func() error) error {
	if i.guards.Limiter != (tidegate.Limiter{}) {
		key := address(ctx)
		if i.guards.Key != nil {
			key = i.guards.Key(ctx, method)
		}
		// A limiter that cannot be asked (the engine was closed) stops nobody.
		if decision, err := i.guards.Limiter.Key(key).Check(1); err == nil && !decision.Allowed {
			return refused(&tidegate.Denied{Guard: "limiter", RetryAfter: decision.RetryAfter})
		}
	}
	return i.guarded("rpc.server", method, call)
}

func address(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		return p.Addr.String()
	}
	return ""
}

// guarded calls behind bulkhead and breaker, and records how it went, also when it panics.
func (i *Interceptors) guarded(name, method string, f func() error) error {
	call, err := i.begin(name, method)
	if err != nil {
		return err
	}
	outcome, code := tidegate.Failure, "panic"
	defer func() { call.end(outcome, code) }()
	err = f()
	outcome, code = ended(err)
	return err
}

// call is a call that the guards let go on.
type call struct {
	i            *Interceptors
	name, method string
	start        time.Time
	place        tidegate.BulkheadPermit
	permit       tidegate.BreakerPermit
}

// begin asks bulkhead and breaker. As with the limiter, one that cannot be asked stops nobody.
func (i *Interceptors) begin(name, method string) (call, error) {
	c := call{i: i, name: name, method: method}
	var err error
	if i.guards.Bulkhead != (tidegate.Bulkhead{}) {
		if c.place, err = i.guards.Bulkhead.Enter(); errors.Is(err, tidegate.ErrDenied) {
			return c, refused(err)
		}
	}
	if i.guards.Breaker != (tidegate.Breaker{}) {
		if c.permit, err = i.guards.Breaker.Acquire(); errors.Is(err, tidegate.ErrDenied) {
			c.leave()
			return c, refused(err)
		}
	}
	c.start = time.Now()
	return c, nil
}

func (c *call) leave() {
	if c.place != (tidegate.BulkheadPermit{}) {
		c.place.Leave()
	}
}

// end gives back what the call held, and records it.
func (c *call) end(outcome tidegate.Outcome, code string) {
	took := time.Since(c.start)
	c.leave()
	if c.permit != (tidegate.BreakerPermit{}) {
		c.permit.Report(outcome, took)
	}
	if operation, err := c.i.operation(c.name, c.method); err == nil {
		operation.Record(took, outcome, code)
	}
}

func (i *Interceptors) operation(name, method string) (tidegate.Operation, error) {
	key := [2]string{name, method}
	if found, ok := i.methods.Load(key); ok {
		return found.(tidegate.Operation), nil
	}
	operation, err := i.engine.Operation(name, &tidegate.MetricOptions{Labels: map[string]string{"rpc_method": method}})
	if err == nil {
		i.methods.Store(key, operation)
	}
	return operation, err
}

// ended is the outcome and the code of a call. What the caller did wrong is ignored: it says nothing
// of how the server is.
func ended(err error) (tidegate.Outcome, string) {
	switch code := status.Code(err); code {
	case codes.OK:
		return tidegate.Success, ""
	case codes.Canceled, codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied,
		codes.FailedPrecondition, codes.Aborted, codes.OutOfRange, codes.Unauthenticated:
		return tidegate.Ignored, code.String()
	default:
		return tidegate.Failure, code.String()
	}
}

// refused is a denial as a status.
func refused(err error) error {
	code := codes.Unavailable
	var denied *tidegate.Denied
	if errors.As(err, &denied) && denied.Guard == "limiter" {
		code = codes.ResourceExhausted
	}
	return status.Error(code, err.Error())
}
