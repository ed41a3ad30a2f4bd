# The menu. Each recipe calls cargo or a script of .ci; CI runs the same words.
.PHONY: demo test check soak bench python

demo:   ## the whole passage in one process, on sample data (DEMO_ONCE=1 ends it after the answer)
	@.ci/demo

test:   ## installs what the tests need (Postgres, Chromium) and runs them all
	@.ci/test

check:  ## formatting, lints, features, licences, docs
	@.ci/check

python: ## the wheel of the Python package, in target/wheels
	@.ci/python

bench:  ## speed, beside others in the same run (.ci/bench says what can be set); benches/README.md has the last figures
	@.ci/bench

soak:   ## hours: 1,000 kills at random moments, property tests with many cases, fuzzing (.ci/soak says what can be set)
	@.ci/soak
