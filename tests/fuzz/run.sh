#!/usr/bin/env bash
# Fuzzes the parser, the readers of frames and the reader of model replies with libFuzzer (clang-14).
#
#   tests/fuzz/run.sh                  30 seconds a target under ASan and UBSan, then proves that a planted
#                                      crash is found: what CI runs
#   tests/fuzz/run.sh --seconds N      N seconds a target
#   tests/fuzz/run.sh --inputs N       N inputs a target (1000000: the long run)
#   tests/fuzz/run.sh --planted        only the proof
#   tests/fuzz/run.sh --time [...]     without sanitizers, and no parse may take over 50 ms of CPU time
#
# CXX chooses another clang++. Findings are left in build/fuzz*/findings and named.
set -euo pipefail
cd "$(dirname "$0")/../.."

compiler=${CXX:-clang++-14}
budget=(-max_total_time=30)
only_planted=
sanitize=address,undefined,fuzzer-no-link
folder=build/fuzz
limit_ms=0
while [[ $# -gt 0 ]]; do
  case $1 in
    --seconds) budget=(-max_total_time="$2"); shift 2 ;;
    --inputs) budget=(-runs="$2"); shift 2 ;;
    --planted) only_planted=yes; shift ;;
    --time) sanitize=fuzzer-no-link; limit_ms=50; folder=build/fuzz-time; shift ;;
    *) echo "run.sh: unknown argument $1; see the head of $0" >&2; exit 2 ;;
  esac
done
command -v "$compiler" > /dev/null || { echo "run.sh: $compiler not found; install clang-14 or set CXX" >&2; exit 1; }

mkdir -p build
cmake -S . -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_COMPILER="$compiler" \
  -DBALLAST_TRAINER=OFF -DBALLAST_TESTS=OFF -DBALLAST_FUZZ=ON -DBALLAST_SANITIZE="$sanitize" \
  -DBALLAST_FUZZ_LIMIT_MS="$limit_ms" > "$folder.log" 2>&1 || { cat "$folder.log" >&2; exit 1; }
cmake --build "$folder" -j2 --target fuzz_parse fuzz_frame fuzz_reply \
  fuzz_parse_planted fuzz_frame_planted fuzz_reply_planted make_seeds \
  > "$folder.log" 2>&1 || { tail -30 "$folder.log" >&2; exit 1; }

mkdir -p "$folder"/findings "$folder"/seeds_frame_planted "$folder"/seeds_reply_planted
"$folder"/make_seeds tests/candidate/data "$folder"/seeds_parse "$folder"/seeds_frame "$folder"/seeds_reply \
  "$folder"/words

# The crash planted in the reader of frames stands beside one message; its proof starts from that one.
grep -l '"kind":"progress"' "$folder"/seeds_frame/json_* | xargs cp -t "$folder"/seeds_frame_planted
# And the one in the reader of replies beside an edit whose line occurs twice.
cp "$folder"/seeds_reply/edit_twice "$folder"/seeds_reply_planted

# fuzz TARGET OPTIONS...: false when something was found. A limit of 10 s catches what hangs; sanitizers
# make everything some ten times slower.
fuzz() {
  local target=$1 kind=${1#fuzz_} words=() seeds
  shift
  [[ $kind == parse* || $kind == reply ]] && words=(-dict="$folder"/words)
  seeds=$folder/seeds_${kind%_planted}
  if [[ $kind == frame_planted || $kind == reply_planted ]]; then seeds=$folder/seeds_$kind; fi
  mkdir -p "$folder/corpus_$kind"
  "$folder/$target" "$@" "${words[@]}" -max_len=16500 -timeout=10 -rss_limit_mb=2048 -seed=1 \
    -artifact_prefix="$folder"/findings/"$target"- -print_final_stats=1 \
    "$folder/corpus_$kind" "$seeds" > "$folder/$target.txt" 2>&1
}

# The text of a run that stopped: what it stopped at.
explain() {
  grep -a -m 20 -E 'fuzz_|ERROR|runtime error|SUMMARY|Test unit|interrupted' "$folder/$1.txt" || tail -20 "$folder/$1.txt"
}

status=0
for target in fuzz_parse fuzz_frame fuzz_reply; do
  [[ -n $only_planted ]] && continue
  if fuzz "$target" "${budget[@]}"; then
    inputs=$(grep -a 'number_of_executed_units' "$folder/$target.txt" | grep -o '[0-9]*$')
    echo "$target: $inputs inputs, nothing found"
  else
    echo "$target: STOPPED, see $folder/$target.txt and $folder/findings" >&2
    explain "$target" >&2
    status=1
  fi
done
for target in fuzz_parse_planted fuzz_frame_planted fuzz_reply_planted; do
  if fuzz "$target" -max_total_time=180; then
    echo "$target: the planted crash was not found in three minutes" >&2
    status=1
  elif grep -aq 'the planted crash' "$folder/$target.txt"; then
    rm -f "$folder"/findings/"$target"-*
    echo "$target: the planted crash was found"
  else
    echo "$target: stopped, but not at the planted crash" >&2
    explain "$target" >&2
    status=1
  fi
done
exit $status
