//! The methods `live/…`. What a member says goes through them, because roles, shapes and who is meant are checked here.

use std::sync::Arc;

use samewire_protocol::live::methods::{
    Done, End, Get, Ice, Leave, List, ListParams, LiveList, MAX_LISTED, PeerList, Peers, Renegotiate, RenegotiateParams,
    Renegotiated, Report, ReportParams, Signal, SignalParams, Start, StartParams, Started, Stop, StreamParams, Watch,
    WatchParams, Watched,
};
use samewire_protocol::live::{IceConfig, LiveRecord, PeerMessage, StreamName};
use samewire_protocol::{Code, Failure};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::core::{Core, Out, Owed};
use super::role::{BROADCASTER, Part};
use super::stream::Stream;
use super::{Live, not_live};
use crate::auth::Access;
use crate::calls::{Methods, State};
use crate::rooms::core::{Millis, not_joined};
use crate::session::SessionHandle;

/// Adds the methods `live/…`.
pub(crate) fn methods(methods: &mut Methods) {
    methods.add::<Start, _, _>(start);
    methods.add::<Stop, _, _>(stop);
    methods.add::<Peers, _, _>(peers);
    methods.add::<Watch, _, _>(watch);
    methods.add::<Leave, _, _>(leave);
    methods.add::<Signal, _, _>(signal);
    methods.add::<Renegotiate, _, _>(renegotiate);
    methods.add::<Report, _, _>(report);
    methods.add::<Ice, _, _>(ice);
    methods.add::<Get, _, _>(get);
    methods.add::<List, _, _>(list);
    methods.add::<End, _, _>(end);
}

impl Live {
    /// The stream of a room that the session is in. Waits for a join that is under way.
    async fn joined(&self, session: &SessionHandle, name: &StreamName) -> Result<Arc<Stream>, Failure> {
        let joined = session.member_of(name.room()).await.map(|_| self.0.streams.find(name));
        self.counted(joined.and_then(|stream| stream.ok_or_else(|| not_joined(name.room()))))
    }

    async fn deed<T>(
        &self,
        session: &SessionHandle,
        name: &StreamName,
        deed: impl FnOnce(&mut Core, Millis) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let stream = self.joined(session, name).await?;
        self.counted(self.act(&stream, deed).unwrap_or_else(|| Err(not_joined(name.room()))))
    }

    /// Whether somebody may end this stream.
    pub(super) async fn may_end(&self, access: &Access, stream: &StreamName) -> Result<(), Failure> {
        match Part::of(&self.role(access, stream).await?) {
            Part::Broadcaster => Ok(()),
            _ => Err(Failure::new(Code::Forbidden, format!("ending {stream} takes the role {BROADCASTER}"))),
        }
    }

    /// Ends a stream that is live or paused.
    pub(super) fn end_now(&self, stream: &StreamName) -> Result<Done, Failure> {
        if self.end(stream) { Ok(Done {}) } else { Err(not_live(stream)) }
    }

    fn counted<T>(&self, answer: Result<T, Failure>) -> Result<T, Failure> {
        answer.inspect_err(|failure| self.metrics().refused(failure))
    }
}

async fn start(State(live): State<Live>, session: SessionHandle, params: StartParams) -> Result<Started, Failure> {
    params.check()?;
    let stream = live.joined(&session, &params.stream).await?;
    let (key, who) = (session.key(), session.identity());
    let owner = who.owner();
    let started = stream.with(|inner, now| {
        if inner.is_gone {
            return Err(not_joined(stream.name.room()));
        }
        let before = inner.counted.clone();
        let is_counted = before.as_ref() == Some(owner);
        if !is_counted {
            live.0.streams.reserve(who)?;
        }
        let started = inner.core.start(now, key, &params);
        let released = match &started {
            _ if is_counted => None,
            Ok(_) => inner.counted.replace(owner.clone()),
            Err(_) => Some(owner.clone()),
        };
        if let Some(owner) = released {
            live.0.streams.release(&owner);
        }
        started
    });
    live.tell(&stream);
    let started = live.counted(started)?;
    Ok(Started {
        record: started.record,
        ice: live.ice(&params.stream, who, true),
        peers: started.peers,
        resumed: started.resumed,
    })
}

async fn stop(State(live): State<Live>, session: SessionHandle, params: StreamParams) -> Result<Done, Failure> {
    let key = session.key();
    live.deed(&session, &params.stream, |core, now| core.stop(now, key)).await.map(|()| Done {})
}

async fn peers(State(live): State<Live>, session: SessionHandle, params: StreamParams) -> Result<PeerList, Failure> {
    let key = session.key();
    live.deed(&session, &params.stream, |core, _| core.peers_for(key)).await.map(|peers| PeerList { peers })
}

async fn watch(State(live): State<Live>, session: SessionHandle, params: WatchParams) -> Result<Watched, Failure> {
    let key = session.key();
    let watching = live.deed(&session, &params.stream, |core, now| core.watch(now, key, &params)).await?;
    let is_let_in = watching.peer.is_some();
    Ok(Watched {
        viewer: watching.peer.map(|peer| peer.viewer),
        negotiation: watching.peer.map(|peer| peer.negotiation),
        waiting: !is_let_in,
        record: watching.record,
        ice: live.ice(&params.stream, session.identity(), is_let_in),
    })
}

/// Also for who is not in the room any more.
async fn leave(State(live): State<Live>, session: SessionHandle, params: StreamParams) -> Result<Done, Failure> {
    if let Some(stream) = live.0.streams.find(&params.stream) {
        live.act(&stream, |core, now| core.leave(now, session.key()));
    }
    Ok(Done {})
}

async fn signal(
    State(live): State<Live>,
    session: SessionHandle,
    params: SignalParams<Box<RawValue>>,
) -> Result<Done, Failure> {
    let SignalParams { stream: name, viewer, negotiation, message } = params;
    let message = PeerMessage::read(message.get())?;
    let stream = live.joined(&session, &name).await?;
    let (receipt, told) = oneshot::channel();
    let routed = stream.with(|inner, now| {
        if inner.is_gone {
            return Err(not_joined(name.room()));
        }
        let (place, signal) = inner.core.route(now, session.key(), viewer, negotiation, message)?;
        inner.queue.push_back((Out::Signal(place, signal, Owed::Nothing), Some(receipt)));
        Ok(())
    });
    live.counted(routed)?;
    live.tell(&stream);
    let gone = || Failure::new(Code::PeerNotFound, "the other end has just left");
    live.counted(match told.await {
        Ok(Err(failure)) if failure.code == Code::MemberNotFound => Err(gone()),
        Ok(told) => told.map(|()| Done {}),
        Err(_) => Err(gone()),
    })
}

async fn renegotiate(
    State(live): State<Live>,
    session: SessionHandle,
    params: RenegotiateParams,
) -> Result<Renegotiated, Failure> {
    let key = session.key();
    let renew = |core: &mut Core, now| {
        let before = core.newest();
        core.renegotiate(now, key, &params).map(|negotiation| (negotiation, negotiation.number() > before))
    };
    let (negotiation, is_new) = live.deed(&session, &params.stream, renew).await?;
    if is_new {
        live.metrics().rebuilt();
    }
    Ok(Renegotiated { negotiation })
}

async fn report(State(live): State<Live>, session: SessionHandle, params: ReportParams) -> Result<Done, Failure> {
    let key = session.key();
    params.summary.check()?;
    if live.deed(&session, &params.stream, |core, now| core.report(now, key, &params)).await? {
        live.metrics().connected(&params.summary);
    }
    Ok(Done {})
}

async fn ice(State(live): State<Live>, session: SessionHandle, params: StreamParams) -> Result<IceConfig, Failure> {
    let key = session.key();
    let is_peer = live.deed(&session, &params.stream, |core, _| core.is_peer(key)).await?;
    Ok(live.ice(&params.stream, session.identity(), is_peer))
}

async fn get(State(live): State<Live>, access: Access, params: StreamParams) -> Result<LiveRecord, Failure> {
    get_for(&live, &access, &params.stream).await
}

/// Who may not see a stream gets what there would be if there were none.
pub(super) async fn get_for(live: &Live, access: &Access, stream: &StreamName) -> Result<LiveRecord, Failure> {
    live.role(access, stream).await.map_err(|_| not_live(stream))?;
    Ok(live.get(stream))
}

async fn list(State(live): State<Live>, access: Access, params: Option<ListParams>) -> Result<LiveList, Failure> {
    list_for(&live, &access, params.unwrap_or_default()).await
}

pub(super) async fn list_for(live: &Live, access: &Access, params: ListParams) -> Result<LiveList, Failure> {
    let ListParams { after, limit } = params;
    let limit = limit.unwrap_or(MAX_LISTED).clamp(1, MAX_LISTED) as usize;
    live.list(access, after.as_deref(), limit).await
}

async fn end(State(live): State<Live>, access: Access, params: StreamParams) -> Result<Done, Failure> {
    let may_end = live.may_end(&access, &params.stream).await;
    live.counted(may_end.and_then(|()| live.end_now(&params.stream)))
}
