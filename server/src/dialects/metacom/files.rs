//! Files: streams that are made files of, and files that are streamed.

use samewire_protocol::files::{FileLink, FileList};
use samewire_protocol::name::check_name;
use samewire_protocol::{CallId, Code, Failure, FileId};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Metacom;
use super::calls::{Asked, stream_no};
use super::methods::{self, DownloadArgs, UPLOAD, UploadArgs};
use super::packet::Call;
use crate::dialects::socket::Desk;

/// How many pages of a list are looked through for a file's name.
const MOST_PAGES: u32 = 10;
/// How many calls may wait for one file.
const MOST_WAITING: usize = 64;

/// A file that is looked for by its name.
#[derive(Debug)]
pub(super) struct Search {
    name: String,
    part: Option<String>,
    pages: u32,
}

impl Metacom {
    /// Makes a file of a stream. A client that has sent nothing of it yet may wait for the answer before it does, so it has one as
    /// soon as the server takes the stream; else the answer is the file.
    pub(super) fn upload(&mut self, call: &Call, desk: &mut Desk) -> Result<(), Failure> {
        let UploadArgs { stream, name } = methods::args(&call.args)?;
        if let Some(name) = &name {
            check_name(name).map_err(|error| Failure::new(Code::BadName, error.to_string()))?;
        }
        let guest = self.guest(desk)?;
        guest.access().grants.check_method(UPLOAD)?;
        let no = match stream {
            Some(number) => stream_no(number)?,
            None => self.uploads.unnamed().ok_or_else(|| {
                let told =
                    "`streamId` is missing: it is the uploader's `id` (the object of `createBlobUploader` has no `streamId`)";
                Failure::new(Code::BadParams, told)
            })?,
        };
        let upload = self.uploads.name(no)?;
        let (id, is_fresh) = (upload.id, upload.is_fresh());
        let asked = match self.upload_of(no) {
            Some((asked, known, calls)) => {
                if name.is_some() && name != *known {
                    let told = format!("an earlier call makes a file of stream {no} under another name");
                    return Err(Failure::new(Code::BadParams, told));
                }
                if calls.len() == MOST_WAITING {
                    let told = format!("{MOST_WAITING} calls wait for the file of stream {no} already");
                    return Err(Failure::new(Code::TooManyCalls, told));
                }
                calls.push(call.no);
                asked
            }
            None => {
                let asked = self.guest(desk)?.call(UPLOAD, &json!({"stream": id, "name": name}));
                self.calls.insert(asked, Asked::Upload { calls: vec![call.no], stream: no, name, early: false });
                asked
            }
        };
        if is_fresh {
            self.early.insert(no, asked);
            self.answer_early(no, desk);
        }
        Ok(())
    }

    /// The call under way that makes a file of this stream, under which name, and whose calls wait for it.
    fn upload_of(&mut self, no: i32) -> Option<(CallId, &Option<String>, &mut Vec<u64>)> {
        self.calls.iter_mut().find_map(|(asked, upload)| match upload {
            Asked::Upload { calls, stream, name, .. } if *stream == no => Some((*asked, &*name, calls)),
            _ => None,
        })
    }

    /// Answers the call that makes a file of a stream, once the server takes the stream.
    pub(super) fn answer_early(&mut self, stream: i32, desk: &mut Desk) {
        if !self.uploads.is_taken_up(stream) {
            return;
        }
        let Some(asked) = self.early.remove(&stream) else { return };
        if let Some(Asked::Upload { calls, early, .. }) = self.calls.get_mut(&asked) {
            *early = true;
            let result = json!({"result": "Stream initialized", "streamId": stream}).to_string();
            std::mem::take(calls).into_iter().for_each(|no| desk.say(self.form.result(no, &result)));
        }
    }

    /// Opens a stream to the client, with a file's content.
    pub(super) fn download(&mut self, call: &Call, desk: &mut Desk) -> Result<(), Failure> {
        let DownloadArgs { id, name, part } = methods::args(&call.args)?;
        match (id, name) {
            (Some(id), _) => self.open(call.no, id, part, desk),
            (None, Some(name)) => {
                let asked = self.guest(desk)?.call("files/list", &json!({}));
                self.calls.insert(asked, Asked::Find { no: call.no, search: Search { name, part, pages: 1 } });
                Ok(())
            }
            (None, None) => Err(Failure::new(Code::BadParams, "say which file: its `id`, or the `name` of your newest one")),
        }
    }

    fn open(&mut self, no: u64, id: FileId, part: Option<String>, desk: &mut Desk) -> Result<(), Failure> {
        let asked = self.guest(desk)?.call("files/open", &content(id, part.as_deref()));
        self.calls.insert(asked, Asked::Open { no, id, part });
        Ok(())
    }

    /// The file does not go to the client over its connection: asks where it can have it.
    pub(super) fn offer_link(&mut self, no: u64, id: FileId, part: Option<String>, failure: Failure, desk: &mut Desk) {
        if let Some(guest) = desk.guest() {
            let asked = guest.call("files/link", &content(id, part.as_deref()));
            self.calls.insert(asked, Asked::Link { no, failure });
        }
    }

    /// A page of the list in which a file's name is looked for.
    pub(super) fn found(&mut self, no: u64, search: Search, list: &RawValue, desk: &mut Desk) -> Result<(), Failure> {
        let list: FileList = methods::args(list)?;
        if let Some(file) = list.files.iter().find(|file| file.name == search.name) {
            return self.open(no, file.id, search.part, desk);
        }
        match list.files.last().filter(|_| list.more && search.pages < MOST_PAGES) {
            Some(last) => {
                let asked = self.guest(desk)?.call("files/list", &json!({"after": last.id}));
                let search = Search { pages: search.pages + 1, ..search };
                self.calls.insert(asked, Asked::Find { no, search });
                Ok(())
            }
            None => Err(Failure::new(Code::FileNotFound, "none of your newest files has this name; give its `id`")),
        }
    }
}

/// A stored file, and the stream that it was made of.
pub(super) fn stored(stream: i32, result: &RawValue) -> String {
    match result.get().strip_prefix('{') {
        Some(members) => format!(r#"{{"streamId":{stream},{members}"#),
        None => result.get().to_owned(),
    }
}

fn content(id: FileId, part: Option<&str>) -> Value {
    match part {
        Some(part) => json!({"id": id, "part": part}),
        None => json!({"id": id}),
    }
}

/// Why a file does not go to the client, and the address at which it can be had where there is one.
pub(super) fn with_link(failure: Failure, link: Option<Box<RawValue>>) -> Failure {
    let Some(FileLink { url, .. }) = link.as_deref().and_then(|link| serde_json::from_str(link.get()).ok()) else {
        return failure;
    };
    let message = format!("{}; its address is {url}", failure.message);
    Failure { message, data: link, ..failure }
}
