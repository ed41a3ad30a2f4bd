//! `airlock-cp`: the control plane's binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The demo's worker runs its queries in children of this program.
    #[cfg(feature = "dev")]
    airlock_worker::isolate::run_if_child();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(_) => return ExitCode::from(3),
    };
    runtime.block_on(airlock_cp::cli::run())
}
