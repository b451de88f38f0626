package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"golang.org/x/sync/errgroup"

	"github.com/imagegate/imagegate/gate/admission"
)

// serve answers until the context ends, and then what has begun.
func (f *serveFlags) serve(ctx context.Context, log *slog.Logger, handler *admission.Handler, certificates *certificates) error {
	servers, err := f.servers(log, handler, certificates)
	if err != nil {
		return err
	}
	var group errgroup.Group
	for _, s := range servers {
		log.Info("listening", "address", s.listener.Addr().String(), "for", s.what)
		group.Go(func() error {
			if err := s.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serving %s: %w", s.what, err)
			}
			return nil
		})
	}
	ended := make(chan error, 1)
	go func() { ended <- group.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	handler.Drain()
	log.Info("shutting down", "delay", f.shutdownDelay.String())
	time.Sleep(f.shutdownDelay)
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.shutdownTime)
	defer cancel()
	for _, s := range servers {
		if err := s.Shutdown(limit); err != nil {
			log.Warn("not all reviews were answered", "for", s.what, "error", err.Error())
		}
	}
	return <-ended
}

// server is one address that is listened at.
type server struct {
	*http.Server

	what     string
	listener net.Listener
}

func (f *serveFlags) servers(log *slog.Logger, handler *admission.Handler, certificates *certificates) ([]server, error) {
	reviews := otelhttp.NewHandler(f.identified(handler), "review")
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	if certificates != nil {
		listener = tls.NewListener(listener, certificates.config())
	}
	servers := []server{{newHTTPServer(reviews, log), "reviews", listener}}
	if f.probes != "" {
		listener, err := net.Listen("tcp", f.probes)
		if err != nil {
			return nil, fmt.Errorf("listening: %w", errors.Join(err, servers[0].listener.Close()))
		}
		servers = append(servers, server{newHTTPServer(handler.Probes(), log), "probes", listener})
	}
	return servers, nil
}

// newHTTPServer bounds how long anybody may take.
func newHTTPServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// identified lets nobody ask for a review who has not shown a certificate, where
// one is wanted. Probes need none.
func (f *serveFlags) identified(next http.Handler) http.Handler {
	if f.tls.clientCA == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.Method != http.MethodGet && len(request.TLS.PeerCertificates) == 0 {
			http.Error(w, "a client certificate is required", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, request)
	})
}
