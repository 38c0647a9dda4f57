//! What follows from the observations, leg by leg.

use super::observation::{IceError, Seen};
use super::{Diagnosis, Leg};

type Told = (Option<bool>, String);

fn works(told: impl Into<String>) -> Told {
    (Some(true), told.into())
}

fn fails(told: impl Into<String>) -> Told {
    (Some(false), told.into())
}

fn open(told: impl Into<String>) -> Told {
    (None, told.into())
}

/// The ICE error of a server that did not answer.
const NO_ANSWER: u32 = 701;

/// Of a server that did not take the credentials.
const UNAUTHORIZED: u32 = 401;

impl Diagnosis {
    pub(super) fn of_page(&self) -> Told {
        match self.page {
            None => open("not looked at"),
            Some((false, _)) => {
                fails("the page is not secure, and browsers give it neither camera nor peer connections; serve it over https")
            }
            Some((_, false)) => fails(
                "this browser has no peer connections (WebRTC), or they are switched off; use another one, or switch them on",
            ),
            Some((true, true)) => works("the page may use cameras and peer connections"),
        }
    }

    pub(super) fn of_session(&self) -> Told {
        match self.session.as_deref() {
            None => open("not looked at"),
            Some("live") => works("the session with the server is live"),
            Some("closed") => fails("the session with the server is closed; its error says why. Connect anew"),
            Some("idle") => open("nobody has asked for a session with the server yet"),
            Some(state) => fails(format!(
                "there is no link to the server at the moment ({state}); look whether this device is online and the server is up"
            )),
        }
    }

    pub(super) fn of_camera(&self) -> Told {
        let Some(camera) = &self.camera else { return open("not looked at") };
        match (camera.error.as_deref(), camera.permission.as_deref(), camera.cameras) {
            (Some("NotAllowedError"), _, _) | (_, Some("denied"), _) => fails(
                "the browser does not give this page its camera; allow it at the address bar, or in the settings of the system",
            ),
            (Some("NotReadableError"), _, _) => fails("another program has the camera; close that one, and try again"),
            (Some("NotFoundError" | "OverconstrainedError"), _, _) => {
                fails("there is no camera such as was asked for; plug one in, or ask for less")
            }
            (Some(error), _, _) => fails(format!("the camera was refused: {error}")),
            (None, _, _) if !camera.supported => open("this page gets no cameras; a broadcast needs another source"),
            (None, _, Some(0)) => open("no camera was found; a broadcast needs another source"),
            (None, Some("prompt"), _) => open("there is a camera; the browser will ask before it gives it"),
            (None, _, _) => works("there is a camera"),
        }
    }

    pub(super) fn of_stun(&self) -> Told {
        let Some(seen) = self.servers_with(&["stun:", "stuns:"]) else {
            return self.no_server("the server names no STUN server; ends in different networks need one, or a TURN server");
        };
        if seen.has("srflx") || seen.has("prflx") {
            return works("a STUN server tells this device its public address");
        }
        match seen.error() {
            Some(error) => fails(format!("no STUN server answers: {error}; a firewall may block UDP, or the address is wrong")),
            None => open("the STUN servers tell no address that this device does not have by itself"),
        }
    }

    pub(super) fn of_turn(&self) -> Told {
        let Some(seen) = self.servers_with(&["turn:", "turns:"]) else {
            return self.no_server(
                "the server names no TURN server; without one, ends behind strict firewalls find no way to each other",
            );
        };
        if seen.has("relay") {
            return works("a TURN server relays");
        }
        if seen.errors.iter().any(|error| error.code == UNAUTHORIZED) {
            return fails(
                "the TURN server does not take the credentials (401): the secret of [live.turn] is not that of the TURN server, its \
                 realm is not set, or a clock is wrong",
            );
        }
        match seen.error() {
            Some(error) => fails(format!("no TURN server relays: {error}")),
            None => {
                fails("no TURN server gave an address within 5 seconds; look whether it runs, and whether its ports are open")
            }
        }
    }

    pub(super) fn of_udp(&self) -> Told {
        let Some(host) = &self.host else { return open("not looked at") };
        if let Some(error) = &host.error {
            return fails(format!("the browser gathers no addresses: {error}"));
        }
        if !host.candidates.iter().any(|kind| **kind == *"host") {
            return fails("the browser gathers no local address; a policy or an extension keeps it from using UDP");
        }
        match (self.of_stun().0, self.of_turn().0) {
            (Some(true), _) => works("UDP gets through to a STUN server"),
            (Some(false), Some(true)) => {
                fails("UDP does not get through to the STUN servers, so media has to be relayed; a firewall may block UDP")
            }
            (_, Some(true)) => works("the browser has local addresses, and a TURN server can be reached"),
            _ => open(
                "the browser has local addresses; whether UDP gets out of this network cannot be told without a STUN or TURN server",
            ),
        }
    }

    pub(super) fn of_peer(&self) -> Told {
        match &self.loopback {
            None => open("not looked at"),
            Some((true, _)) => works("two peer connections within this page reach each other"),
            Some((false, Some(error))) => fails(format!("the browser made no peer connection: {error}")),
            Some((false, None)) => fails(
                "two peer connections within this page do not reach each other; a firewall, VPN or policy blocks WebRTC on this device",
            ),
        }
    }

    pub(super) fn of_media(&self) -> Told {
        let Some(media) = &self.media else { return open("no stream was looked at") };
        if &*media.side == "broadcaster" {
            let all = media.peers.len();
            let connected = media.peers.iter().filter(|peer| peer.is_connected()).count();
            let connecting = media.peers.iter().filter(|peer| peer.is_connecting()).count();
            return match all {
                0 => open("nobody watches at the moment"),
                _ if connected == all => works(format!("all {all} viewers are connected")),
                _ if connected + connecting == all => {
                    open(format!("{connected} of {all} viewers are connected, the others are on the way"))
                }
                _ => fails(format!(
                    "{connected} of {all} viewers are connected; what the others lack, a diagnosis on their side says"
                )),
            };
        }
        let flow = media.stats.unwrap_or_default();
        let way = match flow.relay {
            Some(true) => "over a relay",
            Some(false) => "on a direct way",
            None => "on its way",
        };
        match media.state.as_deref() {
            Some("live") if flow.bitrate.is_some_and(|bitrate| bitrate > 0.0) => {
                // A whole number: what prints others would be the largest part of a diagnosis in the browser.
                let kilobits = (flow.bitrate.unwrap_or_default() / 1_000.0).round() as u64;
                works(format!("media arrives {way}, {kilobits} kbit/s"))
            }
            Some("live") => open("the connection stands, and no media has been measured yet"),
            Some("paused") => open("the broadcaster is away, and may come back"),
            Some("ended") => open("the stream is over"),
            Some("connecting") => open("the connection is on the way, or nobody broadcasts yet"),
            Some("reconnecting") => fails("the connection to the broadcaster is lost, and is being restored"),
            Some("failed") => {
                fails("the connection to the broadcaster was given up; its error says why, and retry() tries again")
            }
            _ => open("nothing is known of the stream's media"),
        }
    }

    /// Of a kind of which no server was looked at.
    fn no_server(&self, unnamed: &str) -> Told {
        open(match self.servers_known {
            Some(true) => unnamed,
            Some(false) => {
                "not looked at: which servers there are is told to whoever may broadcast or watch a stream, over a live session"
            }
            None => "not looked at",
        })
    }

    /// What was seen with the servers of these schemes; none where there is no such server.
    fn servers_with(&self, schemes: &[&str]) -> Option<Together> {
        let fits = |urls: &[Box<str>]| urls.iter().any(|url| schemes.iter().any(|scheme| url.starts_with(scheme)));
        let seen: Vec<&Seen> = self.servers.iter().filter(|(urls, _)| fits(urls)).map(|(_, seen)| seen).collect();
        (!seen.is_empty()).then(|| Together {
            candidates: seen.iter().flat_map(|seen| seen.candidates.iter().cloned()).collect(),
            errors: seen
                .iter()
                .flat_map(|seen| seen.errors.iter())
                .filter(|error| error.url.as_deref().is_none_or(|url| schemes.iter().any(|scheme| url.starts_with(scheme))))
                .cloned()
                .collect(),
            refused: seen.iter().find_map(|seen| seen.error.clone()),
        })
    }
}

/// What was seen with several servers.
struct Together {
    candidates: Vec<Box<str>>,
    errors: Vec<IceError>,
    refused: Option<Box<str>>,
}

impl Together {
    fn has(&self, kind: &str) -> bool {
        self.candidates.iter().any(|own| **own == *kind)
    }

    /// The error that says most.
    fn error(&self) -> Option<String> {
        let told = self.errors.iter().min_by_key(|error| error.code == NO_ANSWER).map(|error| {
            let url = error.url.as_deref().unwrap_or("a server");
            match (error.code, error.text.as_deref().filter(|text| !text.is_empty())) {
                (NO_ANSWER, _) => format!("{url} cannot be reached (701)"),
                (code, Some(text)) => format!("{url} says {code} {text}"),
                (code, None) => format!("{url} says {code}"),
            }
        });
        told.or_else(|| self.refused.as_deref().map(|told| format!("the browser said: {told}")))
    }
}

impl std::fmt::Display for Leg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Page => "page",
            Self::Session => "session",
            Self::Camera => "camera",
            Self::Stun => "stun",
            Self::Turn => "turn",
            Self::Udp => "udp",
            Self::Peer => "peer",
            Self::Media => "media",
        })
    }
}
