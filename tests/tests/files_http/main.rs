//! Files over HTTP with the server program: content by ranges and conditions, signed addresses, forms, bodies as they are, and
//! resumable uploads by the IETF's draft.

mod bodies;
mod content;
mod draft_appends;
mod draft_creation;
mod draft_digests;
mod draft_interim;
mod draft_owners;
mod forms;
mod links;
mod names;
mod stage;
