package admission

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"sigs.k8s.io/json"
)

// readBody reads the body of a request, when it is its turn: only so many are in
// memory at once. The turn ends when the call knows what is asked.
func (h *Handler) readBody(c *call, w http.ResponseWriter, request *http.Request) (body []byte, err error) {
	select {
	case h.bodies <- struct{}{}:
		c.decoded = sync.OnceFunc(func() { <-h.bodies })
	case <-c.ctx.Done():
		return nil, errors.New("too many reviews arrive at once")
	}
	body, err = io.ReadAll(http.MaxBytesReader(w, request.Body, h.limits.BodyBytes))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		err = fmt.Errorf("the review is larger than %d bytes", h.limits.BodyBytes)
	}
	return body, err
}

// unmarshal decodes an object of the API: names of fields in their own case, each
// once. Fields that are not known are those of a newer API server; where images
// are named has not changed in them.
func unmarshal(data []byte, into any) error {
	return strictly(data, into, json.DisallowDuplicateFields)
}

// unmarshalClosed decodes what has no fields but those that are known: a new one
// might name an image.
func unmarshalClosed(data []byte, into any) error {
	return strictly(data, into, json.DisallowDuplicateFields, json.DisallowUnknownFields)
}

func strictly(data []byte, into any, options ...json.StrictOption) error {
	faults, err := json.UnmarshalStrict(data, into, options...)
	if err != nil {
		return errors.New(printable(clip(err.Error(), maxMessage)))
	}
	if len(faults) > 0 {
		return errors.New(printable(clip(faults[0].Error(), maxMessage)))
	}
	return nil
}
