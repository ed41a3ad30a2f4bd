//! The committed code is what the `.proto` yields. protox reads it, so no protoc is needed.

use std::fs;
use std::path::Path;

/// To renew the code: `AIRLOCK_REGENERATE=1 cargo test --workspace --test it regenerate`.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a switch for the one who changes the .proto, read in this test only"
)]
fn generated_code_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fresh = generate(root);
    for (name, text) in fresh {
        let path = root.join("src/generated").join(&name);
        if std::env::var_os("AIRLOCK_REGENERATE").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "src/generated/{name} is stale: run with AIRLOCK_REGENERATE=1 and commit it"
        );
    }
}

fn generate(root: &Path) -> Vec<(String, String)> {
    let files =
        protox::compile([root.join("proto/airlock/tunnel/v1/tunnel.proto")], [root.join("proto")]).unwrap();
    let out = tempfile::tempdir().unwrap();
    tonic_prost_build::configure()
        .out_dir(out.path())
        // Bodies are taken from the receive buffer without a copy.
        .bytes(".")
        .build_transport(false)
        .emit_rerun_if_changed(false)
        .compile_fds(files)
        .unwrap();
    let mut made: Vec<_> = fs::read_dir(out.path())
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    made.sort();
    assert!(!made.is_empty());
    made
}
