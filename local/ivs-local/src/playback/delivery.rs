//! A segment's way to one player: piece by piece, as long as the player may have it.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use futures::stream;

use super::admission::check_revoked;
use super::sessions::Session;
use crate::app::App;
use crate::packaging::segment::{SegmentReader, Unfinished};
use crate::tokens::Refusal;

/// Why a segment's delivery stops before its end. The connection is then cut, since an end would
/// make the player take what it has for the whole.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
    #[error(transparent)]
    Refused(#[from] Refusal),
}

struct Delivery {
    app: Arc<App>,
    session: Session,
    reader: SegmentReader,
}

impl Delivery {
    async fn next(&mut self) -> Result<Option<Bytes>, Stopped> {
        let piece = self.reader.next().await?;
        check_revoked(&self.app, &self.session)?;
        Ok(piece)
    }
}

/// The bytes of a segment as a response's body: what there is at once, the rest as it is written.
pub(super) fn body(app: Arc<App>, session: Session, reader: SegmentReader) -> Body {
    let delivery = Delivery {
        app,
        session,
        reader,
    };
    Body::from_stream(stream::try_unfold(delivery, |mut delivery| async {
        let piece = delivery.next().await?;
        Ok::<_, Stopped>(piece.map(|piece| (piece, delivery)))
    }))
}
