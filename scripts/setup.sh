# shellcheck shell=bash disable=SC2034
# What ./walk and ./test share: messages, packages, Go, builds. Sourced, with `set -euo pipefail` in force and the
# working directory at the project's root.

say() { printf '\n== %s\n' "$*"; }

# Root for what needs it. Its PATH is the system's, and Go's folder behind it: what lies in the other folders of the
# user's PATH is not run as root.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo env "PATH=$(root_path)" "$@"; fi
}
root_path() {
  local go path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  go=$(command -v go) && path+=:$(dirname "$go")
  echo "$path"
}

packages_to_build=(g++ cmake ninja-build libcli11-dev libfmt-dev libyaml-cpp-dev libcurl4-openssl-dev
  nlohmann-json3-dev libexpected-dev libre2-dev libevent-dev libyaml-dev zlib1g-dev node-llhttp)
packages_to_run=(containernetworking-plugins nftables iptables conntrack ethtool iproute2 util-linux mount tar
  ca-certificates curl)
packages_for_playground=(emscripten)
packages_to_link_statically=(libc-ares-dev libssl-dev make)
packages_for_arm64=(g++-aarch64-linux-gnu qemu-user-static)
packages_to_test_release=(lintian rpmlint debootstrap qemu-user-static mandoc)
packages_to_release=(help2man mkdocs rpm minisign umoci skopeo dpkg-dev ca-certificates xz-utils)
packages_to_test=(python3-jsonschema zsh fish doctest-dev shellcheck clang-format ccache jq procps python3 chromium skopeo openssl)

# Installs those of the named packages that are missing.
need_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "Installing ${missing[*]}"
  as_root apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# containerd and runc come from the distribution, unless Docker has brought its own.
need_container_runtime() {
  if ! command -v containerd >/dev/null || ! command -v runc >/dev/null; then need_packages containerd runc; fi
}

# "1.26" of the Go in PATH, or 0.0.
go_version() { (GOTOOLCHAIN=local go env GOVERSION 2>/dev/null || echo go0.0) | sed -E 's/^go([0-9]+\.[0-9]+).*/\1/'; }

at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

# Where apt gets CODENAME from; empty: from nowhere.
mirror_of() {
  # shellcheck disable=SC2016  # apt-get's own placeholder
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Codename: $1" | head -n 1
}

# need_backports LIST: adds Debian 12's backports to what apt knows, in that file, from the mirror that this machine's own Debian comes from.
need_backports() {
  local mirror list=$1
  if [ -e "$list" ] || [ -n "$(mirror_of bookworm-backports)" ]; then return; fi
  mirror=$(mirror_of bookworm)
  if [ -z "$mirror" ]; then
    echo "apt does not say where this machine's Debian comes from: install Go 1.21 or newer (go.dev/doc/install), then run this again" >&2
    exit 3
  fi
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm-backports main" | as_root tee "$list" >/dev/null
  if ! as_root apt-get update -q; then
    as_root rm -f "$list"
    echo "$mirror has no bookworm-backports: install Go 1.21 or newer (go.dev/doc/install), then run this again" >&2
    exit 3
  fi
  echo "$list was added; it installs nothing by itself. To take it away again: sudo rm $list && sudo apt-get update"
}

# The cluster's parts need Go 1.26.7. From 1.21 on Go fetches a newer one for itself, so the distribution's is
# enough; Debian 12 has one in its backports.
need_go() {
  [ -d /usr/local/go/bin ] && PATH="$PATH:/usr/local/go/bin"
  at_least "$(go_version)" 1.21 && return
  as_root apt-get update -q
  local codename from=()
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  if [ "$codename" = bookworm ]; then
    say "Installing Go from bookworm-backports (Debian 12 itself has an older one than 1.21)"
    need_backports /etc/apt/sources.list.d/bookworm-backports.list
    from=(-t bookworm-backports)
  else
    say "Installing Go"
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${from[@]}" golang-go
  at_least "$(go_version)" 1.21 && return
  echo "This distribution has no Go 1.21 or newer: install one from go.dev/doc/install, then run this again" >&2
  exit 3
}

# Programs of others that only tests need, in a folder of their own. Where one of them cannot be had, the tests say what
# they leave out.
test_tools=${XDG_CACHE_HOME:-$HOME/.cache}/hpawalk-tests

# The Azure CLI from PyPI: Debian 12's cannot read role assignments. 400 MB.
want_azure_cli() {
  "$test_tools/azure-cli/bin/az" version >/dev/null 2>&1 && return
  need_packages python3-venv
  say "Installing the Azure CLI into $test_tools/azure-cli (half a minute, once)"
  python3 -m venv "$test_tools/azure-cli" || return 0
  timeout 600 "$test_tools/azure-cli/bin/pip" install -q --no-compile azure-cli==2.91.0 || return 0
}

# kind and k3d; minikube cannot be built as a Go module. Several minutes of two cores, once.
want_kind_and_k3d() {
  local bin=$test_tools/bin sources
  mkdir -p "$bin"
  if [ ! -x "$bin/kind" ]; then
    say "Building kind and k3d into $bin (some minutes, once)"
    GOBIN=$bin go install sigs.k8s.io/kind@v0.33.0 || true
  fi
  [ -x "$bin/k3d" ] && return
  # Not go install: it wants the list of all versions, which not every module proxy has.
  sources=$(go mod download -json github.com/k3d-io/k3d/v5@v5.8.3 | jq -r .Dir) || true
  if [ -d "$sources" ]; then (cd "$sources" && GOWORK=off go build -o "$bin/k3d" .) || true; fi
}

# Who takes a release's files checks them with these: krew and its validator, actionlint, spdx-tools.
want_release_checkers() {
  local bin=$test_tools/bin sources
  mkdir -p "$bin"
  if [ ! -x "$bin/validate-krew-manifest" ]; then
    say "Building krew and its validator into $bin (once)"
    sources=$(go mod download -json sigs.k8s.io/krew@v0.5.0 | jq -r .Dir) || true
    if [ -d "$sources" ]; then (cd "$sources" && GOWORK=off go build -o "$bin/" ./cmd/validate-krew-manifest ./cmd/krew) || true; fi
  fi
  [ -x "$bin/actionlint" ] || GOBIN=$bin go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.7 || true
  [ -x "$test_tools/spdx/bin/pyspdxtools" ] && return
  need_packages python3-venv
  say "Installing spdx-tools into $test_tools/spdx (once)"
  python3 -m venv "$test_tools/spdx" || return 0
  timeout 600 "$test_tools/spdx/bin/pip" install -q spdx-tools==0.8.5 || return 0
}

# distribution_apt FOLDER ARCHITECTURE COMMAND...: apt-get with lists of its own in FOLDER, of the distribution's packages
# and sources in the version that this machine gets them. Nothing of the machine's apt changes.
distribution_apt() {
  local folder=$1 architecture=$2 id
  shift 2
  local apt=(apt-get -q -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder/cache" -o APT::Architecture="$architecture"
    -o APT::Architectures="$architecture" -o APT::Sandbox::User=)
  if [ ! -e "$folder/sources.list" ]; then
    id=$(. /etc/os-release && echo "$ID")
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
    # shellcheck disable=SC2016  # apt-get's own placeholders
    apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' "Origin: ${id^}" | sort -u |
      sed -E "s|.*|deb [signed-by=/usr/share/keyrings/$id-archive-keyring.gpg] &\ndeb-src [signed-by=/usr/share/keyrings/$id-archive-keyring.gpg] &|" \
        >"$folder/sources.list"
    "${apt[@]}" update
  fi
  "${apt[@]}" "$@"
}

# distribution_source PACKAGE FOLDER: the sources that the distribution builds PACKAGE from, in FOLDER, once.
distribution_source() {
  local package=$1 folder=$2 work
  [ -e "$folder" ] && return
  need_packages dpkg-dev
  say "Fetching the sources of $package into $folder (once)"
  mkdir -p "$(dirname "$folder")"
  work=$(mktemp -d "$folder.XXXXXX")
  (cd "$work" && distribution_apt "$work/apt" "$(dpkg --print-architecture)" source "$package")
  mv "$work/$package"-*/ "$folder"
  rm -rf "$work"
}

# For the playground's page: of the version that the distribution has as a library.
yaml_cpp_source=$test_tools/yaml-cpp
need_yaml_cpp_source() { distribution_source yaml-cpp "$yaml_cpp_source"; }

# build PRESET [TARGET...]: everything, or these targets. ccache, where it is, keeps results.
build() {
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  local preset=$1
  shift
  say "Building ($preset)"
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset" ${1:+--target "$@"}
}
