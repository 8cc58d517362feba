package grpc_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	tidegate "github.com/tidegate/tidegate/bindings/go"
	guard "github.com/tidegate/tidegate/bindings/go/grpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

type service struct {
	grpc_health_v1.UnimplementedHealthServer
	err error
}

func (s *service) Check(context.Context, *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, s.err
}

func (s *service) Watch(_ *grpc_health_v1.HealthCheckRequest, stream grpc.ServerStreamingServer[grpc_health_v1.HealthCheckResponse]) error {
	return stream.Send(&grpc_health_v1.HealthCheckResponse{})
}

// called is a client of a server of this service, over loopback.
func called(t *testing.T, s grpc_health_v1.HealthServer, client grpc.DialOption, server ...grpc.ServerOption) grpc_health_v1.HealthClient {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving := grpc.NewServer(server...)
	grpc_health_v1.RegisterHealthServer(serving, s)
	go serving.Serve(listener)
	t.Cleanup(serving.Stop)
	connection, err := grpc.NewClient(listener.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()), client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return grpc_health_v1.NewHealthClient(connection)
}

func TestCallsAreRecordedLimitedAndBroken(t *testing.T) {
	engine, err := tidegate.Open(tidegate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	limiter, err := engine.Limiter("rpc", &tidegate.LimiterConfig{Rate: 0.01, Burst: 8, Keyed: true})
	if err != nil {
		t.Fatal(err)
	}
	breaker, err := engine.Breaker("rpc", &tidegate.BreakerConfig{FailureRate: 0.5, MinimumCalls: 4, Open: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	inside := guard.New(engine, guard.Guards{Limiter: limiter, Key: func(context.Context, string) string { return "all" }})
	outside := guard.New(engine, guard.Guards{Breaker: breaker})

	s := &service{}
	client := called(t, s, grpc.WithUnaryInterceptor(outside.UnaryClient),
		grpc.UnaryInterceptor(inside.UnaryServer), grpc.StreamInterceptor(inside.StreamServer))
	check := func() codes.Code {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		return status.Code(err)
	}
	want := func(want codes.Code) {
		t.Helper()
		if got := check(); got != want {
			t.Errorf("want %v, got %v", want, got)
		}
	}

	want(codes.OK)
	s.err = status.Error(codes.NotFound, "no such service")
	want(codes.NotFound) // the caller's mistake: the breaker does not count it
	stream, err := client.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Error(err)
	}
	s.err = status.Error(codes.Internal, "out of order")
	for range 5 {
		check()
	}
	want(codes.Unavailable) // the breaker is open
	if err := breaker.SetMode(tidegate.BreakerDisabled); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		check()
	}
	want(codes.ResourceExhausted)

	method := &tidegate.MetricOptions{Labels: map[string]string{"rpc_method": grpc_health_v1.Health_Check_FullMethodName}}
	operation, err := engine.Operation("rpc.client", method)
	if err != nil {
		t.Fatal(err)
	}
	reading, err := operation.Read(0)
	if err != nil || reading.Successes != 1 || reading.Ignored != 1 || reading.Failures < 3 {
		t.Error(reading, err)
	}
}

// Streams are called behind the same guards, and are one call each, however they end.
func TestStreamsOfAClient(t *testing.T) {
	engine, err := tidegate.Open(tidegate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	bulkhead, err := engine.Bulkhead("rpc", &tidegate.BulkheadConfig{MaxConcurrent: 1})
	if err != nil {
		t.Fatal(err)
	}
	breaker, err := engine.Breaker("rpc", &tidegate.BreakerConfig{FailureRate: 0.5, MinimumCalls: 2, Open: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	outside := guard.New(engine, guard.Guards{Bulkhead: bulkhead, Breaker: breaker})
	s := &watched{answers: make(chan error), left: make(chan bool, 8)}
	client := called(t, s, grpc.WithStreamInterceptor(outside.StreamClient))
	watch := func(ctx context.Context) grpc.ServerStreamingClient[grpc_health_v1.HealthCheckResponse] {
		t.Helper()
		stream, err := client.Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return stream
	}
	inUse := func() uint64 {
		reading, err := bulkhead.Read()
		if err != nil {
			t.Fatal(err)
		}
		return reading.InUse
	}

	stream := watch(t.Context())
	s.answers <- nil
	if _, err := stream.Recv(); err != nil {
		t.Error(err)
	}
	if inUse() != 1 {
		t.Error("a stream that goes on holds its place")
	}
	if _, err := client.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{}); status.Code(err) != codes.Unavailable {
		t.Error("there was room for a second stream:", err)
	}
	s.answers <- io.EOF
	if _, err := stream.Recv(); err != io.EOF || inUse() != 0 {
		t.Error(err, inUse())
	}
	<-s.left

	ctx, cancel := context.WithCancel(t.Context())
	stream = watch(ctx)
	s.answers <- nil // the server has it
	if _, err := stream.Recv(); err != nil {
		t.Error(err)
	}
	cancel() // and nobody receives any more
	for deadline := time.Now().Add(time.Minute); inUse() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the place of a cancelled stream does not come back")
		}
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
		t.Error(err)
	}
	<-s.left

	stream = watch(t.Context())
	s.answers <- status.Error(codes.Internal, "out of order")
	if _, err := stream.Recv(); status.Code(err) != codes.Internal || inUse() != 0 {
		t.Error(err, inUse())
	}
	operation, err := engine.Operation("rpc.client", &tidegate.MetricOptions{
		Labels: map[string]string{"rpc_method": grpc_health_v1.Health_Watch_FullMethodName}})
	if err != nil {
		t.Fatal(err)
	}
	reading, err := operation.Read(0)
	if err != nil || reading.Successes != 1 || reading.Ignored != 1 || reading.Failures != 1 {
		t.Errorf("%+v %v", reading, err)
	}
	if phase, err := breaker.Phase(); err != nil || phase != tidegate.BreakerOpen {
		t.Error("one of two that counted failed, and the breaker is", phase, err)
	}
	if _, err := client.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{}); status.Code(err) != codes.Unavailable {
		t.Error(err)
	}
	if inUse() != 0 {
		t.Error("what the breaker refused holds a place")
	}
}

// watched sends a message for each nil, and ends with anything else.
type watched struct {
	grpc_health_v1.UnimplementedHealthServer
	answers chan error
	left    chan bool // one for each stream that ended here
}

func (s *watched) Watch(_ *grpc_health_v1.HealthCheckRequest, stream grpc.ServerStreamingServer[grpc_health_v1.HealthCheckResponse]) error {
	defer func() { s.left <- true }()
	for {
		select {
		case err := <-s.answers:
			if err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			if err := stream.Send(&grpc_health_v1.HealthCheckResponse{}); err != nil {
				return err
			}
		case <-stream.Context().Done():
			return nil
		}
	}
}
