mod coming;
mod corners;
mod histories;
mod model;
mod presences;
mod properties;
mod roles;
mod slow;
mod speaking;
mod states;
mod telling;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use samewire_protocol::rooms::methods::{HistoryParams, To};
use samewire_protocol::rooms::{Epoch, Member};
use samewire_protocol::{Code, Failure};
use serde_json::json;

use self::model::{Peer, anonymous, core, member, message, raw};
use super::*;
use crate::rooms::policy::{PresenceMode, Roles, Sender};
