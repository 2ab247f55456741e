//! A file that is checked while it comes in: a few pieces wait at any moment, and none is kept.
use crate::app::App;
use crate::error::{Error, Result};
use crate::ledger::key::Vkey;
use crate::ledger::verifying::{FILE_MAX, Found, check};
use actix_web::web::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use std::fmt::Display;
use std::io::{self, BufReader, Read};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Pieces that wait to be checked before no more is read.
const WAITING: usize = 4;
/// Bytes read at a time.
const PIECE: usize = 64 * 1024;
/// How long a file may take to come in.
const PATIENCE: Duration = Duration::from_secs(120);

type Piece = io::Result<Bytes>;

/// The right to have a file checked: few are at a time.
pub struct Turn(OwnedSemaphorePermit);

impl Turn {
    /// Takes it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while others have it.
    pub fn take(app: &App) -> Result<Turn> {
        let turn = app.verifying.clone().try_acquire_owned();
        turn.map(Turn).map_err(|_| {
            let why = "other files are being checked; try again in a minute, or run \
                       `countersign verify` on your own machine";
            Error::Unavailable(why.to_owned())
        })
    }
}

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
    let (sender, pieces) = channel(WAITING);
    let looking = tokio::task::spawn_blocking(move || {
        let _turn = turn.0;
        let now = Bytes::new();
        let file = BufReader::with_capacity(PIECE, Incoming { pieces, now });
        check(file, &keys, since.as_deref())
    });
    if tokio::time::timeout(PATIENCE, feed(body, &sender))
        .await
        .is_err()
    {
        let why = format!("it took longer than {} seconds", PATIENCE.as_secs());
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
