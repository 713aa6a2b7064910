#!/usr/bin/env bash
# Tries the two commands of the README on a machine that has nothing: makes a minimal Debian below a
# folder, clones HEAD of this checkout into it and runs a command there. For maintainers, before a
# release; not part of CI. Needs root, debootstrap, bubblewrap, git and this machine's network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'USAGE'
usage: scripts/try-clean-root.sh [options] [--] [command...]

Runs the command (default: scripts/test.sh) in a fresh clone inside a minimal Debian.
  --dir DIR       where the systems are made (default: ballast-clean below the temporary folder);
                  DIR/base is made once and kept, DIR/root is the one in use
  --keep          go on with DIR/root as it is, only its clone is brought up to HEAD
  --as-nobody     run the command without root
  --no-network    run the command without a network
  --small-disk MB run the command with only so much room below the clone's .deps/ and build/
  --suite NAME    Debian release (default: bookworm)
Try all of these; each has to end in success or in one line that says what to do:
  scripts/try-clean-root.sh                                  everything from nothing
  scripts/try-clean-root.sh --keep                           a second start
  scripts/try-clean-root.sh --keep -- scripts/search.sh --hours 0.1
  scripts/try-clean-root.sh --keep --as-nobody               packages there, build as a user
  scripts/try-clean-root.sh --as-nobody                      no root, packages missing: says which
  scripts/try-clean-root.sh --no-network                     nothing can be fetched: says so
  scripts/try-clean-root.sh --keep --small-disk 500 -- scripts/setup.sh
USAGE
}

die() {
  printf 'try-clean-root: error: %s\n' "$*" >&2
  exit 1
}

dir=${TMPDIR:-/tmp}/ballast-clean suite=bookworm keep=0 nobody=0 small_disk=0
isolation=()
while [[ $# != 0 ]]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --dir) dir=$2 && shift ;;
    --suite) suite=$2 && shift ;;
    --keep) keep=1 ;;
    --as-nobody) nobody=1 ;;
    --no-network) isolation+=(--unshare-net) ;;
    --small-disk) small_disk=$2 && shift ;;
    --) shift && break ;;
    -*) usage >&2 && exit 2 ;;
    *) break ;;
  esac
  shift
done
[[ $# != 0 ]] || set -- scripts/test.sh
[[ $(id -u) == 0 ]] || die "this needs root"
for tool in debootstrap bwrap git; do
  command -v "$tool" >/dev/null || die "this needs $tool (package of the same name; bwrap: bubblewrap)"
done

base=$dir/base-$suite new=$dir/root
certificates=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
mkdir -p "$dir"

# The package mirror of this machine, whatever it is called.
mirror() {
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true; } |  # either may be missing
    sed -nE 's,^(URIs:|deb( \[[^]]*\])?) +([^ ]*/debian/?)( .*)?$,\3,p' | head -n 1
}

make_base() {
  [[ ! -e $base ]] || return 0
  local from
  from=$(mirror)
  [[ -n $from ]] || die "no Debian mirror in this machine's package sources"
  echo "try-clean-root: making a minimal $suite in $base" >&2
  rm -rf "$base.part"
  debootstrap --variant=minbase "$suite" "$base.part" "$from" >"$dir/debootstrap.log" 2>&1 ||
    die "debootstrap failed, see $dir/debootstrap.log"
  mkdir -p "$base.part/etc/ssl/certs" "$base.part/etc/apt/apt.conf.d"
  cp "$certificates" "$base.part/etc/ssl/certs/ca-certificates.crt"
  cp -L /etc/resolv.conf "$base.part/etc/resolv.conf"
  grep -lis 'proxy' /etc/apt/apt.conf.d/* | xargs -r cp -t "$base.part/etc/apt/apt.conf.d" || true
  mv "$base.part" "$base"
}

make_root() {
  if [[ $keep == 0 || ! -e $new ]]; then
    rm -rf "$new"
    cp -a "$base" "$new"
    mkdir -p "$new/home/try"
    git -C "$root" clone -q --no-hardlinks "$root" "$new/home/try/ballast"
  fi
  git -C "$root" push -qf "$new/home/try/ballast" HEAD:refs/heads/tried
  git -C "$new/home/try/ballast" checkout -q --detach tried
}

make_base
make_root

# The environment a person would have: nothing but the way to the network.
environment=(--clearenv --setenv PATH /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  --setenv HOME /home/try --setenv LANG C.UTF-8 --setenv TERM "${TERM:-dumb}"
  --setenv SSL_CERT_FILE /etc/ssl/certs/ca-certificates.crt
  --setenv PIP_CERT /etc/ssl/certs/ca-certificates.crt)
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY LIBTORCH BALLAST_PACKAGES; do
  [[ -z ${!name:-} ]] || environment+=(--setenv "$name" "${!name}")
done

enter=(bwrap --die-with-parent --cap-add ALL --bind "$new" / --dev-bind /dev /dev
  --bind /proc /proc "${isolation[@]}" "${environment[@]}" --chdir /home/try/ballast)
if ((small_disk > 0)); then
  for folder in .deps build; do
    rm -rf "$new/home/try/ballast/$folder"
    mkdir "$new/home/try/ballast/$folder"
    enter+=(--size $((small_disk * 1000000)) --tmpfs "/home/try/ballast/$folder")
  done
fi
if [[ $nobody == 1 ]]; then
  chown -R nobody: "$new/home/try"
  enter+=(setpriv --reuid nobody --regid nogroup --clear-groups)
else
  chown -R root: "$new/home/try"
fi

started=$SECONDS status=0
"${enter[@]}" "$@" || status=$?
echo "try-clean-root: exit $status after $((SECONDS - started)) s: $*" >&2
exit "$status"
