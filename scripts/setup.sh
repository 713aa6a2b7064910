#!/usr/bin/env bash
# Sets up and builds: distribution packages, LibTorch in .deps/, build/release. scripts/search.sh
# and scripts/test.sh call it. Does only what is missing, so a second start takes about a second;
# an interrupted one is repaired by the next.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
deps=$root/.deps
log=$deps/setup.log
build=$root/build/release

usage() {
  cat <<'USAGE'
usage: scripts/setup.sh [--no-build] [--target NAME]... [--extra PACKAGE]...

Installs what is missing (Debian 12 or Ubuntu 24.04 and newer, x86_64) and builds build/release.
  --no-build        packages and LibTorch only
  --target NAME     build only this (may be repeated); without it everything, tests included
  --extra PACKAGE   also install this distribution package if it can be had

Environment:
  LIBTORCH=DIR              use this LibTorch (with include/ and lib/) instead of downloading one
  BALLAST_PACKAGES=skip     do not look at distribution packages (other distributions)
  PIP_CERT, SSL_CERT_FILE   certificates for a proxy that needs them (pip reads them)
USAGE
}

say() { printf 'setup: %s\n' "$*" >&2; }
die() {
  printf 'setup: error: %s\n' "$*" >&2
  exit 1
}

# --- distribution packages -------------------------------------------------------------------

# A tool may come from anywhere on PATH: "command package".
tools=(
  "${CXX:-c++} g++"
  "cmake cmake"
  "ninja ninja-build"
  "python3 python3"
  "bwrap bubblewrap"
  "pkg-config pkg-config"
)
# Libraries are looked up as packages; scripts/check_includes.py knows which header needs which.
libraries=(
  libcli11-dev
  libcurl4-openssl-dev
  libgmock-dev
  libgtest-dev
  libseccomp-dev
  libsqlite3-dev
  libssl-dev
  libtomlplusplus-dev
  nlohmann-json3-dev
  zlib1g-dev
)
# Installed along with the rest where that needs no question; missing ones stop nothing.
wished=(ca-certificates ccache)

missing_packages() {
  local entry
  for entry in "${tools[@]}"; do
    command -v "${entry%% *}" >/dev/null || echo "${entry##* }"
  done
  # python3 may lack pip; it is only needed to fetch LibTorch.
  if [[ $need_libtorch == 1 ]] && ! python3 -m pip --version >/dev/null 2>&1; then
    echo python3-pip
  fi
  not_installed "${libraries[@]}"
}

# Prints those of the named packages that dpkg does not call installed.
not_installed() {
  { dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true; } |
    sed -n 's/^installed //p' | sort -u | comm -13 - <(printf '%s\n' "$@" | sort)
}

apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
    -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 \
    -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1
}

# The package ca-certificates, which pip comes with, writes a new bundle over one that was put there
# by hand. Whatever was trusted before is kept in .deps and goes on being trusted for the download.
certificates=${PIP_CERT:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}

keep_certificates() {
  [[ ! -s $certificates ]] || cp "$certificates" "$deps/certificates.pem"
}

use_kept_certificates() {
  [[ -s $deps/certificates.pem ]] || return 0
  cat "$deps/certificates.pem" >"$deps/setup.tmp/certificates.pem"
  [[ ! -s $certificates ]] || cat "$certificates" >>"$deps/setup.tmp/certificates.pem"
  export PIP_CERT=$deps/setup.tmp/certificates.pem
}

install_packages() {
  local missing=("$@") command
  command="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  as_root=()
  if [[ $(id -u) != 0 ]]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
      die "packages are missing and this is not root. Run as root: $command"
    fi
    as_root=(sudo -n)
  fi
  need_space /usr 800 "distribution packages"
  keep_certificates
  say "installing packages: ${missing[*]} (log: .deps/setup.log)"
  apt_get update || true  # one broken source is no reason to stop; the install will tell
  if ! apt_get install --no-install-recommends "${missing[@]}"; then
    if tail -n 20 "$log" | grep -q 'dpkg --configure -a'; then  # an earlier run was interrupted
      "${as_root[@]}" dpkg --configure -a >>"$log" 2>&1 || true
      apt_get install --no-install-recommends "${missing[@]}" && return
    fi
    if tail -n 40 "$log" | grep -q 'No space left'; then
      die "the disk is full (while installing packages). Make room, then start again"
    fi
    if tail -n 40 "$log" | grep -qE 'resolv|onnect|timed out|Failed to fetch'; then
      die "no network: the package mirror cannot be reached. Check network and proxy, then start again"
    fi
    die "apt-get failed: $(grep -E '^E:' "$log" | tail -n 1 || true) (log: .deps/setup.log). By hand: $command"
  fi
}

check_packages() {
  [[ ${BALLAST_PACKAGES:-} == skip ]] && return
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    die "unsupported system: packages are installed with apt-get (Debian, Ubuntu). Install ${libraries[*]} and ${tools[*]##* } by their names here, then set BALLAST_PACKAGES=skip"
  fi
  local missing more
  mapfile -t missing < <(missing_packages)
  mapfile -t more < <([[ ${#extra[@]} == 0 ]] || not_installed "${extra[@]}")
  if [[ ${#missing[@]} != 0 ]]; then
    mapfile -t more < <(not_installed "${wished[@]}" "${extra[@]}")
    install_packages "${missing[@]}" "${more[@]}"
  elif [[ ${#more[@]} != 0 ]]; then
    (install_packages "${more[@]}") || say "going on without ${more[*]}"
  fi
}

# "at_least 12 14.2" holds: dotted numbers in order.
at_least() { printf '%s\n%s\n' "$1" "$2" | sort -V -C; }

check_versions() {
  local entry found
  for entry in "${tools[@]}"; do
    command -v "${entry%% *}" >/dev/null ||
      die "missing tool: ${entry%% *} (package ${entry##* }). Install it, then start again"
  done
  found=$(cmake --version | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p')
  at_least 3.25 "$found" || die "cmake $found is too old: 3.25 or newer is needed"
  if ${CXX:-c++} --version | grep -q 'Free Software'; then  # g++, not clang
    found=$(${CXX:-c++} -dumpfullversion)
    at_least 12 "$found" || die "${CXX:-c++} $found is too old: g++ 12 or newer is needed (CXX=...)"
  fi
}

# --- LibTorch --------------------------------------------------------------------------------

# "package version sha256-of-the-wheel". LibTorch comes as the Python wheel, of which only headers
# and CPU libraries are kept; they are linked against two CUDA libraries, which need no GPU.
wheels=(
  "torch 2.11.0 7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a"
  "nvidia_cuda_runtime 13.0.96 7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548"
  "nvidia_cuda_cupti 13.0.85 4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8"
)
libtorch=$deps/libtorch

libtorch_is_whole() {
  local file
  [[ $(cat "$libtorch/.whole" 2>/dev/null) == "${wheels[*]}" ]] || return 1
  for file in torch/include/ATen/ATen.h torch/lib/lib{torch_cpu,c10}.so torch/lib/libgomp.so.1 \
    nvidia/cu13/lib/lib{cudart,cupti}.so.13; do
    [[ -s $libtorch/$file ]] || return 1
  done
}

# Prints the wheel's file if it lies in .deps/wheels with the right hash.
wheel_file() {  # package version sha256
  local file
  for file in "$deps/wheels/$1-$2-"*.whl; do
    if [[ -f $file ]] && echo "$3  $file" | sha256sum --check --status; then
      echo "$file"
      return
    fi
  done
  return 1
}

download_wheel() {  # package version
  local part=$deps/setup.tmp/download started=$SECONDS progress=(--quiet) output=$log
  mkdir -p "$part" "$deps/wheels" "$deps/setup.tmp/pip"
  say "downloading $1 $2$([[ $1 != torch ]] || echo ' (531 MB)')"
  if [[ -t 2 ]]; then progress=() output=/dev/stderr; fi
  # The wheel's Python version does not matter: no Python of it is run.
  TMPDIR=$deps/setup.tmp/pip PIP_DISABLE_PIP_VERSION_CHECK=1 timeout 3600 \
    python3 -m pip --timeout "${PIP_DEFAULT_TIMEOUT:-30}" --retries "${PIP_RETRIES:-2}" \
    download "${progress[@]}" --no-cache-dir --no-deps --only-binary :all: --python-version 3.11 \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    --dest "$part" "$1==$2" >>"$output" 2>"$deps/setup.tmp/pip.err" || {
    cat "$deps/setup.tmp/pip.err" >>"$log"
    explain_pip "$deps/setup.tmp/pip.err" "$1 $2"
  }
  mv "$part/$1-$2-"*.whl "$deps/wheels/"
  say "downloaded $1 in $((SECONDS - started)) s"
}

explain_pip() {  # file what
  local last
  grep -q 'No space left' "$1" && die "the disk is full (while downloading $2). Make room, then start again"
  grep -q 'CERTIFICATE_VERIFY_FAILED' "$1" &&
    die "downloading $2: the server's certificate is not trusted. Set PIP_CERT to your CA file"
  grep -qE 'NewConnectionError|NameResolution|name resolution|timed out|Connection refused|unreachable|ProxyError|ConnectTimeout|IncompleteRead|Connection broken|reset by peer' "$1" &&
    die "no network: $2 cannot be downloaded. Check network and proxy, or bring your own with LIBTORCH=DIR"
  last=$(grep -E '^ERROR' "$1" | tail -n 1 || true)
  die "pip could not download $2: ${last:-see .deps/setup.log}"
}

# Takes headers, libraries and licences out of the wheels; Python and CUDA kernels stay behind.
unpack_wheels() {  # folder wheel...
  python3 - "$@" <<'PYTHON' || die "unpacking LibTorch failed (the line above says why)"
import re, sys, zipfile
keep = re.compile(r"torch/include/|torch/version\.py$|torch/lib/(libtorch_cpu\.so|libc10\.so|libgomp)"
                  r"|nvidia/cu13/lib/lib(cudart|cupti)\.so\.13$|[^/]*\.dist-info/.*(LICENSE|License|NOTICE)")
try:
    for wheel in sys.argv[2:]:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(sys.argv[1], [n for n in archive.namelist() if keep.match(n)])
except (OSError, zipfile.BadZipFile) as error:
    sys.exit(f"setup: {error}")
PYTHON
}

get_libtorch() {
  local entry name version sha file files=()
  need_space "$deps" 1800 LibTorch
  use_kept_certificates
  for entry in "${wheels[@]}"; do
    read -r name version sha <<<"$entry"
    wheel_file "$name" "$version" "$sha" >/dev/null || download_wheel "$name" "$version"
    file=$(wheel_file "$name" "$version" "$sha") || {
      rm -f "$deps/wheels/$name-$version-"*.whl
      die "$name $version as downloaded is not the file this project was tested with (SHA-256 differs). Start again, or bring your own with LIBTORCH=DIR"
    }
    files+=("$file")
  done
  say "unpacking LibTorch into .deps/libtorch"
  mkdir -p "$deps/setup.tmp/libtorch"
  unpack_wheels "$deps/setup.tmp/libtorch" "${files[@]}"
  printf '%s' "${wheels[*]}" >"$deps/setup.tmp/libtorch/.whole"
  [[ ! -e $libtorch ]] || mv "$libtorch" "$deps/setup.tmp/old"
  mv "$deps/setup.tmp/libtorch" "$libtorch"
  rm -f "${files[@]}"
  rmdir --ignore-fail-on-non-empty "$deps/wheels"
}

# --- build -----------------------------------------------------------------------------------

# Value of a CMake cache entry, empty when there is none.
cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt" 2>/dev/null || true; }

configure() {
  local fresh=()
  if [[ -f $build/CMakeCache.txt && $(cached CMAKE_HOME_DIRECTORY) != "$root" ]]; then
    rm -rf "$build"  # the checkout was moved
  fi
  if [[ -f $build/build.ninja && $(cached LIBTORCH) == "${LIBTORCH:-}" ]]; then return; fi
  [[ -f $build/build.ninja ]] || fresh=(--fresh)
  say "configuring build/release"
  (cd "$root" && cmake --preset release "${fresh[@]}" -DCMAKE_UNITY_BUILD=ON -DLIBTORCH="${LIBTORCH:-}") >>"$log" 2>&1 || {
    # A half-written build.ninja must not pass for a whole one.
    rm -f "$build/build.ninja"
    sed -n '/CMake Error/,$p' "$log" | tail -n 30 >&2
    die "cmake could not configure build/release (log: .deps/setup.log)"
  }
}

# As many compilers as there are cores, but each may take 2 GB of memory.
jobs() {
  local memory cores
  memory=$(awk '/^MemAvailable/ {print int($2 / 2000000)}' /proc/meminfo)
  cores=$(nproc)
  ((memory < cores)) && cores=$memory
  echo $((cores > 0 ? cores : 1))
}

# Shows ninja's counter: one changing line on a terminal, else a line every 20 seconds.
show_progress() {
  local line shown=$SECONDS
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$build/build.log"
    [[ $line =~ ^\[([0-9]+/[0-9]+)\] ]] || continue
    if [[ -t 2 ]]; then
      printf '\r\033[Ksetup: building %s' "${BASH_REMATCH[1]}" >&2
    elif ((SECONDS - shown >= 20)); then
      say "building ${BASH_REMATCH[1]}"
      shown=$SECONDS
    fi
  done
  [[ ! -t 2 ]] || printf '\r\033[K' >&2
}

compile() {
  local started=$SECONDS
  : >"$build/build.log"
  (cd "$root" && cmake --build --preset release --parallel "$(jobs)" "${targets[@]}") 2>&1 | show_progress ||
    {
      grep -v -E '^\[[0-9]+/[0-9]+\]' "$build/build.log" | tail -n 60 >&2
      grep -q 'No space left' "$build/build.log" && die "the disk is full (while building)"
      die "the build failed (log: build/release/build.log)"
    }
  ((SECONDS - started < 3)) || say "built build/release in $((SECONDS - started)) s"
}

# --- all together ----------------------------------------------------------------------------

need_space() {  # folder megabytes what
  local free
  free=$(df -Pk "$1" | awk 'NR == 2 {print int($4 / 1024)}')
  ((free >= $2)) || die "not enough disk space for $3: $2 MB needed below $1, $free MB free"
}

main() {
  local with_build=1
  extra=()
  targets=()
  while [[ $# != 0 ]]; do
    case $1 in
      -h | --help) usage && exit 0 ;;
      --no-build) with_build=0 ;;
      --target) [[ $# -ge 2 ]] || { usage >&2; exit 2; }; targets+=(--target "$2"); shift ;;
      --extra) [[ $# -ge 2 ]] || { usage >&2; exit 2; }; extra+=("$2"); shift ;;
      *) usage >&2; exit 2 ;;
    esac
    shift
  done

  [[ $(uname -s) == Linux ]] || die "unsupported system: $(uname -s); Ballast needs Linux"
  if [[ -n ${LIBTORCH:-} ]]; then
    [[ -d $LIBTORCH ]] || die "LIBTORCH=$LIBTORCH is not a folder"
    export LIBTORCH
    LIBTORCH=$(cd "$LIBTORCH" && pwd)
    [[ -f $LIBTORCH/include/ATen/ATen.h || -f $LIBTORCH/torch/include/ATen/ATen.h ||
      -f $LIBTORCH/libtorch/include/ATen/ATen.h ]] ||
      die "LIBTORCH=$LIBTORCH holds no LibTorch (no include/ATen/ATen.h)"
  elif [[ $(uname -m) != x86_64 ]]; then
    die "unsupported architecture: $(uname -m); LibTorch is fetched for x86_64 only. Bring your own with LIBTORCH=DIR"
  fi

  mkdir -p "$deps" 2>/dev/null || die "cannot make the folder $deps"
  [[ -w $deps ]] || die "cannot write to $deps"
  exec {lock}>"$deps/.setup.lock"
  flock -n "$lock" || { say "waiting for another setup to finish" && flock "$lock"; }
  trap 'rm -rf "$deps/setup.tmp"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  rm -rf "$deps/setup.tmp"
  mkdir -p "$deps/setup.tmp"
  : >"$log"

  need_libtorch=0
  [[ -n ${LIBTORCH:-} ]] || libtorch_is_whole || need_libtorch=1
  [[ $with_build == 0 || -f $build/build.ninja ]] ||
    need_space "$root" $((1200 + 1800 * need_libtorch)) "LibTorch and the build"
  check_packages
  check_versions
  [[ $need_libtorch == 0 ]] || get_libtorch
  [[ $with_build == 0 ]] || { configure && compile; }
}

main "$@"
