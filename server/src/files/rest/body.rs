//! Bytes from the disk to a socket, as fast as that takes them.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream;

/// How much is read at a time. The next piece is read when the socket has taken most of this one.
const PIECE: u64 = 128 * 1024;

/// These bytes of a file, as a body. They are read where a thread may block; a file that turns out to be shorter breaks the connection.
pub(super) fn body(file: File, range: Range<u64>) -> Body {
    let file = Arc::new(file);
    Body::from_stream(stream::try_unfold(range, move |left| {
        let file = file.clone();
        async move {
            if left.is_empty() {
                return Ok::<_, io::Error>(None);
            }
            let next = left.start..left.end.min(left.start + PIECE);
            let rest = next.end..left.end;
            let piece = tokio::task::spawn_blocking(move || read(&file, &next)).await.map_err(io::Error::other)??;
            Ok(Some((piece, rest)))
        }
    }))
}

fn read(file: &File, range: &Range<u64>) -> io::Result<Bytes> {
    let len = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    let mut piece = BytesMut::zeroed(len);
    file.read_exact_at(&mut piece, range.start)?;
    Ok(piece.freeze())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn exactly_the_bytes_of_the_range() {
        let mut file = tempfile::tempfile().expect("a file");
        let bytes: Vec<u8> = (0..PIECE * 2 + 77).map(|at| (at % 251) as u8).collect();
        file.write_all(&bytes).expect("written");
        let end = bytes.len() as u64;
        for range in [0..end, 0..0, 1..2, PIECE - 1..PIECE + 1, PIECE..PIECE * 2, end - 1..end] {
            let wanted = &bytes[range.start as usize..range.end as usize];
            let came = body(file.try_clone().expect("a handle"), range.clone()).collect().await.expect("bytes").to_bytes();
            assert!(came == wanted, "{range:?}");
        }
        assert!(body(file, end - 1..end + 1).collect().await.is_err(), "there is no such byte");
    }
}
