#!/usr/bin/env bash
# Sets everything up and starts a search on this machine. No key and no GPU are needed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ballast=$root/build/release/ballast

usage() {
  cat <<'USAGE'
usage: scripts/search.sh [search arguments]

Sets up this machine if needed (scripts/setup.sh --help), builds the default corpus if there is
none, and runs `ballast search -c configs/search.toml` with the arguments given. Started again, it
goes on where it stopped; Ctrl-C stops cleanly.
  scripts/search.sh --hours 2         stop after two hours
  scripts/search.sh data=synthetic    text made on the spot instead of the default corpus
  scripts/search.sh -c my.toml        another configuration
All arguments: build/release/ballast search --help
USAGE
}

config=(-c "$root/configs/search.toml")
data=default
for argument in "$@"; do
  case $argument in
    -h | --help) usage && exit 0 ;;
    -c | --config | --config=*) config=() ;;
    data=*) data=${argument#data=} ;;
  esac
done

"$root/scripts/setup.sh" --target ballast --target ballast-trainer

folder=${BALLAST_DATA:-$root/.deps/data}
if [[ $data == synthetic && ! -f $folder/synthetic/manifest.json ]]; then
  "$ballast" data build --synthetic
elif [[ $data == default && ${#config[@]} != 0 && ! -f $folder/default/manifest.json ]]; then
  "$ballast" data build
fi
exec "$ballast" search "${config[@]}" "$@"
