//! A stream of batches made by a plain async function.

use std::future::Future;

use airlock_core::snapshot::source::{BatchStream, SourceError};
use arrow::record_batch::RecordBatch;
use futures::channel::mpsc;
use futures::{FutureExt, SinkExt, StreamExt, stream};

/// Where a producer puts its batches. Waits until the one before was taken, so at most one lies here.
#[derive(Debug)]
pub(crate) struct Batches(mpsc::Sender<Result<RecordBatch, SourceError>>);

impl Batches {
    /// Hands a batch over.
    pub(crate) async fn send(&mut self, batch: RecordBatch) {
        // The other end lives in the same stream as the producer, so it is there while the producer is polled.
        let _ = self.0.send(Ok(batch)).await;
    }
}

/// The stream of what `produce` sends, then its error if it failed. Nothing happens before the first poll; no task is
/// started, so dropping the stream drops the producer where it stands.
pub(crate) fn produce<'a, P, F>(produce: P) -> BatchStream<'a>
where
    P: FnOnce(Batches) -> F + Send + 'a,
    F: Future<Output = Result<(), SourceError>> + Send + 'a,
{
    let (sender, batches) = mpsc::channel(0);
    let mut failures = sender.clone();
    let producer = async move {
        if let Err(error) = produce(Batches(sender)).await {
            let _ = failures.send(Err(error)).await;
        }
    };
    let silent = producer.into_stream().filter_map(|()| std::future::ready(None));
    stream::select(batches, silent).boxed()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array};
    use futures::TryStreamExt;

    use super::*;

    fn batch(n: i32) -> RecordBatch {
        let column: ArrayRef = Arc::new(Int32Array::from(vec![n]));
        RecordBatch::try_from_iter([("n", column)]).unwrap()
    }

    #[tokio::test]
    async fn batches_arrive_in_order_and_the_error_comes_last() {
        let mut got = produce(|mut out| async move {
            for n in 0..3 {
                out.send(batch(n)).await;
            }
            Err(SourceError::Timeout)
        });
        for n in 0..3 {
            assert_eq!(got.try_next().await, Ok(Some(batch(n))));
        }
        assert_eq!(got.try_next().await, Err(SourceError::Timeout));
        assert_eq!(got.try_next().await, Ok(None));
    }
}
