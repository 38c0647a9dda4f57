/// A method of a test's own, that takes and gives any JSON and may go any way: `contract!(Name, "unit/method", "What it does", true)`,
/// the last being whether it is idempotent.
#[macro_export]
macro_rules! contract {
    ($(#[$doc:meta])* $vis:vis $method:ident, $name:literal, $title:literal, $idempotent:literal) => {
        $(#[$doc])*
        $vis struct $method;

        impl ::samewire_protocol::Method for $method {
            const NAME: &'static str = $name;
            const TITLE: &'static str = $title;
            const IDEMPOTENT: bool = $idempotent;
            type Route = ::samewire_protocol::method::AnyRoute;
            type Params = ::serde_json::Value;
            type Args = ::serde_json::Value;
            type Output = ::serde_json::Value;
            type Reply = ::serde_json::Value;
        }
    };
}
