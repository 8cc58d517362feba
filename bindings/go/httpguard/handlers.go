package httpguard

import (
	"net/http"
	"strings"

	tidegate "github.com/tidegate/tidegate/bindings/go"
)

// Metrics answers with everything that the region holds, of all processes: as Prometheus text, or as
// OpenMetrics or JSON for those who accept that.
func Metrics(engine *tidegate.Engine) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		format := tidegate.Prometheus
		switch accept := r.Header.Get("Accept"); {
		case strings.Contains(accept, "application/openmetrics-text"):
			format = tidegate.OpenMetrics
		case strings.HasPrefix(accept, "application/json"):
			format = tidegate.JSON
		}
		snapshot, err := engine.Snapshot()
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		defer snapshot.Close()
		text, err := snapshot.Render(format)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", format.ContentType())
		w.Write(text)
	})
}

// Health answers probes: /live, /ready and /startup below its path, and the whole picture anywhere
// else, as application/health+json. The status is what the engine says.
//
//	mux.Handle("/health", httpguard.Health(engine))
//	mux.Handle("/health/", httpguard.Health(engine))
func Health(engine *tidegate.Engine) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		probe, brief := tidegate.Readiness, true
		switch {
		case strings.HasSuffix(r.URL.Path, "/live"):
			probe = tidegate.Liveness
		case strings.HasSuffix(r.URL.Path, "/ready"):
		case strings.HasSuffix(r.URL.Path, "/startup"):
			probe = tidegate.Startup
		default:
			brief = false
		}
		health, status, err := engine.Health(probe)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		if brief {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			w.Write([]byte(`{"status":"` + health.String() + `"}` + "\n"))
			return
		}
		snapshot, err := engine.Snapshot()
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		defer snapshot.Close()
		text, err := snapshot.Render(tidegate.HealthJSON)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", tidegate.HealthJSON.ContentType())
		w.WriteHeader(status)
		w.Write(text)
	})
}
