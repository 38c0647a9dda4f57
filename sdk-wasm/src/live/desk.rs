//! The functions that the browser calls for peer connections: three for all that an instance of the wasm has, each bound to the
//! number of a connection.
//!
//! A promise may settle long after its connection is gone, or never. A function of its own for each would have to be kept for that
//! long; one that is bound belongs to the browser alone, and of a connection that is gone it finds nothing.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::{Function, Promise};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

use super::connection::Connection;

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Errand {
    /// The local description is set.
    Local,
    /// The remote description is set.
    Remote,
    /// There is a report of statistics, for the page.
    Stats,
    /// There is a report of statistics, to see whether media flows.
    Look,
    /// Nobody waits, but a promise that is refused must not be an error that nobody caught.
    Nothing,
}

const ERRANDS: [Errand; 5] = [Errand::Local, Errand::Remote, Errand::Stats, Errand::Look, Errand::Nothing];

type Settled = Closure<dyn Fn(u32, u8, JsValue) -> JsValue>;

struct Desk {
    /// By their numbers, in order.
    connections: RefCell<Vec<(u32, Weak<Connection>)>>,
    last: Cell<u32>,
    hears: Closure<dyn Fn(u32, JsValue)>,
    fulfilled: Settled,
    rejected: Settled,
}

thread_local! {
    static DESK: Desk = Desk {
        connections: RefCell::default(),
        last: Cell::new(0),
        hears: Closure::new(|id, event: JsValue| {
            if let Some(connection) = find(id) {
                connection.hear(&event);
            }
        }),
        fulfilled: Closure::new(|id, errand, value| settled(id, errand, Ok(value))),
        rejected: Closure::new(|id, errand, error| settled(id, errand, Err(error))),
    };
}

/// The number of a connection that is to be made.
pub(crate) fn number() -> u32 {
    DESK.with(|desk| {
        let id = desk.last.get() + 1;
        desk.last.set(id);
        id
    })
}

/// From now on the connection of this number is found.
pub(crate) fn open(id: u32, connection: Weak<Connection>) {
    DESK.with(|desk| desk.connections.borrow_mut().push((id, connection)));
}

/// And from now on not any more.
pub(crate) fn close(id: u32) {
    DESK.with(|desk| desk.connections.borrow_mut().retain(|(own, _)| *own != id));
}

/// A function that tells an event to the connection.
pub(crate) fn hears(id: u32) -> Function {
    DESK.with(|desk| bound(desk.hears.as_ref(), &[id.into()]))
}

/// Has the connection told how a promise ends. What it answers is what the promise returned resolves with.
pub(crate) fn await_for(id: u32, errand: Errand, promise: &Promise) -> Promise {
    DESK.with(|desk| {
        let known = [id.into(), (errand as u8).into()];
        then(promise, &bound(desk.fulfilled.as_ref(), &known), &bound(desk.rejected.as_ref(), &known))
    })
}

fn find(id: u32) -> Option<Rc<Connection>> {
    DESK.with(|desk| {
        let connections = desk.connections.borrow();
        let at = connections.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        connections.get(at)?.1.upgrade()
    })
}

fn settled(id: u32, errand: u8, result: Result<JsValue, JsValue>) -> JsValue {
    let errand = ERRANDS.get(usize::from(errand)).copied();
    find(id).zip(errand).map_or(JsValue::UNDEFINED, |(connection, errand)| connection.settled(errand, result))
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(method, variadic)]
    fn bind(this: &JsFunction, this_of_it: &JsValue, known: &[JsValue]) -> Function;
    #[wasm_bindgen(method, js_name = then)]
    fn then_either(this: &JsPromise, fulfilled: &Function, rejected: &Function) -> Promise;
    type JsFunction;
    type JsPromise;
}

fn bound(function: &JsValue, known: &[JsValue]) -> Function {
    function.unchecked_ref::<JsFunction>().bind(&JsValue::UNDEFINED, known)
}

fn then(promise: &Promise, fulfilled: &Function, rejected: &Function) -> Promise {
    promise.unchecked_ref::<JsPromise>().then_either(fulfilled, rejected)
}
