# SPDX-License-Identifier: Apache-2.0
# Shared by tools/quickstart, tools/test and tools/tidy (sourced, bash): the project's folder, packages, build jobs.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# packages SECTION...: the names under these headings of packages.txt.
packages() {
  local wanted=" $* " section="" line
  while read -r line; do
    case $line in
      '' | '#'*) ;;
      '['*']') section=${line:1:-1} ;;
      *) if [[ $wanted == *" $section "* ]]; then printf '%s\n' "$line"; fi ;;
    esac
  done <"$root/tools/packages.txt"
}

# need SECTION...: installs what of them is missing; touches the package system only when something is.
need() {
  local missing=() package as_root=()
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
    die "This script installs Debian 12 packages, and apt-get was not found here. Install these by hand, then use the CMake presets: $(packages "$@" | tr '\n' ' ')"
  while read -r package; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done < <(packages "$@")
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      die "These packages are missing: ${missing[*]}. Run this as root, or install sudo, or ask an administrator to install them."
    as_root=(sudo)
  fi
  say "Installing ${#missing[@]} packages: ${missing[*]}"
  local log
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get -qq update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}"; } \
    >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    die "The packages could not be installed; the lines above are apt-get's. Its whole log: $log"
  fi
  rm -f "$log"
}

# want COMMAND SECTION WORDS: installs the section unless the command is there; says so and goes on when that fails.
want() {
  command -v "$1" >/dev/null || (need "$2") || say "Going on without $1: $3"
}

# build_jobs: one per processor, and 1.5 GB of free memory each.
build_jobs() {
  local by_cpu by_memory
  by_cpu=$(nproc)
  by_memory=$(awk '/^MemAvailable:/ {print int($2 / 1500000)}' /proc/meminfo)
  ((by_memory >= 1)) || by_memory=1
  printf '%s\n' $((by_cpu < by_memory ? by_cpu : by_memory))
}

# build PRESET TARGET...: builds, quietly when nothing is to do.
build() {
  local preset=$1
  shift
  cmake --build --preset "$preset" -j "$(build_jobs)" --target "$@"
}
