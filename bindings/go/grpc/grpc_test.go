package grpc_test

import (
	"context"
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

func TestCallsAreRecordedLimitedAndBroken(t *testing.T) {
	engine, err := tidegate.Open(tidegate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
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
	server := grpc.NewServer(grpc.UnaryInterceptor(inside.UnaryServer), grpc.StreamInterceptor(inside.StreamServer))
	grpc_health_v1.RegisterHealthServer(server, s)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(listener)
	defer server.Stop()
	connection, err := grpc.NewClient(listener.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithUnaryInterceptor(outside.UnaryClient))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	client := grpc_health_v1.NewHealthClient(connection)
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
