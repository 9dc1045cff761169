#!/bin/sh
# Runs what `cargo xtask bundle` gathered, on a machine without Rust.
#
#     ./run.sh [tests] [command] [peers]
#
# tests: the tests that need a GPU; command: fastssim on a pair of pictures; peers: the benchmark beside
# the Python peers that are installed (needs python3 with numpy). Without arguments: tests and command.
# It ends with 1 if anything failed.
cd "$(dirname "$0")" || exit 1
# Where the tests find their pictures.
FASTSSIM_TESTS="$PWD/tests"
export FASTSSIM_TESTS
failed=

run() {
    echo "== $*"
    "$@" || failed="$failed $1"
}

tests() {
    tests="@TESTS@"
    if [ -z "$tests" ]; then
        echo "there is no test in this bundle"
    fi
    for test in $tests; do
        run "target/release/$test"
    done
}

[ $# -gt 0 ] || set -- tests command
for part; do
    case "$part" in
        tests) tests ;;
        command) run target/release/fastssim tests/data/coffee.png tests/data/coffee-q10.png ;;
        peers) run python3 benches/peers/compare.py --threads 1 ;;
        *) echo "$part: not one of tests, command, peers" >&2; exit 2 ;;
    esac
done
if [ -n "$failed" ]; then
    echo "failed:$failed" >&2
    exit 1
fi
