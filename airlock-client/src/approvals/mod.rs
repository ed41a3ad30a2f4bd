//! Approvals: ask a person before a risky act, through a gateway that can read nothing and forge nothing.
//!
//! 1. [`Approvals::pair`] once: the person's approver and this program exchange keys. The [`Pairing`] is kept in a
//!    [`StateFolder`].
//! 2. [`RemoteGate::submit`](airlock_core::approval::ApprovalGate::submit) encrypts what is asked and hands it over.
//! 3. [`RemoteGate::wait`](airlock_core::approval::ApprovalGate::wait) gives a
//!    [`Believed`](airlock_core::approval::Believed) decision: signed by the paired approver, about the very thing that was
//!    asked, in time, for the first time. It may be dropped and asked again, after a restart as well.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use airlock_client::approvals::{Enforcer, RemoteGate, StateFolder};
//! use airlock_client::{Airlock, ClientConfig};
//! use airlock_core::approval::{ApprovalGate, Ask};
//! use serde_json::json;
//!
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! let airlock = Airlock::new(ClientConfig::from_env()?)?;
//! let approvals = airlock.approvals(Enforcer::new("my-agent".parse()?).with_workspace("my-project"));
//! let folder = StateFolder::open(".airlock-agent")?;
//! let pairing = match folder.pairing()? {
//!     Some(pairing) => pairing,
//!     None => {
//!         let begun = approvals.pair().await?;
//!         println!("Type {} at your approver", begun.code());
//!         let pairing = begun.completed(&approvals).await?;
//!         println!("Does it show {}?", pairing.fingerprint());
//!         folder.keep_pairing(&pairing)?;
//!         pairing
//!     }
//! };
//! let gate = RemoteGate::new(approvals, pairing, folder)?;
//! let ask = Ask::new("command-approval".parse()?, json!({"command": "rm -rf build", "at": "2026-01-01T00:00:00Z"}));
//! let request = gate.submit(ask).await?;
//! match gate.wait(&request, Duration::from_secs(600)).await? {
//!     Some(decision) if decision.is_approved() => println!("run it"),
//!     _ => println!("do not"),
//! }
//! # Ok(())
//! # }
//! ```

mod dnd;
mod enforcer;
mod gate;
mod pairing;
mod state;
mod ticket;

pub use airlock_core::approval::verify_decision;
pub use dnd::{Choice, STANDING_CACHED_FOR};
pub use enforcer::{Approvals, Enforcer};
pub use gate::RemoteGate;
pub use pairing::{BegunPairing, Pairing, PairingFailure};
pub use state::StateFolder;
