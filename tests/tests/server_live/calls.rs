//! Calls through cuts and through kills: each handler runs once, and each caller learns its result, or whether it may have run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use samewire::{Code, Failure, Method, Ran, method::AnyRoute};
use samewire_server::calls::State;
use samewire_tests::live::proxy::{Counts, Cut, Fate, Proxy};
use samewire_tests::live::{Host, Insistent, settings, token, within};
use samewire_tests::rng::Rng;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

/// Counts that it ran, takes its time, and answers with the tag. Not idempotent: a second run is a second payment.
struct Pay;
/// The same, and may run twice.
struct Look;

#[derive(Clone, Serialize, Deserialize)]
struct Work {
    tag: String,
    /// In microseconds; some work is done at once.
    takes: u64,
    /// How much is answered besides the tag.
    padding: usize,
}

#[derive(Serialize, Deserialize)]
struct Done {
    tag: String,
    padding: String,
}

macro_rules! method {
    ($method:ident, $name:literal, $idempotent:literal) => {
        impl Method for $method {
            const NAME: &'static str = $name;
            const TITLE: &'static str = "Count a run";
            const IDEMPOTENT: bool = $idempotent;
            type Route = AnyRoute;
            type Params = Work;
            type Args = Work;
            type Output = Done;
            type Reply = Done;
        }
    };
}

method!(Pay, "test/pay", false);
method!(Look, "test/look", true);

/// How often each tag ran.
#[derive(Clone, Default)]
struct Runs(Arc<Mutex<HashMap<String, u32>>>);

impl Runs {
    fn count(&self, tag: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(tag.to_owned()).or_default() += 1;
    }

    fn of(&self, tag: &str) -> u32 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(tag).copied().unwrap_or(0)
    }
}

async fn run(State(runs): State<Runs>, work: Work) -> Result<Done, Failure> {
    runs.count(&work.tag);
    if work.takes > 0 {
        tokio::time::sleep(Duration::from_micros(work.takes)).await;
    }
    if work.tag.ends_with("refused") {
        return Err(Failure::new(Code::Forbidden, "not this one"));
    }
    Ok(Done { tag: work.tag, padding: "x".repeat(work.padding) })
}

async fn host(runs: &Runs) -> Host {
    let mut config = settings();
    config.limits.max_calls = 32;
    let runs = runs.clone();
    // The counts outlive the server, as a bank's would.
    Host::with(config, move |builder| builder.state(runs.clone()).method::<Pay, _, _>(run).method::<Look, _, _>(run)).await
}

fn work(rng: &mut Rng, tag: String) -> Work {
    let takes = if rng.chance(50) { 0 } else { rng.below(5000) };
    let padding = if rng.chance(10) { 20_000 } else { 0 };
    Work { tag, takes, padding }
}

type Answers = Vec<(Work, Result<Done, Failure>)>;

/// Makes many calls, some dozens at a time, and more than the server takes at once.
async fn make<M>(person: &Insistent, rng: &mut Rng, prefix: &str, count: u64) -> Answers
where
    M: Method<Params = Work, Reply = Done> + 'static,
{
    let mut running = JoinSet::new();
    let mut answers = Vec::new();
    for number in 0..count {
        let refused = if rng.chance(5) { " refused" } else { "" };
        let work = work(rng, format!("{prefix} {number}{refused}"));
        let client = person.client.clone();
        running.spawn(async move {
            let answer = client.call::<M>(&work).await;
            (work, answer)
        });
        if running.len() >= 48 {
            answers.extend(within("an answer", running.join_next()).await.map(|answer| answer.expect("a call does not panic")));
        }
    }
    while let Some(answer) = within("an answer", running.join_next()).await {
        answers.push(answer.expect("a call does not panic"));
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_cuts_each_call_runs_once_and_has_its_result() {
    const CALLS: u64 = 6000;
    const CUTS: u64 = 300;
    let runs = Runs::default();
    let host = host(&runs).await;
    let proxy = Proxy::start(host.addr()).await;
    let mut cuts = Rng::new(21);
    proxy.fates(move |counts: Counts| match counts.cuts < CUTS {
        true => Fate::Cut { after: 1 + cuts.below(8000), how: cuts.pick(&[Cut::End, Cut::Reset, Cut::HalfUp, Cut::HalfDown]) },
        false => Fate::Pass,
    });
    let person = Insistent::new(&proxy.url(), Some(token("maria")));
    let answers = make::<Pay>(&person, &mut Rng::new(22), "payment", CALLS).await;
    assert_eq!(answers.len() as u64, CALLS);
    for (work, answer) in &answers {
        match answer {
            Ok(done) => assert_eq!((&done.tag, done.padding.len()), (&work.tag, work.padding)),
            // Its own error, which says that it ran.
            Err(failure) => {
                assert!(work.tag.ends_with("refused"), "{}: {failure}", work.tag);
                assert_eq!((&failure.code, failure.ran), (&Code::Forbidden, Ran::Yes), "{}", work.tag);
            }
        }
        assert_eq!(runs.of(&work.tag), 1, "{}", work.tag);
    }
    println!("{CALLS} calls through {} cuts", proxy.counts().cuts);
    assert!(proxy.counts().cuts >= 100, "{:?}: the calls were over before they were cut", proxy.counts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_kills_no_payment_is_made_twice_and_nobody_is_told_what_is_not_known() {
    const KILLS: u64 = 25;
    let runs = Runs::default();
    let mut host = host(&runs).await;
    let proxy = Proxy::start(host.addr()).await;
    let (payer, looker) =
        (Insistent::new(&proxy.url(), Some(token("maria"))), Insistent::new(&proxy.url(), Some(token("juan"))));
    let mut rng = Rng::new(23);
    let (mut known, mut lost) = (0, 0);
    for kill in 0..KILLS {
        let mut seeds = (Rng::new(rng.bits()), Rng::new(rng.bits()));
        let calls = async {
            let (payments, looks) = (format!("payment {kill}:"), format!("look {kill}:"));
            tokio::join!(make::<Pay>(&payer, &mut seeds.0, &payments, 200), make::<Look>(&looker, &mut seeds.1, &looks, 200))
        };
        let killing = async {
            let up = proxy.counts().up;
            let after = rng.below(20_000);
            proxy.until("some calls are on their way", |counts| counts.up >= up + after).await;
            proxy.retarget(None);
            host.kill().await;
            proxy.cut_all();
            host.restart().await;
            proxy.retarget(Some(host.addr()));
        };
        let ((payments, looks), ()) = within("calls through a kill", async { tokio::join!(calls, killing) }).await;
        for (work, answer) in &payments {
            let ran = runs.of(&work.tag);
            match answer {
                Ok(done) => {
                    known += 1;
                    assert_eq!((&done.tag, ran), (&work.tag, 1));
                }
                Err(failure) if failure.code == Code::Forbidden => {
                    assert_eq!((failure.ran, ran), (Ran::Yes, 1), "{}", work.tag)
                }
                Err(failure) => {
                    lost += 1;
                    assert_eq!(failure.code, Code::ConnectionLost, "{}: {failure}", work.tag);
                    match failure.ran {
                        Ran::No => assert_eq!(ran, 0, "{} ran, and its caller was told that it did not", work.tag),
                        Ran::Yes => panic!("{}: nobody can know that", work.tag),
                        Ran::Maybe => assert!(ran <= 1, "{} ran {ran} times", work.tag),
                    }
                }
            }
        }
        for (work, answer) in &looks {
            let fine = match answer {
                Ok(done) => done.tag == work.tag,
                Err(failure) => failure.code == Code::Forbidden && failure.ran == Ran::Yes,
            };
            assert!(fine, "a call that may run twice gets its answer: {}: {:?}", work.tag, answer.as_ref().err());
            assert!(runs.of(&work.tag) >= 1, "{}", work.tag);
        }
    }
    println!("{KILLS} kills: of the payments {known} were answered, and {lost} were said to be unknown");
    assert!(known > 0 && lost > 0, "no kill came into the middle of anything: {known} answered, {lost} unknown");
}

/// A caller that gives up stops the handler; over the link it has, and over the next one when the word was lost with the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_given_up_stops_its_handler() {
    struct Wait;
    impl Method for Wait {
        const NAME: &'static str = "test/wait";
        const TITLE: &'static str = "Wait to be stopped";
        const IDEMPOTENT: bool = false;
        type Route = AnyRoute;
        type Params = ();
        type Args = Option<()>;
        type Output = ();
        type Reply = ();
    }
    /// Counts handlers that are there.
    #[derive(Clone, Default)]
    struct Waiting(Arc<tokio::sync::watch::Sender<u32>>);
    struct Here(Waiting);
    impl Drop for Here {
        fn drop(&mut self) {
            self.0.0.send_modify(|count| *count -= 1);
        }
    }
    async fn wait(State(waiting): State<Waiting>, _: Option<()>) -> Result<(), Failure> {
        waiting.0.send_modify(|count| *count += 1);
        let _here = Here(waiting);
        std::future::pending().await
    }

    let waiting = Waiting::default();
    let state = waiting.clone();
    let host = Host::with(settings(), move |builder| builder.state(state.clone()).method::<Wait, _, _>(wait)).await;
    let proxy = Proxy::start(host.addr()).await;
    let person = Insistent::new(&proxy.url(), None);
    let mut handlers = waiting.0.subscribe();
    for round in 0..40 {
        let client = person.client.clone();
        let call = tokio::spawn(async move { client.call::<Wait>(&()).await });
        within("the handler runs", handlers.wait_for(|count| *count == 1)).await.expect("the server is there");
        match round % 4 {
            // Cancelled, on a connection that holds.
            0 => call.abort(),
            // Cancelled, and cut at once: the word may or may not have got out.
            1 => {
                call.abort();
                proxy.cut_all();
            }
            // Cut, and cancelled while there is no connection.
            2 => {
                proxy.retarget(None);
                proxy.cut_all();
                call.abort();
                let _ = call.await;
                proxy.retarget(Some(host.addr()));
            }
            // A deadline, which the server knows by itself.
            _ => {
                call.abort();
                let timeout = Some(Duration::from_millis(20));
                let failure = person.client.call_with::<Wait>(&(), timeout).await.expect_err("nobody answers");
                assert_eq!((failure.code, failure.ran), (Code::DeadlineExceeded, Ran::Maybe));
            }
        }
        within("the handler is stopped", handlers.wait_for(|count| *count == 0)).await.expect("the server is there");
    }
}
