//! The real programs: those of this build, ended with the value that holds them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;

/// For everything that takes a moment.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a program of this build is: beside the one that runs.
///
/// # Errors
/// When the system does not say where that is.
pub fn program_path(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().ok_or("this program lies nowhere")?;
    Ok(folder.join(name))
}

/// A program with an environment of its own.
#[expect(clippy::disallowed_methods, reason = "a bench runs the programs themselves")]
pub(crate) fn program(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// A program that runs. What it says goes into a file.
#[derive(Debug)]
pub struct Running {
    child: Child,
    said: PathBuf,
}

impl Running {
    /// Starts it; `said` is where both of its outputs go.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(command: &mut Command, said: PathBuf) -> Result<Self> {
        let file = File::create(&said)?;
        let child = command.stdout(file.try_clone()?).stderr(file).spawn();
        let child = child.map_err(|error| format!("{:?}: {error}", command.get_program()))?;
        Ok(Self { child, said })
    }
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where a worker tells its metrics: an address of loopback.
    ///
    /// # Errors
    /// When it did not say.
    pub fn metrics(&self) -> Result<String> {
        let said = std::fs::read_to_string(&self.said)?;
        let told = said
            .lines()
            .find_map(|line| line.split_once("metrics listening on ")?.1.strip_suffix("/metrics"));
        Ok(told.ok_or_else(|| format!("no address of metrics; it said:\n{said}"))?.to_owned())
    }

    /// Waits for the first line for which `wanted` holds.
    ///
    /// # Errors
    /// When it ends, or takes too long, without.
    pub(crate) fn line(&mut self, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let begun = Instant::now();
        loop {
            let ended = self.child.try_wait()?.is_some();
            let said = std::fs::read_to_string(&self.said)?;
            if let Some(line) = said.lines().find(|line| wanted(line)) {
                return Ok(line.to_owned());
            }
            if ended || begun.elapsed() > PATIENCE {
                return Err(format!("a program did not say what it should; it said:\n{said}").into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
