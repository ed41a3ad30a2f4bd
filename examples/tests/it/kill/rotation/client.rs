//! One client: it rotates what it has, loses answers, asks twice, and is robbed now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::chance::Chance;
use super::book::Book;
use super::person::{Got, Person, Tokens, Wire};

const HOME: [u8; 4] = [127, 0, 0, 1];
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];
/// Before the next try when an answer was lost, as a client does.
const A_MOMENT: Duration = Duration::from_millis(20);
/// The server forgives 30 s from the first use; what is asked again later than this may be too late.
const GRACE: Duration = Duration::from_secs(25);

pub(super) struct Client {
    id: String,
    /// Somebody else's client.
    stranger: String,
    person: Arc<Person>,
    book: Arc<Book>,
    chance: Chance,
    home: Wire,
    elsewhere: Wire,
    asked: u64,
    /// Refresh tokens of this family, oldest first.
    shown: Vec<String>,
}

impl Client {
    pub(super) fn new(
        [id, stranger]: [&str; 2],
        person: Arc<Person>,
        book: Arc<Book>,
        chance: Chance,
    ) -> Self {
        let (home, elsewhere) = (Wire::from(&person.url, HOME), Wire::from(&person.url, ELSEWHERE));
        let (id, stranger) = (id.to_owned(), stranger.to_owned());
        Self { id, stranger, person, book, chance, home, elsewhere, asked: 0, shown: Vec::new() }
    }

    pub(super) async fn live(mut self, stop: Arc<AtomicBool>) {
        let mut tokens = self.begin().await;
        while !stop.load(Ordering::Relaxed) {
            let next = match self.chance.below(16) {
                0 | 1 => self.rotate_twice_at_once(&tokens).await,
                2 | 3 => self.rotate_and_forget(&tokens).await,
                4 => self.try_as_a_stranger(tokens).await,
                5 if self.shown.len() > 1 => self.be_robbed(&tokens).await,
                6 => self.open(tokens).await,
                _ => self.rotate(&tokens).await,
            };
            tokens = match next {
                Some(tokens) => tokens,
                None => self.begin().await,
            };
        }
    }

    /// Lets the person say yes until a code was exchanged.
    async fn begin(&mut self) -> Tokens {
        self.shown.clear();
        loop {
            if let Some(code) = self.person.allow(&self.id).await {
                let name = self.name();
                let got = self.home.exchange(&self.id, &name, &code).await;
                self.book.note(&self.id, &name, None, &got);
                match got {
                    Got::Tokens(tokens) => return tokens,
                    Got::Refused(why) => self.book.wrong(format!("{name}: a fresh code was refused: {why}")),
                    Got::Lost => {}
                }
            }
            tokio::time::sleep(A_MOMENT).await;
        }
    }

    /// Asks with the same token until there is an answer. `None`: it was too late for that.
    async fn rotate(&mut self, tokens: &Tokens) -> Option<Tokens> {
        let first = Instant::now();
        loop {
            let name = self.name();
            let got = self.home.refresh(&self.id, &name, &tokens.refresh).await;
            self.book.note(&self.id, &name, Some(&tokens.refresh), &got);
            if !matches!(got, Got::Lost) {
                return self.settle(tokens, got, first, &name);
            }
            tokio::time::sleep(A_MOMENT).await;
        }
    }

    fn settle(&mut self, tokens: &Tokens, got: Got, first: Instant, name: &str) -> Option<Tokens> {
        match got {
            Got::Tokens(next) => {
                if self.shown.last() != Some(&tokens.refresh) {
                    self.shown.push(tokens.refresh.clone());
                }
                Some(next)
            }
            Got::Refused(_) if first.elapsed() > GRACE => {
                self.book.late();
                None
            }
            Got::Refused(why) => {
                self.book.wrong(format!("{name}: {} was locked out: {why}", self.id));
                None
            }
            Got::Lost => None,
        }
    }

    /// Two of its windows refresh at the same moment.
    async fn rotate_twice_at_once(&mut self, tokens: &Tokens) -> Option<Tokens> {
        let (first, names) = (Instant::now(), [self.name(), self.name()]);
        let ask = |name| self.home.refresh(&self.id, name, &tokens.refresh);
        let (one, two) = tokio::join!(ask(&names[0]), ask(&names[1]));
        for (name, got) in names.iter().zip([&one, &two]) {
            self.book.note(&self.id, name, Some(&tokens.refresh), got);
        }
        for (name, got) in names.iter().zip([one, two]) {
            if !matches!(got, Got::Lost) {
                return self.settle(tokens, got, first, name);
            }
        }
        self.rotate(tokens).await
    }

    /// It gets the answer, dies before it kept it, and asks again with what it has.
    async fn rotate_and_forget(&mut self, tokens: &Tokens) -> Option<Tokens> {
        let first = Instant::now();
        self.rotate(tokens).await?;
        let again = self.rotate(tokens).await;
        // The grace counts from the first of both.
        if again.is_none() && first.elapsed() > GRACE {
            self.book.late();
        }
        again
    }

    /// Another client shows this one's token: it gets nothing, and harms nobody.
    async fn try_as_a_stranger(&mut self, tokens: Tokens) -> Option<Tokens> {
        let name = self.name();
        let got = self.home.refresh(&self.stranger, &name, &tokens.refresh).await;
        self.book.note(&self.stranger, &name, None, &got);
        if matches!(got, Got::Tokens(_)) {
            self.book.wrong(format!("{name}: {} got tokens of {}", self.stranger, self.id));
        }
        Some(tokens)
    }

    /// Somebody shows a token that was rotated out: an older one, or the last one from elsewhere. Both lose the family.
    async fn be_robbed(&mut self, tokens: &Tokens) -> Option<Tokens> {
        let near = self.chance.once_in(2);
        let loot = self.shown[self.shown.len() - if near { 1 } else { 2 }].clone();
        loop {
            let name = self.name();
            let wire = if near { &self.elsewhere } else { &self.home };
            let got = wire.refresh(&self.id, &name, &loot).await;
            self.book.note(&self.id, &name, None, &got);
            match got {
                Got::Lost => tokio::time::sleep(A_MOMENT).await,
                Got::Refused(_) => break,
                Got::Tokens(_) => {
                    self.book.wrong(format!("{name}: a thief of {} got tokens", self.id));
                    return None;
                }
            }
        }
        self.book.robbed();
        let opens = self.home.opens(&tokens.access).await;
        let name = self.name();
        let got = self.home.refresh(&self.id, &name, &tokens.refresh).await;
        self.book.note(&self.id, &name, None, &got);
        if opens == Some(true) || matches!(got, Got::Tokens(_)) {
            self.book.wrong(format!("{name}: the family of {} lives on after a theft", self.id));
        }
        None
    }

    async fn open(&mut self, tokens: Tokens) -> Option<Tokens> {
        if self.home.opens(&tokens.access).await == Some(false) {
            self.book.wrong(format!("an access token of {} opens nothing", self.id));
        }
        Some(tokens)
    }

    fn name(&mut self) -> String {
        self.asked += 1;
        format!("{}/{}", self.id, self.asked)
    }
}
