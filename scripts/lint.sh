#!/usr/bin/env bash
# Runs clang-tidy 14 (.clang-tidy) over our sources.
#   scripts/lint.sh            everything but the trainer (whose headers cost minutes)
#   scripts/lint.sh FOLDER...  these folders
# Needs a configured build/release. Exits 77 where there is no clang-tidy 14.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tool=
for name in clang-tidy-14 clang-tidy; do
  if command -v "$name" >/dev/null && "$name" --version | grep -q 'version 14\.'; then
    tool=$name
    break
  fi
done
[[ -n $tool ]] || { echo "lint: no clang-tidy 14 here (package clang-tidy-14)" >&2; exit 77; }
[[ -f build/release/compile_commands.json ]] || { echo "lint: run scripts/setup.sh first" >&2; exit 2; }

folders=("$@")
[[ $# != 0 ]] || folders=(common candidate corpus population evaluator orchestrator)
find "${folders[@]}" -name '*.cpp' -print0 | sort -z |
  xargs -0 -n 4 -P "$(nproc)" "$tool" -p build/release --quiet 2> >(grep -v 'warnings generated' >&2)
