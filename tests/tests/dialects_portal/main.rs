//! Portal views in the format of an old system, spoken by hand, beside sessions in the same views.

mod ends;
mod hostile;
mod many;
mod old;
mod slow;
#[path = "../portal_live/stage.rs"]
mod stage;
mod strays;
mod table;
mod together;
