// Command legacy is the program of the image that is denied: it parses a header
// that an attacker sends with a version of golang.org/x/text that takes
// quadratic time for it (GO-2022-1059, CVE-2022-32149).
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"golang.org/x/text/language"
)

func main() {
	server := &http.Server{
		Addr:              ":80",
		ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
			fmt.Fprintln(w, tags, err)
		}),
	}
	if err := server.ListenAndServe(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
