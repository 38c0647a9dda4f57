//! Events of files' rooms, each translated once for all who hear it.

use std::cell::RefCell;

use samewire_protocol::Failure;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::update::translated;

/// So many events are remembered by each thread. A room's event goes to all its members within a moment.
const REMEMBERED: usize = 32;

/// An event's text, and the packet that it becomes.
type Told = (Box<str>, Option<Utf8Bytes>);

thread_local! {
    static TOLD: RefCell<[Option<Told>; REMEMBERED]> = const { RefCell::new([const { None }; REMEMBERED]) };
}

/// An event of a file's room, translated once for all its members; `None` for one that the libraries could not pass on.
///
/// # Errors
/// It is not an event.
pub(super) fn event(text: &str) -> Result<Option<Utf8Bytes>, Failure> {
    let at = place(text);
    let known = TOLD.with_borrow(|told| match told.get(at) {
        Some(Some((same, packet))) if **same == *text => Some(packet.clone()),
        _ => None,
    });
    if let Some(packet) = known {
        return Ok(packet);
    }
    let packet = translated(text)?;
    TOLD.with_borrow_mut(|told| {
        if let Some(slot) = told.get_mut(at) {
            *slot = Some((text.into(), packet.clone()));
        }
    });
    Ok(packet)
}

/// Where an event is remembered: by its beginning, which names its room and its number.
fn place(text: &str) -> usize {
    let (pieces, _) = text.as_bytes().as_chunks::<8>();
    let mixed =
        |sum: u64, piece: &[u8; 8]| (sum ^ u64::from_le_bytes(*piece)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let sum = pieces.iter().take(12).fold(text.len() as u64, mixed);
    (sum % REMEMBERED as u64) as usize
}
