#!/bin/sh
# Install a copy that only root can change, so that `sudo llmtune` never runs code a user could have written.
# usage: install.sh PREFIX BINDIR   (PYTHON names the interpreter)
set -eu
prefix=$1 bindir=$2 python=${PYTHON:-python3}
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

fail() { echo "install: $1" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "run it as root: sudo make install"
umask 022
python=$(command -v "$python") || fail "no $python found; name one: sudo make install PYTHON=/usr/bin/python3"
# -I: a Python that reads the caller's environment would already be running code that root did not choose.
"$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$python is older than Python 3.11"
real=$("$python" -I -c 'import sys; print(sys.executable)')
place=$(readlink -f "$real")
while :; do
  [ "$(stat -c %u "$place")" = 0 ] && [ -z "$(find "$place" -maxdepth 0 -perm /022 ! -type l)" ] \
    || fail "$place can be changed by others than root; name another Python: sudo make install PYTHON=/usr/bin/python3"
  [ "$place" = / ] && break
  place=$(dirname "$place")
done
case $prefix in /*/*) ;; *) fail "PREFIX must be an absolute path such as /opt/llmtune" ;; esac
[ ! -e "$prefix" ] || [ -e "$prefix/.llmtune" ] || fail "$prefix exists and was not made by llmtune; remove it or choose PREFIX=..."

build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
# Built from a copy: nothing owned by root is left in the source folder.
tar -C "$here" -c --exclude=./.git --exclude=./.venv --exclude=./build --exclude='./*.egg-info' . | tar -C "$build" -x --no-same-owner
rm -rf "$prefix"
"$python" -I -m venv "$prefix" || fail "$python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"
touch "$prefix/.llmtune"
"$prefix/bin/python" -I -m pip install --quiet --disable-pip-version-check "$build"
# -I: neither the environment nor the current folder can add code.
printf '#!%s/bin/python -I\nfrom llmtune.__main__ import main\n\nmain()\n' "$prefix" > "$prefix/bin/llmtune"
mkdir -p "$bindir"
[ ! -e "$bindir/llmtune" ] || [ -L "$bindir/llmtune" ] || fail "$bindir/llmtune exists and is no link; remove it first"
ln -sfn "$prefix/bin/llmtune" "$bindir/llmtune"
echo "$("$bindir/llmtune" --version) is in $prefix, run it as: llmtune"
