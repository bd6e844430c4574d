//! The HTTP scenarios: stories of requests and responses that every framework's binding passes.

#[macro_use]
mod list;

mod cookies;
mod events;
mod failures;
mod jar;
mod limits;
mod logout;
mod nobody;
mod nodes;
mod parallel;
mod respond;
mod rotation;
mod round_trips;
mod sealed;
mod site;
mod storage;
mod suite;
mod users;

pub use respond::respond;
pub use suite::{App, HttpCase, HttpSuite};

macro_rules! cases {
    ([] $($module:ident { $($name:ident)* })*) => {
        /// Every scenario, in the order in which they run.
        pub const CASES: &[HttpCase] = &[$($(
            HttpCase::new(
                concat!(stringify!($module), "::", stringify!($name)),
                |driver| Box::pin($module::$name(driver)),
            ),
        )*)*];
    };
}

for_each_http_case!([cases] []);
