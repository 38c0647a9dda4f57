//! What a client is told, put into words.

use samewire_protocol::Failure;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::wire::Told;
use crate::dialects::socket::{Desk, unreadable};
use crate::store::now_ms;

/// Who came, went or changed, as the room's frame has it.
#[derive(Serialize, Deserialize)]
pub(super) struct Presence<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    set: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    gone: Option<&'a RawValue>,
    users: u64,
    members: u64,
}

pub(super) fn say(told: &Told<'_>, desk: &mut Desk) -> Result<(), Failure> {
    desk.say(serde_json::to_string(told).map_err(|_| unreadable())?);
    Ok(())
}

/// A whole view.
pub(super) fn tell_state(message: &str, state: &RawValue, desk: &mut Desk) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Versioned {
        version: Option<u64>,
    }
    let Versioned { version } = read(state.get())?;
    say(&Told { payload: Some(state), version, timestamp: Some(now_ms()), ..Told::of(message) }, desk)
}

/// Who is there, or how that has changed.
pub(super) fn tell_presence(presence: &impl Serialize, desk: &mut Desk) -> Result<(), Failure> {
    let payload = to_raw_value(presence).map_err(|_| unreadable())?;
    say(&Told { payload: Some(&payload), ..Told::of("presence") }, desk)
}

pub(super) fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|_| unreadable())
}
