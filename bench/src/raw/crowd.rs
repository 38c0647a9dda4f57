//! Subscribers of one room, and the one who publishes to it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::dialect::{Dialect, Meaning};
use super::link::{Heard, Link};
use crate::Outcome;

/// How many connect at a time.
const AT_ONCE: usize = 100;
const PATIENCE: Duration = Duration::from_secs(30);

/// The number of a subscriber, from 0.
pub(crate) type Member = usize;

pub(crate) struct Crowd {
    poll: Poll,
    events: Events,
    buffer: Box<[u8]>,
    address: SocketAddr,
    dialect: Dialect,
    links: Vec<Link>,
    /// Of each link, the number of its last message, where messages have one.
    numbers: Vec<u64>,
    joined: usize,
    /// The number of the link that publishes, if there is one; it comes last.
    publisher: Option<usize>,
    published: u64,
    awake: bool,
}

impl Crowd {
    pub(crate) fn new(url: &str, dialect: Dialect) -> Outcome<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            buffer: vec![0; 256 * 1024].into(),
            address: url.trim_start_matches("http://").parse()?,
            dialect,
            links: Vec::new(),
            numbers: Vec::new(),
            joined: 0,
            publisher: None,
            published: 0,
            awake: false,
        })
    }

    /// Looks for news without ever sleeping: what it costs a server to wake a sleeping reader is the machine's affair, differs from
    /// moment to moment, and is not paid by a server whose readers are elsewhere.
    pub(crate) fn awake(self) -> Self {
        Self { awake: true, ..self }
    }

    /// Subscribes so many more.
    pub(crate) fn join(&mut self, mut count: usize) -> Outcome {
        while count > 0 {
            let some = count.min(AT_ONCE);
            for _ in 0..some {
                self.dial(false)?;
            }
            self.until_all_joined()?;
            count -= some;
        }
        Ok(())
    }

    /// Connects the one who publishes; nobody can join after that.
    pub(crate) fn join_publisher(&mut self) -> Outcome {
        self.publisher = Some(self.links.len());
        self.dial(true)?;
        self.until_all_joined()
    }

    fn dial(&mut self, publisher: bool) -> Outcome {
        let to = (self.poll.registry(), Token(self.links.len()));
        let dialect = if publisher { self.dialect.of_publisher() } else { self.dialect };
        let link = Link::dial(self.address, dialect.path(publisher), dialect.subprotocol(), to)?;
        self.links.push(link);
        self.numbers.push(0);
        Ok(())
    }

    fn until_all_joined(&mut self) -> Outcome {
        let until = Instant::now() + PATIENCE;
        while self.joined < self.links.len() {
            self.turn(Duration::from_millis(100), &mut |_| {})?;
            if Instant::now() > until {
                return Err(format!("{} of {} have joined after {PATIENCE:?}", self.joined, self.links.len()).into());
            }
        }
        Ok(())
    }

    /// Writes a message for the room; it goes with the next [`Crowd::flush`].
    pub(crate) fn publish(&mut self, text: &str) {
        self.published += 1;
        if let Some(link) = self.publisher.and_then(|index| self.links.get_mut(index)) {
            self.dialect.publish(self.published, text, &mut link.out);
        }
    }

    pub(crate) fn flush(&mut self) -> Outcome {
        self.publisher.and_then(|index| self.links.get_mut(index)).map_or(Ok(()), Link::flush)
    }

    /// These subscribers stop reading and stay connected.
    pub(crate) fn stall(&mut self, members: std::ops::Range<Member>) -> Outcome {
        self.links[members].iter_mut().try_for_each(|link| link.stall(self.poll.registry()))
    }

    /// Answers what comes, for so long.
    pub(crate) fn idle(&mut self, span: Duration, each: &mut impl FnMut(Member)) -> Outcome {
        let until = Instant::now() + span;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            self.turn(left, each)?;
        }
        Ok(())
    }

    /// Waits until something comes, or so long; tells of each message who has it.
    pub(crate) fn turn(&mut self, wait: Duration, each: &mut impl FnMut(Member)) -> Outcome {
        let until = Instant::now() + wait;
        while self.awake && Instant::now() < until {
            self.poll.poll(&mut self.events, Some(Duration::ZERO))?;
            if !self.events.is_empty() {
                break;
            }
        }
        if !self.awake
            && let Err(error) = self.poll.poll(&mut self.events, Some(wait))
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        for event in &self.events {
            let Token(index) = event.token();
            let publisher = self.publisher == Some(index);
            let dialect = if publisher { self.dialect.of_publisher() } else { self.dialect };
            let (joined, last) = (&mut self.joined, &mut self.numbers[index]);
            let link = &mut self.links[index];
            let mut refused = None;
            let open = link.read(&mut self.buffer, |out, heard| match heard {
                Heard::Opened => dialect.greet(out),
                Heard::Text(text) => match dialect.hear(text, out) {
                    Meaning::Joined => *joined += 1,
                    Meaning::Message if !publisher => {
                        if let Some(number) = dialect.number(text) {
                            if number != *last + 1 {
                                refused = Some(format!("{index} hears {number} after {last}"));
                            }
                            *last = number;
                        }
                        each(index);
                    }
                    Meaning::Refused => refused = Some(String::from_utf8_lossy(text).into_owned()),
                    Meaning::Message | Meaning::Other => {}
                },
                Heard::Closed(code) => refused = Some(format!("closed with {code}")),
            })?;
            if let Some(refused) = refused {
                return Err(format!("not as it should be: {refused}").into());
            }
            if !open {
                return Err(format!("the server hung up on connection {index}").into());
            }
            link.flush()?;
        }
        Ok(())
    }
}
