//! The whole life of an enforcer in a terminal, to see once before you write one: set up, sign in, be allowed, pair, stay present, ask,
//! wait, take back, end the pairing, sign out. It runs nothing; it only asks.
//!
//! ```sh
//! cargo run --workspace --example test_enforcer
//! ```
//!
//! | file | is |
//! |---|---|
//! | `model/` | where the program is and what it knows: messages in, effects out |
//! | `view/` | what stands on the screen |
//! | `errands.rs`, `hands.rs` | the effects, done with airlock-client: **what to copy** |
//! | `settings.rs`, `form.rs`, `keys.rs`, `trouble.rs`, `terminal.rs` | what it needs around that |

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own")]

mod errands;
mod form;
mod hands;
mod keys;
mod model;
mod settings;
mod terminal;
mod trouble;
mod view;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crossterm::event::EventStream;
use futures::StreamExt as _;
use hands::Hands;
use keys::Key;
use model::{Model, Msg};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// Times and heartbeats on the screen move this often.
const TICK: Duration = Duration::from_secs(1);

const HELP: &str = "The whole life of an enforcer, to see once before you write one

Usage: test_enforcer [--folder FOLDER]

Options:
      --folder FOLDER  Settings, sign-in and pairing, readable by you alone; .test-enforcer when absent
  -h, --help           Print help

Ctrl-C leaves; what was asked goes on waiting, and so does the program when it is started again.";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let folder = match arguments.as_slice() {
        [] => PathBuf::from(".test-enforcer"),
        ["--folder", folder] => PathBuf::from(folder),
        ["-h" | "--help"] => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        eprintln!("error: this program draws on a terminal, and there is none");
        return ExitCode::from(2);
    }
    match run(folder).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(1)
        }
    }
}

async fn run(folder: PathBuf) -> io::Result<()> {
    terminal::give_back_on_panic();
    let mut hands = Hands::new(folder);
    let (mut model, mut effects) = Model::begin(hands.settings(), hands.now());
    let _taken = terminal::Taken::take(io::stdout())?;
    let mut screen = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    let mut keyboard = EventStream::new();
    let mut tick = tokio::time::interval(TICK);
    let mut stopped = std::pin::pin!(stopped());
    while !model.is_over() {
        for effect in effects.drain(..) {
            hands.perform(effect).await;
        }
        // A terminal of another size is noticed here.
        screen.draw(|frame| view::draw(&model, frame))?;
        let msg = tokio::select! {
            event = keyboard.next() => match event {
                Some(event) => Key::of(event?).map(Msg::Key),
                None => return Ok(()),
            },
            msg = hands.next() => Some(msg),
            _ = tick.tick() => Some(Msg::Tick(hands.now())),
            () = &mut stopped => return Ok(()),
        };
        effects = msg.map(|msg| model.update(msg)).unwrap_or_default();
    }
    Ok(())
}

/// Returns when the program is to end.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (terminate, hang_up) = (signal(SignalKind::terminate()), signal(SignalKind::hangup()));
        let (Ok(mut terminate), Ok(mut hang_up)) = (terminate, hang_up) else { return };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
}
