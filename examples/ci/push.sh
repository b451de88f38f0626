#!/bin/sh
# A build step for any CI system: judge what was built, then push exactly that.
#
#   IMAGE   what was built: oci:DIR, oci-archive:FILE, docker-archive:FILE or docker-daemon:NAME:TAG
#   TARGET  where it goes: registry.example.com/app:1.4
#   POLICY  policy file (default: policy.yaml beside this script)
#   KEY     cosign private key to sign with; its password is in COSIGN_PASSWORD (default: no signature)
#
# Exit code 0: pushed. 1: denied. 2: usage or configuration. 3: could not be judged
# or not be pushed; the same command may be run again. Unless it is 0, the tag is
# as it was.
set -eu

here=$(dirname "$0")
exec imagegate push "$IMAGE" "$TARGET" \
  --policy "${POLICY:-$here/policy.yaml}" \
  ${KEY:+--sign-key "$KEY"} \
  -o text -o json=report.json --sbom spdx-json=sbom.spdx.json \
  --digest-file digest.txt
