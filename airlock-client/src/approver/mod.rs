//! The approver's side: a person's keys, what waits for them, and the yes or no that they sign.
//!
//! 1. [`Approver::resolve`] reads a code; the person looks at the [`Invitation`] and [`accepts`](Approver::accept) it. Keys are made
//!    and kept here; the gateway gets the public ones, signed.
//! 2. [`Approver::inbox`] is what waits. [`Approver::open`] decrypts one request and compares its hash: an [`Opened`] request shows
//!    [`Inert`] text only, which cannot reorder, hide or imitate anything on a terminal.
//! 3. [`Approver::decide`] signs a [`Yes`] or a no. A [`Yes`] is given out for a request whose hash fits what was shown; where it does
//!    not fit, the signature would be about something that nobody saw, and the door to it is called dangerous.
//!
//! [`Approver::live`] tells when to look again, [`Approver::history`] what waited, [`Approver::stand`] decides in advance.
//!
//! [`ApproverKeys`], [`Waiting`] and [`Opened`] are values without I/O, for approvers with a network of their own.
//!
//! ```no_run
//! use airlock_client::approver::{Approver, ApproverFolder, Choice};
//! use airlock_client::{Airlock, ClientConfig};
//!
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! let airlock = Airlock::new(ClientConfig::from_env()?)?;
//! let approver = Approver::new(airlock, ApproverFolder::open(".airlock-approver")?)?;
//! let invitation = approver.resolve("A3K9X2").await?;
//! println!("{:?} wants to pair; it should show {}", invitation.claimed(), approver.fingerprint());
//! approver.accept(&invitation).await?;
//! for waiting in approver.inbox().await?.waiting {
//!     let opened = approver.open(&waiting)?;
//!     for row in opened.shown(10_000).rows {
//!         println!("{row}");
//!     }
//!     match opened.verified() {
//!         Some(yes) => approver.decide(Choice::Approve(yes), None).await?,
//!         None => approver.decide(Choice::Reject(&waiting), None).await?,
//!     }
//! }
//! # Ok(())
//! # }
//! ```

pub mod calls;
mod desk;
mod events;
mod folder;
mod inert;
mod invitation;
mod keys;
mod live;
mod opened;
mod shown;
mod sign;
mod standing;
mod waiting;

pub use desk::Approver;
pub use folder::ApproverFolder;
pub use inert::Inert;
pub use invitation::{Acceptance, Invitation, InvitationError};
pub use keys::{ApproverKeys, PairedEnforcer};
pub use live::{LOOK_EVERY, Live};
pub use opened::{HashCheck, NotOpened, Opened};
pub use shown::{Row, Shown};
pub use sign::{Choice, SignedDecision, Yes};
pub use standing::{StandingWish, StandsBy, stands_by};
pub use waiting::{Claimed, InboxPage, Waiting};
