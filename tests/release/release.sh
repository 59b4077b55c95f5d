#!/usr/bin/env bash
# A release, built twice and looked at: equal bytes, packages without errors, the static program in roots of several
# distributions, installing and removing. Needs root, and an hour.
# Usage: release.sh TOOLS     TOOLS: the folder with krew's validator, actionlint and spdx-tools
#   RELEASE=FOLDER    a release that scripts/release has built and signed with KEY.pub: only looks at it
set -uo pipefail
tools=$(realpath "$1")
cd "$(dirname "$0")/../.." || exit
# shellcheck source=tests/report.sh
. tests/report.sh
version=$(sed -nE 's/^project\(hpawalk VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
facts=$PWD/tests/facts/saved/monitor-port-name.json
hpa=$PWD/tests/cli/hpa.yaml

# built FOLDER: a release of these sources, copied to FOLDER, from nothing; without ccache, which would only prove that it
# finds the first one's results.
built() {
  mkdir -p "$1"
  tar --exclude=./build --exclude=./.git -c . | tar -x -C "$1"
  CCACHE_DISABLE=1 SOURCE_DATE_EPOCH=1790000000 "$1/scripts/release" "$version" --maintainer 'Release Test <release@localhost.localdomain>' \
    --url https://localhost.localdomain/hpawalk --key "$work/key"
}
if [ -z "${RELEASE:-}" ]; then
  minisign -G -W -p "$work/key.pub" -s "$work/key" >/dev/null
  check "a release is built" built "$work/first"
  check "it is built again, in another folder" built "$work/second/of/them"
  release=$work/first/build/releases/$version
  check "both are the same to the byte" diff -r --exclude=SHA256SUMS.minisig "$release" "$work/second/of/them/build/releases/$version"
else
  release=$(realpath "$RELEASE")
  cp "$release/../key.pub" "$work/key.pub"
  skip "two builds are the same to the byte" "RELEASE names one that was built before"
fi
name=hpawalk-$version-linux-amd64
architectures=()
for architecture in amd64 arm64; do
  if [ -n "${RELEASE:-}" ] && [ ! -e "$release/${name%amd64}$architecture.tar.gz" ]; then skip "$architecture" "RELEASE has none"; continue; fi
  mkdir "$work/$architecture"
  check "the archive unpacks: $architecture" tar -xzf "$release/${name%amd64}$architecture.tar.gz" --strip-components=1 -C "$work/$architecture"
  architectures+=("$architecture")
done

printf '\n== Files\n'
sums_fit() { (cd "$release" && sha256sum --check --quiet SHA256SUMS && [ "$(wc -l <SHA256SUMS)" -eq "$(find . -type f ! -name 'SHA256SUMS*' | wc -l)" ]); }
no_errors() { "$@" | grep -E '^[^ ]*:? ?E: ' && return 1; return 0; }
# The address of the one who publishes this release is none.
linted() { no_errors lintian --tag-display-limit 0 --allow-root --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog "$1"; }
rpm_linted() { rpmlint --config packaging/rpmlint.toml "$1" | tee /dev/stderr | grep -E ' 0 errors' >/dev/null; }
installed_by_krew() { # the archive of this machine's kind, by krew itself
  KREW_ROOT=$work/krew "$tools/bin/krew" install --manifest="$release/hpawalk.yaml" --archive="$release/$name-krew.tar.gz" </dev/null &&
    [ "$("$work/krew/bin/kubectl-hpawalk" --version)" = "hpawalk $version" ]
}
check "the checksums fit, and are of all files" sums_fit
check "the signature fits" minisign -Vqm "$release/SHA256SUMS" -p "$work/key.pub"
for package in "$release"/*.deb; do check "lintian has no error: ${package##*/}" linted "$package"; done
for package in "$release"/*.rpm; do check "rpmlint has no error: ${package##*/}" rpm_linted "$package"; done
if [ -x "$tools/bin/validate-krew-manifest" ]; then
  check "krew's validator takes the manifest" "$tools/bin/validate-krew-manifest" -manifest "$release/hpawalk.yaml" -skip-install
  check "krew installs the archive" installed_by_krew
else
  skip "the krew manifest" "krew cannot be built"
fi
if [ -x "$tools/spdx/bin/pyspdxtools" ]; then
  for sbom in "$release"/*.spdx.json; do check "the bill of materials is SPDX: ${sbom##*/}" "$tools/spdx/bin/pyspdxtools" -i "$sbom"; done
else
  skip "the bills of materials" "spdx-tools cannot be installed"
fi
if [ -x "$tools/bin/actionlint" ]; then check "actionlint takes the workflow" "$tools/bin/actionlint" .github/workflows/*.yml; else skip "the workflow" "actionlint cannot be built"; fi
pages_are_clean() { # mandoc cannot read dates without a day, which help2man writes
  local found
  found=$(for page in "$work"/amd64/share/man/man1/*.1; do mandoc -T lint -W warning "$page"; done | grep -v 'cannot parse date') || return 0
  echo "$found"
  return 1
}
every_command_has_a_page() {
  local command
  for command in $("$work/amd64/bin/hpawalk" __complete '' | sed -n 's/\t.*//p'); do ls "$work/amd64/share/man/man1/hpawalk-$command.1" || return 1; done
}
check "mandoc takes the manual pages" pages_are_clean
check "every command has one" every_command_has_a_page

printf '\n== The program\n'
needs_no_library() { ! readelf -d "$1" | grep -E 'NEEDED' && ! readelf -l "$1" | grep INTERP; }
for architecture in "${architectures[@]}"; do
  check "$architecture: it needs no library ($(stat -c %s "$work/$architecture/bin/hpawalk") bytes)" needs_no_library "$work/$architecture/bin/hpawalk"
  check "$architecture: the archive has the same files as the others" diff <(cd "$work/amd64" && find . | sort) <(cd "$work/$architecture" && find . | sort)
done
simulates() { "$@" simulate --hpa /hpa.yaml --profile 'step 5..50 at 1m for 15m' -o json | jq -e '.variants[0].sequence == [1, 4, 8, 10]'; }
diagnoses() { "$@" diagnose --facts /facts.json | tee "$work/out" | grep monitor-port-name; } # exit code 1: it found something
works_in() { # ROOT COMMAND...: the program, in a root that has nothing of it
  local root=$1
  shift
  cp "$facts" "$root/facts.json"
  cp "$hpa" "$root/hpa.yaml"
  [ "$("$@" --version)" = "hpawalk $version" ] && simulates "$@" && "$@" completion bash >/dev/null && "$@" explain target-down &&
    (set +o pipefail; diagnoses "$@")
}
# image_root IMAGE FOLDER: the root file system of a container image.
image_root() {
  skopeo --command-timeout 60s copy -q "$1" "oci:$work/image:root" && umoci unpack --image "$work/image:root" "$2" && rm -rf "$work/image"
}
in_root() { # TITLE ROOT
  cp "$work/amd64/bin/hpawalk" "$2/hpawalk"
  check "$1" works_in "$2" chroot "$2" /hpawalk
  rm -f "$2/hpawalk" "$2/hpa.yaml" "$2/facts.json"
}
mkdir -p "$work/scratch" "$work/roots"
in_root "a root with nothing else" "$work/scratch"
if debootstrap --variant=minbase bookworm "$work/roots/debian" >"$work/log" 2>&1; then in_root Debian "$work/roots/debian"; else skip Debian "$(tail -n 1 "$work/log")"; fi
if debootstrap --no-check-gpg --variant=minbase jammy "$work/roots/ubuntu" http://archive.ubuntu.com/ubuntu >"$work/log" 2>&1; then
  in_root Ubuntu "$work/roots/ubuntu"
else
  skip Ubuntu "$(tail -n 1 "$work/log")"
fi
for image in docker://registry.fedoraproject.org/fedora-minimal:latest docker://docker.io/library/alpine:latest; do
  folder=$work/roots/$(basename "${image%:*}")
  if image_root "$image" "$folder" >"$work/log" 2>&1; then in_root "${folder##*/}" "$folder/rootfs"; else skip "${folder##*/}" "its image cannot be had: $(tail -n 1 "$work/log" | cut -c1-160)"; fi
done
check "hpawalk's own image can be unpacked" image_root "oci-archive:$release/$name.oci.tar" "$work/own"
cp "$facts" "$work/own/rootfs/facts.json"
cp "$hpa" "$work/own/rootfs/hpa.yaml"
check "  and runs as its user" works_in "$work/own/rootfs" chroot --userspec=65534:65534 "$work/own/rootfs" /bin/hpawalk
if [ -d "$work/arm64" ]; then
  cp /usr/bin/qemu-aarch64-static "$work/scratch/qemu"
  cp "$work/arm64/bin/hpawalk" "$work/scratch/hpawalk"
  check "arm64, emulated, in a root with nothing else" works_in "$work/scratch" chroot "$work/scratch" /qemu /hpawalk
fi
counted unshare --net --mount tests/release/names_and_roots.py "$work/amd64/bin/hpawalk"

printf '\n== Packages\n'
listing() { find "$1" -xdev ! -path "$1/var/lib/dpkg/*" ! -path "$1/var/lib/apt/*" ! -path "$1/var/lib/rpm/*" ! -path "$1/var/log/*" ! -path "$1/var/cache/*" ! -path "$1/tmp/*" | sort; }
# leaves_nothing ROOT INSTALL REMOVE: shell lines
leaves_nothing() {
  local root=$1
  listing "$root" >"$work/before"
  eval "$2" && [ "$(chroot "$root" /usr/bin/kubectl-hpawalk --version)" = "hpawalk $version" ] && listing "$root" >"$work/during" && eval "$3" || return 1
  ! diff -q "$work/before" "$work/during" >/dev/null && listing "$root" | diff "$work/before" -
}
for root in debian ubuntu; do
  [ -d "$work/roots/$root" ] || continue
  cp "$release"/*_amd64.deb "$work/roots/$root/tmp/hpawalk.deb"
  check "$root: the .deb installs, runs, and leaves nothing" leaves_nothing "$work/roots/$root" \
    "chroot $work/roots/$root apt-get install -y --no-install-recommends /tmp/hpawalk.deb" "chroot $work/roots/$root apt-get purge -y hpawalk"
done
mkdir -p "$work/rpm/usr/bin" "$work/rpm/usr/share/doc" "$work/rpm/usr/share/man/man1" "$work/rpm/var/lib/rpm"
check "the .rpm installs, runs, and leaves nothing" leaves_nothing "$work/rpm" \
  "rpm --root $work/rpm --dbpath /var/lib/rpm -i $release/*.x86_64.rpm" "rpm --root $work/rpm --dbpath /var/lib/rpm -e hpawalk"
prefix_works() { # as `cmake --install` puts it into any prefix
  "$work/amd64/bin/kubectl-hpawalk" --version && (export PATH=$work/amd64/bin:$PATH; kubectl_complete-hpawalk expl | grep explain)
}
check "the archive's tree runs from any folder" prefix_works
summary
