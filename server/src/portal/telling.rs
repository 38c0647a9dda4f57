//! What is stored is told: a view's changes in its room, and to members what they may from now on.

use rusqlite::Transaction;
use samewire_protocol::{Code, Failure};
use serde_json::Value;
use serde_json::value::to_raw_value;

use super::Portal;
use super::model::{PortalView, ViewId};
use super::room::{name, no_room, room};
use super::tables::{Fault, transact};
use super::views::{self, Changed};
use crate::rooms::core::{Message, Publication};

/// What the room of a view is told of a change: the name of the event, and its payload.
pub(super) type Said = (&'static str, Value);

impl Portal {
    /// Reads.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        request: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Failure> {
        transact(&self.store, request).await
    }

    /// Changes a view in its room's turn, and tells the room what became of it.
    pub(super) async fn tell<T: Send + 'static>(
        &self,
        user: String,
        id: ViewId,
        request: impl FnOnce(&Transaction<'_>) -> Result<(T, Changed), Fault> + Send + 'static,
        said: impl FnOnce(&T, &PortalView) -> Said + Send + 'static,
    ) -> Result<(T, PortalView), Failure> {
        // Nobody who may not change the view has its room made.
        let asker = user.clone();
        self.ask(move |transaction| views::controlled(transaction, &asker, id).map(drop)).await?;
        let this = self.clone();
        whole(async move {
            let making = async {
                let (answer, changed) = transact(&this.store, request).await?;
                if changed.is_nothing() {
                    return Ok(((answer, changed.after), None));
                }
                let (event, payload) = said(&answer, &changed.after);
                let payload = to_raw_value(&payload).ok();
                let message = Message { payload, ..Message::new(name(event)?) };
                let publication = Publication { change: Some(changed.told()?), ..message.into() };
                Ok(((answer, changed.after), Some(publication)))
            };
            this.rooms.publish_in_turn(&room(id)?, &user, making).await
        })
        .await
    }

    /// Stores, and then does what follows from it for those who are in the rooms of these views.
    pub(super) async fn settle<T: Send + 'static>(
        &self,
        request: impl FnOnce(&Transaction<'_>) -> Result<(T, Vec<ViewId>), Fault> + Send + 'static,
        then: Then,
    ) -> Result<T, Failure> {
        let this = self.clone();
        whole(async move {
            let (answer, views) = transact(&this.store, request).await?;
            for view in views {
                let (room, reason) = (room(view)?, no_room());
                match &then {
                    Then::Close => {
                        this.rooms.close(&room, &reason);
                    }
                    Then::Recheck(user) => this.rooms.recheck_user(&room, user).await,
                    Then::Remove(user) => {
                        this.rooms.remove(&room, user, &reason);
                    }
                }
            }
            Ok(answer)
        })
        .await
    }
}

/// What follows for the rooms of views.
pub(super) enum Then {
    /// They are over.
    Close,
    /// This user has another role.
    Recheck(String),
    /// This user is no member any more.
    Remove(String),
}

/// Runs something to its end, although the request that it is done for may be given up.
async fn whole<T: Send + 'static>(work: impl Future<Output = Result<T, Failure>> + Send + 'static) -> Result<T, Failure> {
    tokio::spawn(work).await.map_err(|_| Failure::new(Code::Internal, "the change broke off"))?
}
