# `just` lists the recipes; each is also a plain command that works without it.

# List the recipes.
default:
    @just --list

# Run every test, or those whose names contain FILTER.
test *FILTER:
    scripts/test {{ FILTER }}

# Format, then lint as strictly as CI does.
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets --release -- -D warnings

# Build the documentation, and open it with `just doc --open`.
doc *ARGS:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --release {{ ARGS }}

# Check licences, banned crates and sources of the dependencies.
deny:
    cargo deny check licenses bans sources

# Everything that CI runs, after it has installed its tools.
ci:
    scripts/ci

# Measure, as docs/performance.md describes.
bench *ARGS:
    cargo bench -p poltrona --bench bench -- {{ ARGS }}

# Measure goodput at ten times the load; `just overload --check` is a short run that can fail.
overload *ARGS:
    cargo test --release --workspace --features poltrona/chaos --bench bench -- --bench overload {{ ARGS }}

# Count the instructions of the hot paths beside the baseline; `just instructions --keep` writes it anew.
instructions *ARGS:
    scripts/check-instructions {{ ARGS }}

# Change the rules on purpose, and list the changes that no test notices (needs cargo-mutants).
mutants *ARGS:
    cargo mutants --package poltrona-domain {{ ARGS }}

# Check the program against its own OpenAPI document, with EXAMPLES generated requests for each call.
document EXAMPLES="25":
    scripts/check-document {{ EXAMPLES }}

# Serve made-up films on http://localhost:3000.
demo:
    cargo run --release -- serve --demo
