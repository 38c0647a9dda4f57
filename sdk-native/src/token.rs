//! Where tokens come from.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use samewire_protocol::session::TokenReason;

use crate::bridge::Shared;

type Asked = Pin<Box<dyn Future<Output = Result<String, Box<dyn Error + Send + Sync>>> + Send>>;

/// Gives a token whenever one is wanted.
#[derive(Clone)]
pub(crate) struct TokenSource(Arc<dyn Fn(TokenReason) -> Asked + Send + Sync>);

impl TokenSource {
    pub(crate) fn new<F, T, E>(source: F) -> Self
    where
        F: Fn(TokenReason) -> T + Send + Sync + 'static,
        T: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self(Arc::new(move |reason| {
            let asked = source(reason);
            Box::pin(async { asked.await.map_err(Into::into) })
        }))
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").finish_non_exhaustive()
    }
}

/// The token that a client has now, for its session and for its calls over HTTP.
#[derive(Debug)]
pub(crate) struct Tokens {
    source: Option<TokenSource>,
    present: Mutex<Option<String>>,
    /// Held while the source is asked: whoever wants a token meanwhile waits for that one.
    asking: tokio::sync::Mutex<()>,
}

impl Tokens {
    pub(crate) fn new(token: Option<String>, source: Option<TokenSource>) -> Self {
        Self { source, present: Mutex::new(token), asking: tokio::sync::Mutex::default() }
    }

    pub(crate) fn present(&self) -> Option<String> {
        self.present.lock().clone()
    }
}

impl Shared {
    /// Sets the token, here and for the session.
    pub(crate) fn set_token(&self, token: Option<String>) {
        self.tokens.present.lock().clone_from(&token);
        self.change(|core, now| core.session.set_token(now, token));
    }

    /// Another token than this one, from the source; also set for the session. `None`: there is none to be had.
    pub(crate) async fn token_instead_of(&self, old: Option<String>, reason: TokenReason) -> Option<String> {
        let source = self.tokens.source.as_ref()?;
        let _asking = self.tokens.asking.lock().await;
        let present = self.tokens.present();
        if present.is_some() && present != old {
            return present;
        }
        // In a task of its own, so that a source that panics is one that gives no token.
        match tokio::spawn((source.0)(reason)).await {
            Ok(Ok(token)) => {
                self.set_token(Some(token.clone()));
                Some(token)
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the token source gives no token");
                None
            }
            Err(_) => None,
        }
    }

    /// The session wants a token.
    pub(crate) fn ask_for_token(self: &Arc<Self>, reason: TokenReason) {
        let (shared, old) = (self.clone(), self.tokens.present());
        tokio::spawn(async move {
            if shared.token_instead_of(old, reason).await.is_none() {
                shared.change(|core, now| core.session.no_token(now));
            }
        });
    }
}
