build: ## Build target/release/liblocalapi.so
	cargo build --release

test: ## Run all tests
	cargo fmt --check
	cargo test --no-default-features

.PHONY: build test
