//! The thread that starts other programs.
//!
//! Linux sends the parent-death signal when the *thread* ends that started a child (prctl(2), `PR_SET_PDEATHSIG`). The runtime's
//! threads come and go; this one stays for as long as the process.

use std::io::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

use tokio::process::Command;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::child::Group;

type Order = Box<dyn FnOnce() + Send>;

/// Starts a program as a child of that thread, whose end is waited for by this runtime. If nobody waits for the answer any more,
/// the program is killed at once.
pub(super) async fn start(mut command: Command) -> std::io::Result<Group> {
    let (answer, started) = oneshot::channel();
    let runtime = Handle::current();
    let order = move || {
        let _entered = runtime.enter();
        let _ = answer.send(command.spawn().map(Group::of));
    };
    orders().send(Box::new(order)).map_err(|_| gone())?;
    started.await.map_err(|_| gone())?
}

fn gone() -> Error {
    Error::other("the thread that starts other programs is not there")
}

fn orders() -> &'static Sender<Order> {
    static ORDERS: OnceLock<Sender<Order>> = OnceLock::new();
    ORDERS.get_or_init(|| {
        let (orders, taken) = channel::<Order>();
        let serve = move || {
            for order in taken {
                // A runtime that has ended in the meantime is no reason to end as well.
                let _ = catch_unwind(AssertUnwindSafe(order));
            }
        };
        if let Err(error) = std::thread::Builder::new().name("spawner".into()).spawn(serve) {
            tracing::error!(%error, "no thread to start other programs from");
        }
        orders
    })
}
