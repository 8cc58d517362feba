// Package grpc puts tidegate around gRPC: interceptors that record, limit and break calls of servers
// and clients. It is a module of its own, so that tidegate itself needs nothing.
package grpc

import (
	"context"
	"errors"
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
	if i.guards.Limiter != (tidegate.Limiter{}) {
		key := method
		if i.guards.Key != nil {
			key = i.guards.Key(ctx, method)
		}
		if err := i.guards.Limiter.Key(key).Wait(ctx); err != nil {
			return refused(err)
		}
	}
	return i.guarded(ctx, "rpc.client", method, func() error {
		return invoke(ctx, method, request, reply, connection, options...)
	})
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
	return i.guarded(ctx, "rpc.server", method, call)
}

func address(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		return p.Addr.String()
	}
	return ""
}

// guarded calls behind bulkhead and breaker, and records how it went, also when it panics.
func (i *Interceptors) guarded(ctx context.Context, name, method string, call func() error) (err error) {
	if i.guards.Bulkhead != (tidegate.Bulkhead{}) {
		place, err := i.guards.Bulkhead.Enter()
		if err != nil {
			return refused(err)
		}
		defer place.Leave()
	}
	var permit tidegate.BreakerPermit
	if i.guards.Breaker != (tidegate.Breaker{}) {
		if permit, err = i.guards.Breaker.Acquire(); err != nil {
			return refused(err)
		}
	}
	start := time.Now()
	outcome, code := tidegate.Failure, "panic"
	defer func() {
		took := time.Since(start)
		if permit != (tidegate.BreakerPermit{}) {
			permit.Report(outcome, took)
		}
		if operation, err := i.operation(name, method); err == nil {
			operation.Record(took, outcome, code)
		}
	}()
	err = call()
	outcome, code = ended(err)
	return err
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

// refused is a denial as a status; any other error is passed on.
func refused(err error) error {
	var denied *tidegate.Denied
	if !errors.As(err, &denied) {
		return err
	}
	code := codes.Unavailable
	if denied.Guard == "limiter" {
		code = codes.ResourceExhausted
	}
	return status.Error(code, denied.Error())
}
