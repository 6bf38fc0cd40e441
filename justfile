# List the recipes
default:
    @just --list

# Serve the demonstration data
run:
    cargo run --release -p api -- serve --demo

# Run all tests on SQLite and PostgreSQL
test:
    cargo run --locked --bin with-postgres -- cargo test --locked --workspace

# Fuzz the service by its OpenAPI document (an hour or two)
fuzz examples="1000" seed="1":
    cargo build --locked --workspace --bins
    cargo run --locked --bin fuzz -- --examples {{examples}} --seed {{seed}}

# Kill the program again and again while it writes and while it starts; what it acknowledged must be there (some minutes)
kill rounds="200":
    LIANXIN_TEST_KILL_ROUNDS={{rounds}} LIANXIN_TEST_MIGRATION_ROUNDS={{rounds}} \
        cargo run --locked --bin with-postgres -- \
        cargo test --locked -p lianxin-tests --test it -- integrity::kill availability::migrating

# Rotate keys while people work, until so many requests have been answered (a minute or two)
rotate requests="10000":
    LIANXIN_TEST_ROTATION_REQUESTS={{requests}} cargo run --locked --bin with-postgres -- \
        cargo test --locked -p lianxin-tests --test it -- keys::load --nocapture

# Switch each guard off once: the tests that hold it must fail
controls:
    cargo run --locked --bin controls

# Cut connections again and again; each order must be placed once (a minute)
cut cuts="500":
    LIANXIN_TEST_CUTS={{cuts}} cargo run --locked --bin with-postgres -- \
        cargo test --locked -p lianxin-tests --test it -- integrity::cuts

# Kill replicas behind nginx and haproxy again and again; who tries again gets everything done (some minutes)
kill-replicas rounds="100":
    LIANXIN_TEST_KILLED_REPLICAS={{rounds}} cargo run --locked --bin with-postgres -- \
        cargo test --locked -p lianxin-tests --test it -- deployment::proxies::who_tries_again

# Run the tests on PostgreSQL through this PgBouncer (1.21 or later), those that a filter names
pgbouncer program="/usr/sbin/pgbouncer" filter="Postgres":
    LIANXIN_TEST_PGBOUNCER={{program}} cargo run --locked --bin with-postgres -- \
        cargo test --locked -p lianxin-tests --test it -- --skip Sqlite {{filter}}

# Check format and lints
lint:
    cargo fmt --all -- --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Check the OpenAPI document (needs Node.js)
lint-openapi:
    tests/spectral/lint

# Check licenses, layers and sources of the dependencies (needs cargo-deny)
deny:
    cargo deny check licenses bans sources

# Write the OpenAPI document anew; written beside it first, so that a failure leaves the old one
openapi:
    cargo run -p api -- openapi > openapi/openapi.json.new
    mv openapi/openapi.json.new openapi/openapi.json
