# Sourced by scripts/test and scripts/fuzz: builds the fuzz targets and runs one.

readonly FUZZ_TARGETS=(cookie plan row session)

# Without a sanitizer, because ours is safe Rust and the stable compiler has none. The development profile, in which
# fuzz/Cargo.toml says what is worth optimising.
readonly FUZZ_OPTIONS=(--fuzz-dir fuzz --sanitizer none --dev)

# Arguments are passed on, such as the name of one target.
build_fuzz_targets() { cargo fuzz build "${FUZZ_OPTIONS[@]}" "$@"; }

# run_fuzz_target TARGET SECONDS: begins with the seeds and with what was found before, and ends at the first fault. The
# input that led to it is kept, and printed with the command that repeats it.
run_fuzz_target() {
  local corpus=${CARGO_TARGET_DIR:-target}/fuzz/$1
  mkdir -p "$corpus"
  printf '%s\n' "--- $1"
  cargo fuzz run "${FUZZ_OPTIONS[@]}" "$1" "$corpus" "fuzz/seeds/$1" -- \
    -max_total_time="$2" -timeout=10 -verbosity=0 -print_funcs=0 -print_final_stats=1
}
