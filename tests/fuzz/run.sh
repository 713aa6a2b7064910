#!/usr/bin/env bash
# Fuzzes the parser and the readers of frames with libFuzzer (clang-14).
#
#   tests/fuzz/run.sh                  30 seconds a target, under ASan and UBSan: what CI runs
#   tests/fuzz/run.sh --seconds N      N seconds a target
#   tests/fuzz/run.sh --inputs N       N inputs a target (1000000: the long run)
#   tests/fuzz/run.sh --planted        proves that a planted crash is found; fails when it is not
#   tests/fuzz/run.sh --time [...]     without sanitizers, and no parse may take over 50 ms of CPU time
#
# CXX chooses another clang++. Findings are left in build/fuzz*/findings and named.
set -euo pipefail
cd "$(dirname "$0")/../.."

compiler=${CXX:-clang++-14}
budget=(-max_total_time=30)
planted=OFF
sanitize=address,undefined,fuzzer-no-link
folder=build/fuzz
limit_ms=0
while [[ $# -gt 0 ]]; do
  case $1 in
    --seconds) budget=(-max_total_time="$2"); shift 2 ;;
    --inputs) budget=(-runs="$2"); shift 2 ;;
    --planted) planted=ON; folder=build/fuzz-planted; shift ;;
    --time) sanitize=fuzzer-no-link; limit_ms=50; folder=build/fuzz-time; shift ;;
    *) echo "run.sh: unknown argument $1; see the head of $0" >&2; exit 2 ;;
  esac
done
command -v "$compiler" > /dev/null || { echo "run.sh: $compiler not found; install clang-14 or set CXX" >&2; exit 1; }

cmake -S . -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_COMPILER="$compiler" \
  -DBALLAST_TRAINER=OFF -DBALLAST_TESTS=OFF -DBALLAST_FUZZ=ON -DBALLAST_SANITIZE="$sanitize" \
  -DBALLAST_FUZZ_LIMIT_MS="$limit_ms" -DBALLAST_PLANTED_CRASH="$planted" > "$folder.log" 2>&1 ||
  { cat "$folder.log" >&2; exit 1; }
cmake --build "$folder" -j2 --target fuzz_parse fuzz_frame make_seeds > "$folder.log" 2>&1 ||
  { tail -30 "$folder.log" >&2; exit 1; }

mkdir -p "$folder"/findings
"$folder"/make_seeds tests/candidate/data "$folder"/seeds_parse "$folder"/seeds_frame "$folder"/words

fuzz() {  # target: 0 when nothing was found
  local target=$1 corpus=$folder/corpus_$1 seeds=$folder/seeds_${1#fuzz_}
  local words=()
  [[ $target == fuzz_parse ]] && words=(-dict="$folder"/words)
  mkdir -p "$corpus"
  # A limit of 10 s catches what hangs; sanitizers make all of it some ten times slower.
  "$folder/$target" "${budget[@]}" "${words[@]}" -max_len=16500 -timeout=10 -rss_limit_mb=2048 -seed=1 \
    -artifact_prefix="$folder"/findings/"$target"- -print_final_stats=1 "$corpus" "$seeds" > "$folder/$target.txt" 2>&1
}

status=0
for target in fuzz_parse fuzz_frame; do
  if fuzz "$target"; then
    [[ $planted == ON ]] && { echo "$target: the planted crash was not found"; status=1; }
    echo "$target: $(grep -a 'number_of_executed_units' "$folder/$target.txt" | grep -o '[0-9]*$') inputs, nothing found"
  elif [[ $planted == ON ]]; then
    grep -aq 'the planted crash' "$folder/$target.txt" && echo "$target: found the planted crash" ||
      { echo "$target: stopped, but not at the planted crash"; tail -20 "$folder/$target.txt"; status=1; }
  else
    echo "$target: FOUND SOMETHING, see $folder/$target.txt and $folder/findings" >&2
    grep -a -m 20 -E 'fuzz_|ERROR|runtime error|SUMMARY|Test unit' "$folder/$target.txt" >&2
    status=1
  fi
done
exit $status
