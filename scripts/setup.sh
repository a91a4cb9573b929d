#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Make .venv beside this repository and install everything into it: the project, PyTorch for the CPU, Blender as a module, tools.
# Sourced by demo.sh and test.sh; safe to run again. PYTHON=python3.11 chooses the interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

python=${PYTHON:-}
for candidate in $python python3.11 python3; do
  command -v "$candidate" >/dev/null || continue
  "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' && { python=$candidate; break; }
done
[ -n "$python" ] || fail "Python 3.11 was expected (Blender 4.5 as a module needs it) but not found; install it or set PYTHON=/path/to/python3.11"
"$python" -c 'import ensurepip, venv' 2>/dev/null \
  || fail "$python has no venv module; install it: apt-get install -y python3-venv"

# Blender as a module needs these shared libraries of the system; its wheel does not carry them.
declare -A package=(
  [libX11.so.6]=libx11-6 [libXrender.so.1]=libxrender1 [libXfixes.so.3]=libxfixes3 [libXi.so.6]=libxi6
  [libXext.so.6]=libxext6 [libxkbcommon.so.0]=libxkbcommon0 [libSM.so.6]=libsm6 [libICE.so.6]=libice6 [libGL.so.1]=libgl1
)
missing=()
for library in "${!package[@]}"; do
  "$python" -c "import ctypes; ctypes.CDLL('$library')" 2>/dev/null || missing+=("${package[$library]}")
done
# The suite compiles a network (torch.compile), which takes a C++ compiler and Python's headers, and renders with EEVEE,
# which takes EGL.
if [ -n "${for_the_suite:-}" ]; then
  command -v g++ clang++ >/dev/null || missing+=(g++)
  "$python" -c 'import os, sysconfig; os.stat(os.path.join(sysconfig.get_path("include"), "Python.h"))' 2>/dev/null || missing+=(python3-dev)
  "$python" -c "import ctypes; ctypes.CDLL('libEGL.so.1')" 2>/dev/null || missing+=(libegl1 libgl1-mesa-dri)
fi
if [ ${#missing[@]} -gt 0 ]; then
  line="apt-get install -y --no-install-recommends ${missing[*]}"
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing what is missing of the system: ${missing[*]}"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive $line; } >/dev/null 2>&1 || fail "this did not work, please run it by hand: $line"
  else
    fail "system packages are missing here; run: sudo $line"
  fi
fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
stamp=$(cat pyproject.toml scripts/setup.sh | sha256sum | cut -d' ' -f1)
if [ "$(cat .venv/.installed 2>/dev/null)" != "$stamp" ]; then
  pip=(.venv/bin/python -m pip --quiet --disable-pip-version-check)
  echo "Installing PyTorch, Blender and the tools into .venv (about two minutes, once)"
  # The CPU build first: any other order makes pip take the CUDA build, which is several gigabytes.
  "${pip[@]}" install "torch==2.13.0" || fail "PyTorch 2.13.0 could not be installed; see pip's message above"
  "${pip[@]}" install -e '.[all]' || fail "the project could not be installed; see pip's message above"
  echo "$stamp" >.venv/.installed
fi

# Threads that spin while they wait slow down everything else on a machine of few cores.
export OMP_WAIT_POLICY=PASSIVE
