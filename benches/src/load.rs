//! Many who ask at once, each again as soon as it was answered.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Result;
use crate::stats::Timings;

/// One who asks.
pub trait Asker: Send + 'static {
    /// Asks once. An answer that is not the one wanted is an error: a refusal is fast, and no result.
    fn ask(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// What came of it.
#[derive(Debug)]
pub struct Load {
    /// Of each question that was answered.
    pub timings: Timings,
    /// From the first question to the last answer.
    pub elapsed: Duration,
}

impl Load {
    /// Answers a second.
    pub fn per_second(&self) -> f64 {
        self.timings.count() as f64 / self.elapsed.as_secs_f64()
    }
}

/// When those who ask have asked enough.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After this long; each at least once.
    Over(Duration),
    /// When each has asked so often.
    Asked(usize),
    /// After this long, or when each has asked so often.
    Either(Duration, usize),
}

/// Lets all of them ask; gives them back.
///
/// # Errors
/// With the first error that one of them had.
pub async fn drive<A: Asker>(askers: Vec<A>, until: Until) -> Result<(Vec<A>, Load)> {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for mut asker in askers {
        tasks.spawn(async move {
            let mut timings = Timings::default();
            loop {
                let asked = Instant::now();
                asker.ask().await?;
                timings.push(asked.elapsed());
                let is_enough = match until {
                    Until::Over(time) => begun.elapsed() >= time,
                    Until::Asked(often) => timings.count() >= often,
                    Until::Either(time, often) => begun.elapsed() >= time || timings.count() >= often,
                };
                if is_enough {
                    return Ok::<_, crate::Error>((asker, timings));
                }
            }
        });
    }
    let (mut askers, mut timings) = (Vec::new(), Timings::default());
    while let Some(ended) = tasks.join_next().await {
        let (asker, of_one) = ended??;
        askers.push(asker);
        timings.extend(of_one);
    }
    Ok((askers, Load { timings, elapsed: begun.elapsed() }))
}
