package policy

import "slices"

// independent is how many signers have signed one of these digests if nobody counts
// twice: an identity that two signers of the policy match (one by name, one by a
// pattern) is one of them, whichever of the two helps the image more. It is the size
// of a maximum matching between signers and those who signed.
func (q *question) independent(digests ...string) int {
	signed := q.whoSigned(digests)
	takenBy := map[string]string{} // the signer that an identity counts for
	count := 0
	for signer := range signed {
		if place(signer, signed, takenBy, map[string]bool{}) {
			count++
		}
	}
	return count
}

// place finds an identity to count for a signer, moving other signers to another of
// theirs where that is needed (Kuhn's algorithm).
func place(signer string, signed map[string][]string, takenBy map[string]string, tried map[string]bool) bool {
	for _, identity := range signed[signer] {
		if tried[identity] {
			continue
		}
		tried[identity] = true
		if other, taken := takenBy[identity]; !taken || place(other, signed, takenBy, tried) {
			takenBy[identity] = signer
			return true
		}
	}
	return false
}

// whoSigned are the identities of valid signatures of digests by the policy's signers.
// No two signers have one key, so a key is as good as its signer's name.
func (q *question) whoSigned(digests []string) map[string][]string {
	names := signerNames(q.policy.Signatures.Signers)
	signed := map[string][]string{}
	for _, s := range q.evidence.Signatures {
		if s.SubjectDigest == "" || !slices.Contains(digests, s.SubjectDigest) || !slices.Contains(names, s.Signer) {
			continue
		}
		identity := "identity " + s.Issuer + "\x00" + s.Identity
		if s.Identity == "" {
			identity = "signer " + s.Signer
		}
		if !slices.Contains(signed[s.Signer], identity) {
			signed[s.Signer] = append(signed[s.Signer], identity)
		}
	}
	return signed
}
