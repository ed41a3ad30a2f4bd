//! Mails out: over SMTP, or into a folder while developing.
//!
//! Plain text, one thing a mail. A mail is sent after the answer, by a task; a failure is logged by its kind, never with
//! an address, a link or what the server said.

mod address;
mod letter;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;

pub use address::EmailAddress;
pub use letter::{Letter, Links};

use crate::config::Config;
use crate::error::StartError;
use crate::tasks::{TaskKind, Tasks};
use crate::trust::Trust;
use transport::Transport;

// Before the second and the third try.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];

/// Sends mails. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Mailer {
    post: Option<Arc<Post>>,
    tasks: Tasks,
    links: Links,
}

#[derive(Debug)]
struct Post {
    transport: Transport,
    from: Mailbox,
}

impl Mailer {
    /// As the configuration says; without mail settings, one that sends nothing.
    ///
    /// # Errors
    /// [`StartError::Mail`] if the settings cannot be used.
    pub fn new(config: &Config, trust: &Trust, tasks: Tasks) -> Result<Self, StartError> {
        let post = match &config.mail {
            None => None,
            Some(mail) => {
                let from = mail.from.parse().map_err(|_| StartError::Mail("the sender is no address"))?;
                Some(Arc::new(Post { transport: Transport::new(mail.smtp.expose(), trust)?, from }))
            }
        };
        Ok(Self { post, tasks, links: Links::new(config.issuer()) })
    }

    /// Whether mails are sent at all.
    pub fn sends(&self) -> bool {
        self.post.is_some()
    }

    /// What links in mails look like.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// Looks once, soon, whether the server takes mails from us: a wrong password is told when we start, not with the
    /// first mail that somebody waits for.
    pub(crate) fn try_server(&self) {
        let Some(post) = self.post.clone() else { return };
        let stop = self.tasks.stop();
        self.tasks.spawn(TaskKind::Act, async move {
            tokio::select! {
                () = stop.cancelled() => {}
                tried = post.transport.try_server() => match tried {
                    Ok(()) => tracing::info!("the mail server takes our mails"),
                    Err(failure) => tracing::error!(why = failure.kind, "mails cannot be sent; AIRLOCK_CP_SMTP_URL says where to"),
                }
            }
        });
    }

    /// Sends a letter, soon. Nothing tells the caller whether it arrived.
    pub fn send(&self, to: &EmailAddress, letter: &Letter) {
        let Some(post) = self.post.clone() else { return };
        let message = Message::builder()
            .from(post.from.clone())
            .to(Mailbox::new(None, to.mailbox()))
            .subject(letter.subject())
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text());
        let Ok(message) = message else {
            tracing::error!("a mail could not be written");
            return;
        };
        let stop = self.tasks.stop();
        self.tasks.spawn(TaskKind::Act, async move {
            let mut waits = AGAIN_AFTER.iter();
            loop {
                let Err(failure) = post.transport.send(message.clone()).await else { return };
                let wait = waits.next().filter(|_| failure.may_pass);
                tracing::warn!(why = failure.kind, again = wait.is_some(), "a mail was not sent");
                let Some(wait) = wait else { return };
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(*wait) => {}
                }
            }
        });
    }
}
