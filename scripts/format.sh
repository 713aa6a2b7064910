#!/usr/bin/env bash
# Formats our C++ sources with clang-format 14.
#   scripts/format.sh            rewrites files
#   scripts/format.sh --check    changes nothing; exits 1 and names the lines that differ
# Exits 77 where there is no clang-format 14 (other versions format differently).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tool=
for name in clang-format-14 clang-format; do
  if command -v "$name" >/dev/null && "$name" --version | grep -q 'version 14\.'; then
    tool=$name
    break
  fi
done
[[ -n $tool ]] || { echo "format: no clang-format 14 here (package clang-format-14)" >&2; exit 77; }

mapfile -t files < <(find common candidate corpus population prompts evaluator orchestrator kernels trainer tests \
  \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' \) 2>/dev/null | sort)
if [[ ${1:-} == --check ]]; then
  exec "$tool" --dry-run --Werror "${files[@]}"
fi
exec "$tool" -i "${files[@]}"
