//! The two ways in which a driver is called later: by a timer, and by a task of its own.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use js_sys::Function;
use samewire_protocol::Instant;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

/// The longest span that `setTimeout` takes. A timer that comes early is harmless.
const LONGEST_TIMER: u64 = i32::MAX as u64;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    // What it returns is a number in browsers and an object elsewhere.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, millis: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
    #[wasm_bindgen(js_name = queueMicrotask)]
    fn queue_microtask(task: &Function);
}

/// The clock that the protocol's machines count by.
pub(crate) fn now() -> Instant {
    Instant::from_micros((performance_now() * 1_000.0) as u64)
}

fn task<T: 'static>(driver: &Weak<T>, run: fn(&Rc<T>)) -> Closure<dyn FnMut()> {
    let driver = driver.clone();
    Closure::new(move || driver.upgrade().iter().for_each(run))
}

/// A timer.
pub(crate) struct Alarm {
    ring: Closure<dyn FnMut()>,
    /// When it comes, and the browser's own.
    armed: RefCell<Option<(Instant, JsValue)>>,
}

impl Alarm {
    pub(crate) fn new<T: 'static>(driver: &Weak<T>, ring: fn(&Rc<T>)) -> Self {
        Self { ring: task(driver, ring), armed: RefCell::new(None) }
    }

    /// It has come.
    pub(crate) fn rung(&self) {
        self.armed.take();
    }

    /// Sees to it that it comes no later than at this point. One that comes too early costs less than a new one.
    pub(crate) fn arm(&self, at: Instant) {
        let armed = match self.armed.take() {
            Some((before, timer)) if before <= at => (before, timer),
            armed => {
                if let Some((_, timer)) = armed {
                    clear_timeout(&timer);
                }
                let millis = at.as_micros().saturating_sub(now().as_micros()).div_ceil(1_000).min(LONGEST_TIMER);
                (at, set_timeout(self.ring.as_ref().unchecked_ref(), millis as f64))
            }
        };
        *self.armed.borrow_mut() = Some(armed);
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some((_, timer)) = self.armed.take() {
            clear_timeout(&timer);
        }
    }
}

/// Tells the events of a driver from a task of its own: whoever made them happen has its answer first, and listeners may call back.
pub(crate) struct Courier<T, E> {
    events: RefCell<Vec<E>>,
    deliver: Closure<dyn FnMut()>,
    /// The driver, while something is to be told: it may be let go of meanwhile.
    called: RefCell<Option<Rc<T>>>,
}

impl<T: 'static, E> Courier<T, E> {
    /// `deliver` has to call [`Self::deliver`].
    pub(crate) fn new(driver: &Weak<T>, deliver: fn(&Rc<T>)) -> Self {
        Self { events: RefCell::default(), deliver: task(driver, deliver), called: RefCell::new(None) }
    }

    pub(crate) fn take(&self, event: E) {
        self.events.borrow_mut().push(event);
    }

    /// Sees to it that what was taken is told soon.
    pub(crate) fn call(&self, driver: &Rc<T>) {
        if self.events.borrow().is_empty() || self.called.borrow().is_some() {
            return;
        }
        self.called.replace(Some(Rc::clone(driver)));
        queue_microtask(self.deliver.as_ref().unchecked_ref());
    }

    pub(crate) fn deliver(&self, tell: impl Fn(E)) {
        loop {
            let events = self.events.take();
            if events.is_empty() {
                break;
            }
            events.into_iter().for_each(&tell);
        }
        self.called.take();
    }
}
