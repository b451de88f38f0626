package signature

import (
	"bytes"
	"encoding/base64"
	"errors"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore/pkg/signature"
)

// seal is what was signed, and what claims to be the signatures over it.
type seal struct {
	message    []byte
	signatures [][]byte
}

func envelopeSeal(envelope *dsse.Envelope) (seal, error) {
	payload, err := envelope.DecodeB64Payload()
	if err != nil {
		return seal{}, err
	}
	s := seal{message: dsse.PAE(envelope.PayloadType, payload)}
	for _, signature := range envelope.Signatures {
		raw, err := base64.StdEncoding.DecodeString(signature.Sig)
		if err != nil {
			return seal{}, err
		}
		s.signatures = append(s.signatures, raw)
	}
	return s, nil
}

var errOtherKey = errors.New("it was not made with this key, or was changed since")

// madeWith says whether one of the signatures is by the key. It is asked before
// the libraries take log entries apart: most attachments fail here, at little
// cost and with a reason that can be understood. It replaces nothing that they
// verify.
func (s seal) madeWith(key signature.Verifier) bool {
	for _, signature := range s.signatures {
		if key.VerifySignature(bytes.NewReader(signature), bytes.NewReader(s.message)) == nil {
			return true
		}
	}
	return false
}
