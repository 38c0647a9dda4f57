//! Streams of a client, by the numbers that it gives them: from chunks without an offset to streams with credit.

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;
use samewire_protocol::name::check_name;
use samewire_protocol::session::OpenStream;
use samewire_protocol::streams::{Source, StreamSpec, Want};
use samewire_protocol::{Code, Failure, StreamId, StreamNo};

use crate::app::App;
use crate::auth::Owner;
use crate::dialects::guest::Guest;
use crate::session::random;

/// How many streams are remembered that came to nothing, so that a call that names one of them hears why.
const MOST_FAILED: usize = 64;
/// How many that are whole, or under way, may wait for a call that names them.
const MOST_UNNAMED: usize = 1024;
/// How many numbers that stand for nothing are told so, each once.
const MOST_STRAYS: usize = 1024;

/// The streams of one connection.
#[derive(Default)]
pub(super) struct Uploads {
    uploads: HashMap<i32, Upload>,
    numbers: HashMap<StreamNo, i32>,
    failed: VecDeque<(i32, Failure)>,
    strays: HashSet<i32>,
    /// Bytes that wait for credit. Nothing more is heard before they are taken.
    held: Option<(i32, Bytes)>,
}

/// One of them.
pub(super) struct Upload {
    stream: StreamNo,
    pub(super) id: StreamId,
    owner: Owner,
    size: u64,
    received: u64,
    want: Option<Want>,
    /// The last byte is kept until the client says that it is: only then is the size known to be met, and not passed.
    last: Option<Bytes>,
    /// The client said that there is no more.
    ended: bool,
    whole: bool,
    /// A call names it.
    named: bool,
    /// That call is answered.
    done: bool,
}

impl Upload {
    /// Whether none of its bytes have come.
    pub(super) fn is_fresh(&self) -> bool {
        self.received == 0 && !self.ended
    }
}

impl Uploads {
    /// Whether there is room for more bytes.
    pub(super) fn listens(&self) -> bool {
        self.held.is_none()
    }

    /// The client begins a stream, with a number that none has.
    pub(super) fn open(&mut self, no: i32, name: String, size: u64, guest: &mut Guest) -> Result<(), Failure> {
        if no < 0 {
            return Err(Failure::new(Code::BadNumber, "streams of a client are numbered from 1"));
        }
        if self.uploads.len() >= MOST_UNNAMED {
            let told = "this connection has too many streams that no call has named; name them, or terminate them";
            return Err(Failure::new(Code::TooManyStreams, told));
        }
        let id = StreamId::from_random(random()?);
        let owner = guest.access().identity.owner().clone();
        // That of a name which a file cannot have is given by the call.
        let name = check_name(&name).is_ok().then_some(name);
        // One of no bytes would be whole before the client has said that it ends.
        let spec = StreamSpec { id, name, media: None, size: (size > 0).then_some(size) };
        let (client, now) = guest.client();
        let (stream, _) = client.open_stream(now, OpenStream { spec, source: Source::Once });
        self.forget_failure(no);
        self.strays.remove(&no);
        self.numbers.insert(stream, no);
        let (want, last) = (None, None);
        let upload =
            Upload { stream, id, owner, size, received: 0, want, last, ended: false, whole: false, named: false, done: false };
        self.uploads.insert(no, upload);
        Ok(())
    }

    /// Bytes came. `None`: the stream they are of is known, or was told of before.
    pub(super) fn chunk(&mut self, no: i32, mut bytes: Bytes, guest: &mut Guest) -> Result<Option<Stray>, Failure> {
        let Some(upload) = self.uploads.get_mut(&no) else { return Ok(self.stray(no)) };
        upload.received = upload.received.saturating_add(bytes.len() as u64);
        if upload.ended || upload.received > upload.size {
            let told = format!("more bytes came than the {} that were declared; begin the stream anew", upload.size);
            return Err(Failure::new(Code::SizeMismatch, told));
        }
        if upload.received == upload.size && !bytes.is_empty() {
            // A copy: a piece of the frame would keep all of it.
            upload.last = Some(Bytes::copy_from_slice(&bytes.split_off(bytes.len() - 1)));
        }
        self.hold(no, bytes, guest);
        Ok(None)
    }

    /// The client says that these were all bytes.
    pub(super) fn end(&mut self, no: i32, guest: &mut Guest) -> Result<Option<Stray>, Failure> {
        let Some(upload) = self.uploads.get_mut(&no) else { return Ok(self.stray(no)) };
        if upload.received != upload.size {
            let Upload { size, received, .. } = upload;
            let told = format!("the stream ended after {received} bytes, and {size} were declared; begin it anew");
            return Err(Failure::new(Code::SizeMismatch, told));
        }
        if std::mem::replace(&mut upload.ended, true) {
            return Ok(None);
        }
        match upload.last.take() {
            Some(last) => self.hold(no, last, guest),
            None => {
                let (client, now) = guest.client();
                client.source_ended(now, upload.stream);
            }
        }
        Ok(None)
    }

    fn hold(&mut self, no: i32, bytes: Bytes, guest: &mut Guest) {
        if !bytes.is_empty() {
            self.held = Some((no, bytes));
            self.feed(guest);
        }
    }

    /// The session wants bytes of a stream: its number.
    pub(super) fn wants(&mut self, want: Want, guest: &mut Guest) -> Option<i32> {
        let no = *self.numbers.get(&want.stream)?;
        self.uploads.get_mut(&no)?.want = Some(want);
        self.feed(guest);
        Some(no)
    }

    fn feed(&mut self, guest: &mut Guest) {
        let Some((no, bytes)) = &mut self.held else { return };
        let Some(upload) = self.uploads.get_mut(no) else { return self.held = None };
        let Some(want) = upload.want.take() else { return };
        let piece = bytes.split_to(want.max.min(bytes.len()));
        let is_over = bytes.is_empty();
        let (client, now) = guest.client();
        client.provide(now, want.stream, want.offset, &piece);
        if is_over {
            self.held = None;
        }
    }

    /// The session has all of a stream.
    pub(super) fn finished(&mut self, stream: StreamNo) {
        let Some(no) = self.numbers.remove(&stream) else { return };
        if let Some(upload) = self.uploads.get_mut(&no) {
            upload.whole = true;
            if upload.done {
                self.uploads.remove(&no);
            }
        }
    }

    /// The session gave a stream up: its number.
    pub(super) fn aborted(&mut self, stream: StreamNo, failure: &Failure) -> Option<i32> {
        let no = self.numbers.remove(&stream)?;
        self.fail(no, failure);
        Some(no)
    }

    /// A stream comes to nothing because of what the client did.
    pub(super) fn give_up(&mut self, no: i32, failure: &Failure, guest: &mut Guest) -> Option<Stray> {
        let Some(upload) = self.uploads.get(&no) else { return self.stray(no) };
        let (stream, id, owner, whole) = (upload.stream, upload.id, upload.owner.clone(), upload.whole);
        self.numbers.remove(&stream);
        if whole {
            guest.app().streams.give_up(&owner, id, failure.clone());
        } else {
            let (client, now) = guest.client();
            client.abort(now, stream, failure.clone());
        }
        self.fail(no, failure);
        None
    }

    fn fail(&mut self, no: i32, failure: &Failure) {
        self.uploads.remove(&no);
        if self.held.as_ref().is_some_and(|(held, _)| *held == no) {
            self.held = None;
        }
        if self.failed.len() == MOST_FAILED {
            self.failed.pop_front();
        }
        self.failed.push_back((no, failure.clone()));
    }

    fn forget_failure(&mut self, no: i32) {
        self.failed.retain(|(failed, _)| *failed != no);
    }

    /// A call names a stream.
    ///
    /// # Errors
    /// Why it came to nothing; `stream-not-found`.
    pub(super) fn name(&mut self, no: i32) -> Result<&Upload, Failure> {
        if let Some(upload) = self.uploads.get_mut(&no) {
            upload.named = true;
            return Ok(upload);
        }
        let failed = self.failed.iter().rfind(|(failed, _)| *failed == no);
        Err(failed.map_or_else(|| unknown(no), |(_, failure)| failure.clone()))
    }

    /// The one stream that no call has named, where there is one only.
    pub(super) fn unnamed(&self) -> Option<i32> {
        let mut unnamed = self.uploads.iter().filter(|(_, upload)| !upload.named).map(|(no, _)| *no);
        unnamed.next().filter(|_| unnamed.next().is_none())
    }

    /// The call that named a stream is answered: with success, or so that another one may name it.
    pub(super) fn settled(&mut self, no: i32, well: bool) {
        let Some(upload) = self.uploads.get_mut(&no) else { return };
        (upload.named, upload.done) = (well, well);
        if well && upload.whole {
            self.uploads.remove(&no);
        }
    }

    /// Whether a stream goes on, or is whole.
    pub(super) fn has(&self, no: i32) -> bool {
        self.uploads.contains_key(&no)
    }

    /// Whether the client has more to send of a stream.
    pub(super) fn is_on_its_way(&self, no: i32) -> bool {
        self.uploads.get(&no).is_some_and(|upload| !upload.ended)
    }

    /// Whether the session has taken a stream up.
    pub(super) fn is_taken_up(&self, no: i32) -> bool {
        self.uploads.get(&no).is_some_and(|upload| upload.want.is_some() || !upload.is_fresh())
    }

    /// The number of a stream.
    pub(super) fn number(&self, id: StreamId) -> Option<i32> {
        self.uploads.iter().find(|(_, upload)| upload.id == id).map(|(no, _)| *no)
    }

    /// The client is gone, or is somebody else now: nobody can go on with what is not whole, or was not named. The numbers of what came
    /// to nothing.
    pub(super) fn let_go(&mut self, app: &App, failure: &Failure) -> Vec<i32> {
        let mut lost = Vec::new();
        for (no, upload) in std::mem::take(self).uploads {
            if !(upload.named && upload.whole) {
                app.streams.give_up(&upload.owner, upload.id, failure.clone());
            }
            if !upload.done {
                lost.push(no);
            }
        }
        // More than that were not there.
        self.failed = lost.iter().map(|no| (*no, failure.clone())).collect();
        lost
    }

    /// A number that stands for nothing is told so once.
    pub(super) fn stray(&mut self, no: i32) -> Option<Stray> {
        let is_new = self.strays.len() < MOST_STRAYS && self.strays.insert(no);
        let failed = self.failed.iter().any(|(failed, _)| *failed == no);
        (is_new && !failed).then(|| Stray(unknown(no)))
    }
}

/// What is said of a stream that is not known.
pub(super) struct Stray(pub(super) Failure);

fn unknown(no: i32) -> Failure {
    let told = format!(
        "Stream {no} is not initialized on this connection: it was begun before the connection was open, or on another one, or is done \
         with; create the uploader once the connection is open, and upload again"
    );
    Failure::new(Code::StreamNotFound, told)
}
