package gatetest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// WithBasicAuth makes the registry ask for a name and a password on every
// request (RFC 7617).
func WithBasicAuth(user, password string) RegistryOption {
	return func(s *registrySetup) {
		s.guard = func(_ string, next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
				if u, p, ok := request.BasicAuth(); ok && u == user && p == password {
					next.ServeHTTP(w, request)
					return
				}
				challenge(w, request, `Basic realm="gatetest"`)
			})
		}
	}
}

// Token is what the token service of WithTokenAuth hands out.
const Token = "gatetest-secret-token"

// WithTokenAuth makes the registry ask for a bearer token that its own token
// service gives for a name and a password (the distribution token protocol).
func WithTokenAuth(user, password string) RegistryOption {
	return func(s *registrySetup) {
		s.guard = func(host string, next http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.HandleFunc("/token", giveToken(user, password))
			mux.HandleFunc("/", func(w http.ResponseWriter, request *http.Request) {
				if request.Header.Get("Authorization") == "Bearer "+Token {
					next.ServeHTTP(w, request)
					return
				}
				challenge(w, request, fmt.Sprintf(`Bearer realm="http://%s/token",service="gatetest"`, host))
			})
			return mux
		}
	}
}

func giveToken(user, password string) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		if u, p, ok := request.BasicAuth(); !ok || u != user || p != password {
			Status(http.StatusUnauthorized)(w, request, nil)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"token": Token})
	}
}

func challenge(w http.ResponseWriter, request *http.Request, how string) {
	w.Header().Set("WWW-Authenticate", how)
	Status(http.StatusUnauthorized)(w, request, nil)
}
