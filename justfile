# What one does in this repository, one line each. Every recipe is a plain command: `just` is a convenience.

# The recipes.
default:
    @just --list

# Formatting, lints and the house rules; fast.
check:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    cargo test --test tidy

# Everything, the real servers included: the command the README names.
test:
    tests/run

# The simulated Internets, over so many seeds; SEED=7 in the environment plays one and tells what happens.
sim seeds="200":
    SEEDS={{seeds}} cargo test --test it -- --nocapture random_internets

# The scripted scenarios, or those whose names contain a word; BURDOCK_SCENARIOS names more folders.
scenario name="":
    cargo test --test scenarios {{name}}

# The binary against NSD and Knot DNS on loopback.
e2e filter="":
    E2E=1 cargo test --test e2e {{filter}}

# One fuzz target for so many seconds; `just fuzz` lists them.
fuzz target="" seconds="60":
    fuzz/run "{{target}}" "{{seconds}}"

# Beside its peers, as root on Debian (benches/peers/install first); docs/performance.md says what is measured.
bench *options:
    cargo bench --bench peers -- {{options}}

# What a question costs in instructions, counted by valgrind; --record keeps what is counted.
instructions *options:
    cargo bench --bench instructions -- {{options}}

# Licences, banned crates and sources of everything we link.
deny:
    cargo deny check licenses bans sources

# The API documentation, private items included.
docs:
    cargo doc --no-deps --document-private-items

# Walk a miniature Internet: no network, no root.
playground:
    cargo run --release -- playground
