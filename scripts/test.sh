#!/usr/bin/env bash
# Sets everything up, builds, runs all tests; ctest's summary comes last.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

case ${1:-} in
  -h | --help)
    cat <<'USAGE'
usage: scripts/test.sh [ctest arguments]

Sets up this machine if needed (scripts/setup.sh --help), builds and runs all tests.
  scripts/test.sh -R Archive     tests whose name has "Archive" in it
  scripts/test.sh -N             list the tests
A test that cannot run here (no GPU, no clang-format 14) is shown as skipped.
USAGE
    exit 0
    ;;
esac

"$root/scripts/setup.sh"
cd "$root"
exec ctest --preset release "$@"
