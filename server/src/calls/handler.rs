//! From async functions to handlers that a table can hold.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use samewire_protocol::{Code, Failure, Method, Ran};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{CallContext, FromCall};

/// The answer to a call, as it will be.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<Box<RawValue>, Failure>> + Send>>;

/// An async function that answers a method: up to six extractors, then the method's args.
pub trait Handler<M: Method, T>: Clone + Send + Sync + 'static {
    /// Runs it.
    fn call(self, context: CallContext) -> impl Future<Output = Result<M::Output, Failure>> + Send;
}

macro_rules! handlers {
    ($($extractor:ident),*) => {
        impl<M, F, Fut, $($extractor,)*> Handler<M, ($($extractor,)* Fut,)> for F
        where
            M: Method,
            M::Args: Send,
            F: FnOnce($($extractor,)* M::Args) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output = Result<M::Output, Failure>> + Send,
            $($extractor: FromCall,)*
        {
            #[allow(non_snake_case, reason = "a macro names values after their types")]
            async fn call(self, context: CallContext) -> Result<M::Output, Failure> {
                // The args first: what is wrong with the call itself is told before what its surroundings lack.
                let args: M::Args = serde_json::from_str(context.payload.get())
                    .map_err(|error| Failure::new(Code::BadParams, format!("the params do not fit `{}`: {error}", M::NAME)))?;
                $(let $extractor = $extractor::from_call(&context).await?;)*
                drop(context);
                // From here on the handler runs, and what goes wrong is its own.
                self($($extractor,)* args).await.map_err(|failure| failure.ran(Ran::Yes))
            }
        }
    };
}

handlers!();
handlers!(A);
handlers!(A, B);
handlers!(A, B, C);
handlers!(A, B, C, D);
handlers!(A, B, C, D, E);
handlers!(A, B, C, D, E, G);

pub(crate) trait Erased: Send + Sync {
    fn call(&self, context: CallContext) -> Answer;
}

pub(crate) struct Typed<M, H, T> {
    handler: H,
    types: PhantomData<fn() -> (M, T)>,
}

impl<M, H, T> Typed<M, H, T> {
    pub(crate) fn new(handler: H) -> Self {
        Self { handler, types: PhantomData }
    }
}

impl<M: Method + 'static, H: Handler<M, T>, T: 'static> Erased for Typed<M, H, T> {
    fn call(&self, context: CallContext) -> Answer {
        let handler = self.handler.clone();
        Box::pin(async move { encode(&handler.call(context).await?) })
    }
}

fn encode<T: Serialize>(output: &T) -> Result<Box<RawValue>, Failure> {
    serde_json::value::to_raw_value(output).map_err(|error| {
        tracing::error!(%error, "a handler's answer cannot be written as JSON");
        Failure::new(Code::Internal, "the answer cannot be written as JSON").ran(Ran::Yes)
    })
}
