//! A file out of the log on its way to whoever asked for it, over the pages or the API.
use crate::app::App;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::ledger::download::{Extras, Format, Ready, ready};
use crate::ledger::turns::Turns;
use crate::ledger::{Actor, Filter};
use crate::review::Desk;
use actix_web::body::SizedStream;
use actix_web::http::header::{ContentDisposition, DispositionParam, DispositionType};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use futures_util::stream;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Bytes that are sent at a time.
const PIECE: usize = 64 * 1024;
/// Pieces that wait for a slow reader before writing stops.
const PIECES_WAITING: usize = 4;

/// Files that are made or sent at a time, and for one person.
const AT_A_TIME: (usize, usize) = (4, 2);
/// How long a piece may wait for whoever takes the file.
const PATIENCE: Duration = Duration::from_secs(60);

/// Turns at taking files out of the log.
pub fn turns() -> Arc<Turns> {
    Turns::new("exports", AT_A_TIME.0, AT_A_TIME.1)
}

/// Makes the file, enters that `actor` takes it away, and sends it. The entry is the first that is
/// not in the file.
///
/// # Errors
/// When the database fails, there is no room for the file, or too many are at work.
pub(super) async fn taken(
    app: web::Data<App>,
    actor: Actor,
    filter: Filter,
    format: Format,
    extras: Extras,
) -> Result<HttpResponse> {
    let turn = app.exporting.take(actor.person)?;
    let (media, name) = format.file();
    let at_hand = app.clone();
    // Whoever goes away does not end the making, and so keeps the turn.
    let made = web::block(move || (ready(&at_hand, filter, format, extras), turn)).await;
    let (ready, turn) = made.map_err(|_| Error::Interrupted)?;
    let ready = Arc::new(ready?);
    let (author, entry) = (actor.clone(), ready.clone());
    let enter = move |tx: &mut Tx, desk: &Desk| entry.enter(tx, desk.clock.now(), &author);
    app.command("export", name.to_owned(), &actor, enter)
        .await?;
    let ready = Arc::into_inner(ready).ok_or(Error::Interrupted)?;
    let (sender, receiver) = channel(PIECES_WAITING);
    let length = ready.length();
    let time = Handle::current();
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        write_out(ready, &Pieces(&sender, &time));
    });
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name.to_owned())],
    };
    let pieces = stream::unfold(receiver, next_piece);
    Ok(HttpResponse::Ok()
        .content_type(media)
        .insert_header(disposition)
        .body(SizedStream::new(length, Box::pin(pieces))))
}

type Piece = std::result::Result<Bytes, io::Error>;

async fn next_piece(mut receiver: Receiver<Piece>) -> Option<(Piece, Receiver<Piece>)> {
    let piece = receiver.recv().await?;
    Some((piece, receiver))
}

/// Writes the file as fast as it is read. When it fails the connection is cut, so that nobody
/// takes half a log for a whole one.
fn write_out(ready: Ready, pieces: &Pieces<'_>) {
    let out = BufWriter::with_capacity(PIECE, pieces);
    if let Err(error) = ready.write(out) {
        tracing::warn!(%error, "a download of the decision log ended early");
        let _ = pieces.put(Err(io::Error::other("the download was cut off")));
    }
}

/// The pieces on their way, and what tells how long one waits.
struct Pieces<'a>(&'a Sender<Piece>, &'a Handle);

impl Pieces<'_> {
    fn put(&self, piece: Piece) -> io::Result<()> {
        let sent = self.1.block_on(self.0.send_timeout(piece, PATIENCE));
        sent.map_err(|error| match error {
            SendTimeoutError::Timeout(_) => io::Error::from(io::ErrorKind::TimedOut),
            SendTimeoutError::Closed(_) => io::Error::from(io::ErrorKind::BrokenPipe),
        })
    }
}

impl Write for &Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(Ok(Bytes::copy_from_slice(bytes)))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
