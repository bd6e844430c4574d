//! The store contract: one case for every sentence of [`Store`](cloakroom_core::Store), and the suite that runs them.

#[macro_use]
mod list;

mod admission;
mod cancellation;
mod create;
mod delete;
mod end;
mod expiry;
mod keys;
mod limit;
mod load;
mod logout;
mod payload;
mod races;
mod rename;
mod samples;
mod save;
mod suite;
mod sweep;
mod touch;
mod users;

pub(crate) use suite::Context;
pub use suite::{Case, Nodes, StoreSuite};

macro_rules! cases {
    ([] $($module:ident { $($name:ident)* })*) => {
        /// Every case, in the order in which they run.
        pub const CASES: &[Case] = &[$($(
            Case::new(
                concat!(stringify!($module), "::", stringify!($name)),
                |context| Box::pin($module::$name(context)),
            ),
        )*)*];
    };
}

for_each_store_case!([cases] []);
