//! `airlock-approve`: the approver's binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(_) => return ExitCode::from(3),
    };
    runtime.block_on(airlock_client::cli::run())
}
