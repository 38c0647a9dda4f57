//! The list of live streams: in pages, and by a walk over all of them that stops now and then, for somebody may see none of very many.

use aws_lc_rs::aead::{AES_128_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use samewire_protocol::live::methods::LiveList;
use samewire_protocol::live::{LiveRecord, StreamName};
use samewire_protocol::{Code, Failure};

use super::Live;
use crate::auth::Access;
use crate::session::random;

/// After so many streams others get their turn.
const PORTION: usize = 256;
/// So many streams are looked at for one page.
const MOST_WALKED: usize = 10_000;
/// What a bookmark begins with, and no stream's name does.
const SEALED: char = '*';

impl Live {
    /// The streams that are live or paused and that somebody may see, by name: those after one of them, or after the `next` of the
    /// page before; `limit` at most.
    ///
    /// # Errors
    /// `bad-params` for `after` that is neither.
    pub async fn list(&self, access: &Access, after: Option<&str>, limit: usize) -> Result<LiveList, Failure> {
        self.walk(access, after, limit, MOST_WALKED).await
    }

    async fn walk(&self, access: &Access, after: Option<&str>, limit: usize, most: usize) -> Result<LiveList, Failure> {
        let mut at = after.map(|after| self.0.bookmarks.read(after)).transpose()?;
        let mut streams = Vec::new();
        let mut walked = 0;
        loop {
            let portion = self.0.streams.after(at.as_ref(), PORTION.min(most));
            let Some(last) = portion.last().cloned() else { return Ok(LiveList { streams, more: false, next: None }) };
            walked += portion.len();
            for stream in portion {
                // What somebody may not see costs nobody anything else.
                if self.role(access, &stream).await.is_err() {
                    continue;
                }
                let record = self.0.streams.record(&stream);
                if !record.state.is_on() {
                    continue;
                }
                if streams.len() == limit {
                    let next = streams.last().map(|last: &LiveRecord| last.stream_id.as_str().into());
                    return Ok(LiveList { streams, more: true, next });
                }
                streams.push(record);
            }
            if walked >= most {
                return Ok(LiveList { streams, more: true, next: Some(self.0.bookmarks.seal(&last)?) });
            }
            at = Some(last);
            tokio::task::yield_now().await;
        }
    }
}

/// Names of streams for who may not know them: where a walk has stopped. Good for as long as this server runs.
pub(super) struct Bookmarks(Option<RandomizedNonceKey>);

impl Bookmarks {
    pub(super) fn new() -> Self {
        Self(random().ok().and_then(|key| RandomizedNonceKey::new(&AES_128_GCM, &key).ok()))
    }

    fn seal(&self, stream: &StreamName) -> Result<Box<str>, Failure> {
        let mut sealed = stream.as_str().as_bytes().to_vec();
        let nonce = self.0.as_ref().and_then(|key| key.seal_in_place_append_tag(Aad::empty(), &mut sealed).ok());
        let nonce = nonce.ok_or_else(|| Failure::new(Code::Internal, "the server cannot tell where to go on"))?;
        sealed.extend_from_slice(nonce.as_ref());
        Ok(format!("{SEALED}{}", URL_SAFE_NO_PAD.encode(sealed)).into())
    }

    /// Reads a stream's name, or one that was sealed.
    fn read(&self, text: &str) -> Result<StreamName, Failure> {
        let name = match text.strip_prefix(SEALED) {
            Some(sealed) => self.unseal(sealed),
            None => text.parse().ok(),
        };
        name.ok_or_else(|| {
            let told = "`after` is the name of a stream, or the `next` of the page before; without it, the list begins anew";
            Failure::new(Code::BadParams, told)
        })
    }

    fn unseal(&self, text: &str) -> Option<StreamName> {
        let mut sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let nonce = sealed.split_off(sealed.len().checked_sub(NONCE_LEN)?);
        let nonce = Nonce::try_assume_unique_for_key(&nonce).ok()?;
        let name = self.0.as_ref()?.open_in_place(nonce, Aad::empty(), &mut sealed).ok()?;
        std::str::from_utf8(name).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use samewire_protocol::SessionId;
    use samewire_protocol::live::methods::StartParams;
    use samewire_protocol::rooms::{Epoch, Member};

    use super::*;
    use crate::auth::{Grants, Identity};
    use crate::rooms::core::{MemberNews, What};
    use crate::session::SessionKey;
    use crate::{Config, Server};

    fn seeing(streams: &str) -> Access {
        let grants = Grants::default().live(streams.parse().expect("a pattern"), "audience".parse().expect("a role"));
        Access { grants: grants.into(), ..Access::anonymous(SessionId::from_random([1; 16])) }
    }

    /// These streams, all of them live.
    async fn live(names: &[&str]) -> (Server, tempfile::TempDir) {
        let data = tempfile::tempdir().expect("a folder");
        let mut config = Config { data: data.path().into(), ..Config::default() };
        config.auth.anonymous = true;
        let server = Server::builder().config(config).build().await;
        let server = server.expect("a server");
        for name in names {
            let name: StreamName = name.parse().expect("a name");
            let key = SessionKey { id: SessionId::from_random([2; 16]), life: 0 };
            let news = MemberNews {
                room: name.room().clone(),
                epoch: Epoch::from_random(1),
                member: Member(1),
                session: Some(key),
                identity: Identity::user("maria").expect("a user"),
                what: What::Came { role: "broadcaster".parse().expect("a role") },
            };
            let streams = &server.live().0.streams;
            streams.heard(&news);
            let stream = streams.find(&name).expect("it is there");
            stream.with(|inner, now| inner.core.start(now, key, &StartParams::new(name))).expect("started");
        }
        (server, data)
    }

    fn names(list: &LiveList) -> Vec<&str> {
        list.streams.iter().map(|record| record.stream_id.as_str()).collect()
    }

    #[tokio::test]
    async fn a_walk_stops_and_goes_on_where_it_was_without_telling_where_that_is() {
        let (server, _data) = live(&["a", "b", "c", "d", "e", "z"]).await;
        let live = server.live();
        let access = seeing("z");
        let (mut next, mut pages, mut seen) = (None::<Box<str>>, 0, Vec::new());
        loop {
            let page = live.walk(&access, next.as_deref(), 10, 2).await.expect("a page");
            seen.extend(names(&page).into_iter().map(str::to_owned));
            pages += 1;
            assert_eq!(page.more, page.next.is_some());
            next = page.next;
            let Some(next) = &next else { break };
            assert!(next.starts_with('*') && next.parse::<StreamName>().is_err(), "{next}");
        }
        assert_eq!((seen, pages), (vec!["z".to_owned()], 4));
    }

    #[tokio::test]
    async fn a_full_page_tells_the_last_of_its_own() {
        let (server, _data) = live(&["a", "b", "c"]).await;
        let live = server.live();
        let page = live.list(&seeing("*"), None, 2).await.expect("a page");
        assert_eq!((names(&page), page.more, page.next.as_deref()), (vec!["a", "b"], true, Some("b")));
        let page = live.list(&seeing("*"), Some("b"), 2).await.expect("a page");
        assert_eq!((names(&page), page.more, page.next.as_deref()), (vec!["c"], false, None));
    }

    #[test]
    fn bookmarks_are_good_for_who_made_them() {
        let (ours, others) = (Bookmarks::new(), Bookmarks::new());
        let name: StreamName = "stage".parse().expect("a name");
        let sealed = ours.seal(&name).expect("sealed");
        assert_eq!(ours.read(&sealed), Ok(name));
        let code = |read: Result<StreamName, Failure>| read.map_err(|failure| failure.code);
        for wrong in [sealed.replace('*', ""), format!("{sealed}A"), "*".to_owned(), "*stage".to_owned(), String::new()] {
            assert_ne!(ours.read(&wrong).ok(), Some("stage".parse().expect("a name")), "{wrong}");
        }
        assert_eq!(code(others.read(&sealed)), Err(Code::BadParams));
        assert_eq!(code(ours.read("two words")), Err(Code::BadParams));
    }
}
