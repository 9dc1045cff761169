#!/bin/sh
# Runs what `cargo xtask bundle` gathered, on a machine without Rust.
#
#     ./run.sh [tests] [command] [sanitize] [bench] [peers]
#
# tests: the tests that need a GPU, and those of the default backend; command: fastssim on pairs of pictures, whose scores
# must be the CPU's; sanitize: the GPU's tests under compute-sanitizer; bench: the CUDA backend beside the torch
# libraries that are installed, with its record in benches/results; peers: the CPU backend beside its peers. Without
# arguments: tests and command.
# It ends with 1 if anything failed.
cd "$(dirname "$0")" || exit 1
# Where the tests find their pictures; and a machine without a GPU is no excuse here.
FASTSSIM_TESTS="$PWD/tests"
FASTSSIM_GPU=required
export FASTSSIM_TESTS FASTSSIM_GPU
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

# The score in the command's JSON by the backend $1, with seven digits, for the pictures $2 and $3.
score() {
    target/release/fastssim --json --backend "$1" "$2" "$3" | sed 's/.*"ssim":\([^,]*\),.*/\1/' | xargs printf '%.7f'
}

command_digits() {
    for pair in "coffee.png coffee-q10.png" "camera.png camera-noisy.png" "chelsea.png chelsea-blurred.png"; do
        set -- $pair
        cpu=$(score cpu "tests/data/$1" "tests/data/$2")
        cuda=$(score cuda "tests/data/$1" "tests/data/$2")
        echo "$1 $2: cpu $cpu, cuda $cuda"
        [ "$cpu" = "$cuda" ] || failed="$failed $1"
    done
}

# Without the tests whose point is to run often or in many threads, and those of a fault, which are errors by intention.
sanitize() {
    for tool in memcheck initcheck synccheck; do
        run compute-sanitizer --tool "$tool" --error-exitcode 1 target/release/gpu \
            --skip hundred --skip eight_threads --skip out_of_memory --skip fault
    done
    folder=$(mktemp -d)
    for output in "" "--gradient $folder/gradient.npy" "--map $folder/map.png"; do
        # Unquoted: an option and its value.
        # shellcheck disable=SC2086
        run compute-sanitizer --tool racecheck --error-exitcode 1 target/release/fastssim --backend cuda $output \
            tests/data/chelsea.png tests/data/chelsea-blurred.png
    done
    rm -r "$folder"
}

[ $# -gt 0 ] || set -- tests command
for part; do
    case "$part" in
        tests) tests ;;
        command) command_digits ;;
        sanitize) sanitize ;;
        bench) run python3 benches/peers/gpu.py --write benches/results ;;
        peers) run python3 benches/peers/compare.py --threads 1 ;;
        *) echo "$part: not one of tests, command, sanitize, bench, peers" >&2; exit 2 ;;
    esac
done
if [ -n "$failed" ]; then
    echo "failed:$failed" >&2
    exit 1
fi
