//! Live channels: what happens, told as it happens. All that they tell is in the inbox and in answers to polls as well.

use std::collections::{HashSet, VecDeque};

use airlock_core::id::ExchangeId;
use airlock_proto::gateway::msg_type;

use super::exchanges_repo::{self as repo, Shelf};
use super::messages::{self, Message};
use super::model::{Approver, Party};
use super::news::{Kind, Listener, News, Topic};
use super::service::Approvals;
use crate::error::ServiceError;

/// Of one approver or enforcer, in one process.
const CHANNELS_MAX: usize = 20;
/// What waited before the channel was opened.
const REPLAYED_MAX: i64 = 200;

/// A channel of an approver or an enforcer.
pub struct Channel {
    room: Approvals,
    whose: Whose,
    listener: Listener,
    // Heard and not yet told.
    news: Option<News>,
    first: VecDeque<Message>,
    // Told at the start, and told again by the news that came meanwhile.
    told: HashSet<String>,
}

enum Whose {
    Approver(Approver),
    Enforcer,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.whose {
            Whose::Approver(_) => "Channel(approver)",
            Whose::Enforcer => "Channel(enforcer)",
        })
    }
}

impl Channel {
    fn new(room: &Approvals, whose: Whose, listener: Listener, first: VecDeque<Message>) -> Self {
        let told = first.iter().filter_map(|message| message.id.clone()).collect();
        Self { room: room.clone(), whose, listener, news: None, first, told }
    }

    /// The next message. `None` when the reader was too slow: what it missed is in the inbox. May be dropped and called again;
    /// nothing is lost by that.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn next(&mut self) -> Result<Option<Message>, ServiceError> {
        loop {
            if let Some(message) = self.first.pop_front() {
                return Ok(Some(message));
            }
            if self.news.is_none() {
                self.news = self.listener.next().await.filter(|news| news.kind != Kind::Missed);
            }
            let Some(news) = &self.news else { return Ok(None) };
            let message = match &self.whose {
                Whose::Approver(approver) => self.room.for_approver(approver, news).await?,
                // What is to be acted on is for the channel that was opened last; whoever acts on it asks the store.
                Whose::Enforcer if news.kind != Kind::Unpaired && !news.to_newest => None,
                Whose::Enforcer => self.room.for_enforcer(news).await?,
            };
            self.news = None;
            let is_new = |message: &Message| !message.id.as_ref().is_some_and(|id| self.told.remove(id));
            if let Some(message) = message.filter(is_new) {
                return Ok(Some(message));
            }
        }
    }
}

impl Approvals {
    /// Opens an approver's channel: first all that waits, oldest first, but for what came up to the message `after`.
    ///
    /// # Errors
    /// [`ServiceError::TooMany`]; when the store does not answer.
    pub async fn approver_channel(
        &self,
        approver: Approver,
        after: Option<&str>,
    ) -> Result<Channel, ServiceError> {
        let listener = self.listen(&Topic::Approver(approver.id.clone()))?;
        let now = self.now();
        let mut items =
            repo::inbox(&self.on.store, &approver.id, Shelf::Waiting, None, now, REPLAYED_MAX).await?;
        items.reverse();
        if let Some(at) = after.and_then(|id| items.iter().position(|item| item.msg_id == id)) {
            items.drain(..=at);
        }
        let first: VecDeque<_> =
            items.iter().filter_map(|item| messages::asked(item, &approver, now)).collect();
        Ok(Channel::new(self, Whose::Approver(approver), listener, first))
    }

    /// Opens an enforcer's channel: first the decisions that it did not say it has.
    ///
    /// # Errors
    /// [`ServiceError::TooMany`]; when the store does not answer.
    pub async fn enforcer_channel(&self, party: &Party, enforcer: &str) -> Result<Channel, ServiceError> {
        let topic = Topic::Enforcer(party.org.clone(), party.user.clone(), enforcer.to_owned());
        let listener = self.listen(&topic)?;
        let mut decided =
            repo::undelivered(&self.on.store, &party.org, &party.user, enforcer, REPLAYED_MAX).await?;
        decided.reverse();
        let first: VecDeque<_> = decided.iter().filter_map(messages::delivered).collect();
        Ok(Channel::new(self, Whose::Enforcer, listener, first))
    }

    fn listen(&self, topic: &Topic) -> Result<Listener, ServiceError> {
        let retry_after = std::time::Duration::from_secs(10);
        self.on.news.listen(topic, CHANNELS_MAX).ok_or(ServiceError::TooMany { retry_after })
    }

    async fn for_approver(&self, approver: &Approver, news: &News) -> Result<Option<Message>, ServiceError> {
        let now = self.now();
        Ok(match news.kind {
            Kind::Asked | Kind::Decided | Kind::Ended => {
                let Ok(id) = news.about.parse::<ExchangeId>() else { return Ok(None) };
                let item = repo::inbox_item(&self.on.store, &approver.id, &id).await?;
                let Some(item) = item else { return Ok(None) };
                let waits = item.record.exchange.state(now).is_pending();
                match (news.kind, waits) {
                    (Kind::Asked, true) => messages::asked(&item, approver, now),
                    // Its end is told by news of its own.
                    (Kind::Asked, false) => None,
                    _ => messages::over(&item, now),
                }
            }
            Kind::Claimed => messages::of_pairing(msg_type::PAIRING_CLAIMED, &news.about, now),
            Kind::Unpaired => messages::of_pairing(msg_type::PAIRING_REVOKED, &news.about, now),
            Kind::Refresh | Kind::Missed => None,
        })
    }

    async fn for_enforcer(&self, news: &News) -> Result<Option<Message>, ServiceError> {
        let now = self.now();
        Ok(match news.kind {
            Kind::Decided => {
                let Ok(id) = news.about.parse::<ExchangeId>() else { return Ok(None) };
                let record = repo::by_id(&self.on.store, &id).await?;
                record.as_ref().and_then(messages::delivered)
            }
            Kind::Unpaired => messages::of_pairing(msg_type::PAIRING_REVOKED, &news.about, now),
            Kind::Refresh => messages::refresh(&news.about, now),
            Kind::Asked | Kind::Ended | Kind::Claimed | Kind::Missed => None,
        })
    }
}
