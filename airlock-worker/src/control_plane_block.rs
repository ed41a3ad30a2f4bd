//! The `control_plane:` block of `airlock.yaml`, written without touching anything else: comments and order stay.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use serde_json::{Map, Value};

/// What enrollment writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The control plane.
    pub url: String,
    /// Whose worker this is.
    pub tenant_id: String,
    /// The worker's name.
    pub worker_id: String,
    /// The control plane's key.
    pub cp_public_key: String,
}

/// Why the block was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// The text is no YAML mapping.
    #[error("the file is no YAML mapping")]
    NotYaml,
    /// The block is written in a way that cannot be changed line by line.
    #[error(
        "`control_plane:` is written in a way that cannot be changed by a program; write it as one key per line"
    )]
    Form,
    /// The file cannot be written.
    #[error("{0}")]
    Io(io::ErrorKind),
}

impl Block {
    fn fields(&self) -> [(&'static str, &str); 4] {
        [
            ("url", &self.url),
            ("tenant_id", &self.tenant_id),
            ("worker_id", &self.worker_id),
            ("cp_public_key", &self.cp_public_key),
        ]
    }

    /// The block as text, for those who must write it by hand.
    pub fn text(&self) -> String {
        let lines = self.fields().map(|(key, value)| format!("  {key}: {}\n", scalar(value)));
        format!("control_plane:\n{}", lines.concat())
    }

    /// `yaml` with this block: its keys replaced or added, every other line as it was.
    ///
    /// # Errors
    /// When the text is no YAML, or the result would not say what it should.
    pub fn put(&self, yaml: &str) -> Result<String, BlockError> {
        let before = mapping(yaml)?;
        let lines: Vec<&str> = yaml.split_inclusive('\n').collect();
        let text = match lines.iter().position(|line| line.starts_with("control_plane:")) {
            None => {
                let gap = if yaml.is_empty() || yaml.ends_with('\n') { "" } else { "\n" };
                format!("{yaml}{gap}{}", self.text())
            }
            Some(at) => self.put_at(&lines, at, &before),
        };
        // What was written is read back: the block says this, and nothing else changed.
        let mut after = mapping(&text)?;
        let written = after.remove("control_plane").unwrap_or_default();
        let mut expected = before;
        let mut block = match expected.remove("control_plane") {
            Some(Value::Object(block)) => block,
            _ => Map::new(),
        };
        block.extend(self.fields().map(|(key, value)| (key.to_owned(), Value::from(value))));
        if after == expected && written == Value::Object(block) { Ok(text) } else { Err(BlockError::Form) }
    }

    fn put_at(&self, lines: &[&str], at: usize, before: &Map<String, Value>) -> String {
        let is_inside = |line: &&str| line.trim().is_empty() || line.starts_with([' ', '\t']);
        let end = at + 1 + lines[at + 1..].iter().take_while(|line| is_inside(line)).count();
        // White space below the block belongs to what follows.
        let end =
            at + 1 + lines[at + 1..end].iter().rposition(|line| !line.trim().is_empty()).map_or(0, |i| i + 1);
        let head = lines[at].trim_start_matches("control_plane:").trim();
        let is_block = head.is_empty() || head.starts_with('#');
        let inner =
            if is_block { self.block_lines(lines[at], &lines[at + 1..end]) } else { self.unfolded(before) };
        [&lines[..at].concat(), &inner, &lines[end..].concat()].map(String::as_str).concat()
    }

    /// One key per line already: ours are replaced in place, missing ones added at the end.
    fn block_lines(&self, head: &str, lines: &[&str]) -> String {
        let is_content = |line: &&&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let indent = lines.iter().find(is_content).map_or(2, |line| line.len() - line.trim_start().len());
        let pad = " ".repeat(indent.max(1));
        let mut missing = self.fields().to_vec();
        let mut text = terminated(head);
        for line in lines {
            let key = line.split(':').next().unwrap_or_default();
            match missing.iter().position(|(known, _)| key.strip_prefix(&*pad) == Some(*known)) {
                Some(i) => {
                    let (key, value) = missing.remove(i);
                    text += &format!("{pad}{key}: {}\n", scalar(value));
                }
                None => text += &terminated(line),
            }
        }
        for (key, value) in missing {
            text += &format!("{pad}{key}: {}\n", scalar(value));
        }
        text
    }

    /// In braces or null: written anew, one key per line, with the values it had.
    fn unfolded(&self, before: &Map<String, Value>) -> String {
        let mut text = self.text();
        if let Some(Value::Object(old)) = before.get("control_plane") {
            let own = self.fields().map(|(key, _)| key);
            for (key, value) in old.iter().filter(|(key, _)| !own.contains(&key.as_str())) {
                text += &format!("  {key}: {value}\n");
            }
        }
        text
    }
}

/// A field of the block, from a file that need not be a whole policy yet.
pub fn field(yaml: &str, name: &str) -> Option<String> {
    let block = mapping(yaml).ok()?.remove("control_plane")?;
    block.get(name)?.as_str().map(str::to_owned)
}

/// Replaces the file in one step, keeping its mode.
///
/// # Errors
/// When the directory cannot be written.
pub fn write(path: &Path, text: &str) -> Result<(), BlockError> {
    let failed = |e: io::Error| BlockError::Io(e.kind());
    // A link stays a link: what it points at is replaced.
    let path = &fs::canonicalize(path).map_err(failed)?;
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
    let temporary = path.with_extension(format!("yaml.{}.tmp", std::process::id()));
    let replace = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    replace().map_err(|e| {
        let _ = fs::remove_file(&temporary);
        failed(e)
    })
}

fn mapping(yaml: &str) -> Result<Map<String, Value>, BlockError> {
    if yaml.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_saphyr::from_str::<Value>(yaml) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(Value::Null) => Ok(Map::new()),
        _ => Err(BlockError::NotYaml),
    }
}

/// A text as a YAML scalar: JSON strings are YAML.
fn scalar(text: &str) -> String {
    Value::from(text).to_string()
}

fn terminated(line: &str) -> String {
    if line.ends_with('\n') { line.to_owned() } else { format!("{line}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block() -> Block {
        Block {
            url: "https://cp.x".into(),
            tenant_id: "t_a".into(),
            worker_id: "w_a_prod".into(),
            cp_public_key: "AA=".into(),
        }
    }

    const WRITTEN: &str = "control_plane:\n  url: \"https://cp.x\"\n  tenant_id: \"t_a\"\n  worker_id: \"w_a_prod\"\n  cp_public_key: \"AA=\"\n";

    #[track_caller]
    fn check(before: &str, after: &str) {
        assert_eq!(block().put(before).unwrap(), after);
        assert_eq!(block().put(after).unwrap(), after, "putting it twice changes nothing");
    }

    #[test]
    fn a_missing_block_is_appended() {
        check("", WRITTEN);
        check("# mine\nroot_table: users", &format!("# mine\nroot_table: users\n{WRITTEN}"));
    }

    #[test]
    fn a_block_keeps_its_comments_and_other_keys() {
        check(
            "a: 1 # one\ncontrol_plane:\n    # where\n    url: http://old\n    heartbeat_s: 20 # slow\n\n# tail\nb: 2\n",
            "a: 1 # one\ncontrol_plane:\n    # where\n    url: \"https://cp.x\"\n    heartbeat_s: 20 # slow\n    tenant_id: \"t_a\"\n    worker_id: \"w_a_prod\"\n    cp_public_key: \"AA=\"\n\n# tail\nb: 2\n",
        );
    }

    #[test]
    fn a_block_in_braces_is_unfolded() {
        check(
            "control_plane: {url: https://old, heartbeat_s: 20}\nb: 2\n",
            &format!("{WRITTEN}  heartbeat_s: 20\nb: 2\n"),
        );
        check(
            "control_plane:\n  {url: https://old,\n   heartbeat_s: 20}\n"
                .replace("control_plane:\n  ", "control_plane: ")
                .as_str(),
            &format!("{WRITTEN}  heartbeat_s: 20\n"),
        );
        check("control_plane: null\nb: 2\n", &format!("{WRITTEN}b: 2\n"));
    }

    #[test]
    fn what_cannot_be_changed_line_by_line_is_refused() {
        assert!(matches!(block().put("- a\n"), Err(BlockError::NotYaml)));
        assert!(matches!(block().put("a: [\n"), Err(BlockError::NotYaml)));
        // The key exists, and no line begins with it.
        assert!(block().put("\"control_plane\": {url: x}\n").is_err());
    }

    #[test]
    fn the_file_is_replaced_in_one_step_and_keeps_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("airlock.yaml");
        fs::write(&path, "a: 1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        write(&path, "b: 2\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "b: 2\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    proptest::proptest! {
        #[test]
        fn any_text_gives_an_error_or_a_block_that_reads_back(before in "([a-z_]{1,14}:( [a-z{}\\[\\]:]{0,8})?\n| {1,4}[a-z_]{1,8}: [a-z0-9]{1,4}\n|control_plane:\n){0,8}") {
            if let Ok(after) = block().put(&before) {
                assert_eq!(mapping(&after).unwrap()["control_plane"]["url"], "https://cp.x");
            }
        }
    }
}
