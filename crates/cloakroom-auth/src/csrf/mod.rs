//! Whether a request that changes something was meant by the visitor.
//!
//! Browsers send the session's cookie with every request to the site, also with those that another site's page made
//! them send. `SameSite=Lax` keeps it from the forms of other *sites*; another subdomain, and another port of localhost,
//! is the same site. What remains is decided in this order (ASVS 3.5.1):
//!
//! 1. Safe methods pass (`GET`, `HEAD`, `OPTIONS`, `TRACE`), because they change nothing: keep it so (ASVS 3.5.3).
//! 2. `Sec-Fetch-Site`, which every browser sends since 2023 and no page can forge, says whether the sender is one of
//!    our own pages.
//! 3. Without it, `Origin` says where the sender is from.
//! 4. Without either, a token that only our own pages know: [`CsrfToken`].
//!
//! [`judge`] is the first three as a pure function. [`CsrfGuard`] adds the token and the settings; the layers of the
//! frameworks carry out what it says.
//!
//! Whoever can run scripts in our pages can send what our pages send: nothing here helps against that.

mod guard;
mod judgement;
mod origin;
mod token;

pub use self::guard::{Cookieless, CsrfGuard, CsrfRefusal, CsrfStep};
pub use self::judgement::{Judgement, judge};
pub use self::origin::{Origin, OriginError, Origins};
pub use self::token::CsrfToken;
