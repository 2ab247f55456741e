//! A file that is checked while it comes in: a few pieces wait at any moment, and none is kept.
use crate::error::{Error, Result};
use crate::ledger::key::Vkey;
use crate::ledger::turns::Turn;
use crate::ledger::verifying::{FILE_MAX, Found, check};
use actix_web::web::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use std::fmt::Display;
use std::io::{self, BufReader, Read};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Pieces that wait to be checked before no more is read.
const WAITING: usize = 4;
/// Bytes read at a time.
const PIECE: usize = 64 * 1024;
/// How long a file may take to come in and be checked: what comes in waits for the checking.
const PATIENCE: Duration = Duration::from_secs(120);

type Piece = io::Result<Bytes>;

/// Checks the file that `body` brings.
///
/// # Errors
/// When the check itself broke down.
pub async fn look<E: Display>(
    turn: Turn,
    keys: Vec<Vkey>,
    since: Option<Vec<u8>>,
    body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
) -> Result<Found> {
    look_within(PATIENCE, turn, keys, since, body).await
}

async fn look_within<E: Display>(
    patience: Duration,
    turn: Turn,
    keys: Vec<Vkey>,
    since: Option<Vec<u8>>,
    body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
) -> Result<Found> {
    let (sender, pieces) = channel(WAITING);
    let looking = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let now = Bytes::new();
        let file = BufReader::with_capacity(PIECE, Incoming { pieces, now });
        check(file, &keys, since.as_deref())
    });
    if tokio::time::timeout(patience, feed(body, &sender))
        .await
        .is_err()
    {
        let why = format!("it took longer than {} seconds", patience.as_secs());
        // Nobody listens any more when the verdict is out already.
        let _ = sender.send(Err(io::Error::other(why))).await;
    }
    drop(sender);
    looking.await.map_err(|_| Error::Interrupted)
}

/// Hands on what comes in. All of it is read, also when the verdict is out before: a browser shows
/// no answer to a form that it could not send to its end.
async fn feed<E: Display>(
    mut body: impl Stream<Item = std::result::Result<Bytes, E>> + Unpin,
    sender: &Sender<Piece>,
) {
    let mut length = 0_u64;
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| io::Error::other(format!("it broke off: {error}")));
        let bytes = piece.as_ref().map_or(0, Bytes::len);
        length = length.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if length > FILE_MAX {
            let why = format!(
                "it is longer than {} MB; run `countersign verify` on your own machine, which \
                 takes any length",
                FILE_MAX >> 20
            );
            let _ = sender.send(Err(io::Error::other(why))).await;
            return;
        }
        let broken = piece.is_err();
        let _ = sender.send(piece).await;
        if broken {
            return;
        }
    }
}

/// The pieces as one file.
struct Incoming {
    pieces: Receiver<Piece>,
    now: Bytes,
}

impl Read for Incoming {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.now.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.now = piece?,
                None => return Ok(0),
            }
        }
        let length = out.len().min(self.now.len());
        if let Some(out) = out.get_mut(..length) {
            self.now.copy_to_slice(out);
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::verifying::turns;
    use futures_util::stream;
    use std::convert::Infallible;

    async fn looked(
        patience: u64,
        body: impl Stream<Item = std::result::Result<Bytes, Infallible>> + Unpin,
    ) -> Found {
        let turn = turns().take(None).unwrap();
        let patience = Duration::from_millis(patience);
        look_within(patience, turn, Vec::new(), None, body)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn whoever_sends_slowly_or_without_end_gets_a_verdict_all_the_same() {
        let begin = stream::iter([Ok(Bytes::from_static(b"PK"))]);
        let found = looked(50, begin.chain(stream::pending())).await;
        assert_eq!(found.verdict, "unreadable");
        assert!(found.words.contains("it took longer"), "{}", found.words);
        let piece = Bytes::from(vec![b'x'; 1 << 20]);
        let found = looked(60_000, stream::repeat_with(|| Ok(piece.clone()))).await;
        assert_eq!(found.verdict, "unreadable");
    }
}
