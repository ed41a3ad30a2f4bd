//! What a bench prints: Markdown, to be read as it is and to be put into README.md.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::fmt::Display;

/// Prints a heading, and below it the machine.
pub fn heading(title: &str, what: &str) {
    println!("\n## {title}\n\n{what}");
    println!("\n{}\n", machine());
}

/// Prints a line of its own.
pub fn note(text: &str) {
    println!("\n{text}");
}

/// A table that is printed when it is whole.
#[derive(Debug)]
pub struct Table(String);

impl Table {
    /// With the names of its columns.
    pub fn new(columns: &[&str]) -> Self {
        let mut table = Self(String::new());
        table.line(columns);
        table.line(&columns.iter().map(|_| "---").collect::<Vec<_>>());
        table
    }
    /// Adds a row.
    pub fn row(&mut self, cells: &[&dyn Display]) {
        let cells: Vec<String> = cells.iter().map(ToString::to_string).collect();
        self.line(&cells);
    }
    /// Prints it.
    pub fn print(&self) {
        println!("\n{}", self.0);
    }

    fn line<T: AsRef<str>>(&mut self, cells: &[T]) {
        let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
        self.0.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
}

/// The machine and the build in one line.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    let model = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let kib = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let gib = kib.trim_end_matches(" kB").parse::<f64>().unwrap_or(f64::NAN) / 1024.0 / 1024.0;
    let build =
        if cfg!(debug_assertions) { "debug build: the figures mean nothing" } else { "release build" };
    format!("{cores} cores ({model}), {gib:.0} GiB, {build}, everything on this one machine over loopback")
}
