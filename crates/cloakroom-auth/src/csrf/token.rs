//! What only the pages that a visitor was given know.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_core::{Random, RandomError, SaveError, Session, SessionId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Length in bytes of an HMAC-SHA-256, and of the pad that hides it.
const TAG_BYTES: usize = 32;
/// Length in bytes of the block of SHA-256.
const BLOCK_BYTES: usize = 64;

type Tag = [u8; TAG_BYTES];

/// The token of a visitor's session, for forms and for scripts: what shows that a request comes from a page of ours
/// when the browser does not say so itself.
///
/// `Display` writes it: 86 characters of base64url that need no escaping. Put it into a hidden field called
/// `csrf_token`, or where a script finds it that sends it in the header `X-CSRF-Token`.
///
/// It is an HMAC-SHA-256 under the session's id, which it does not reveal. It is worth nothing for another session, and
/// when the id changes, as at sign-in, it is worth nothing any more. Each response hides it under a random pad, so that
/// the length of compressed responses tells nobody about it (BREACH). Nothing is stored for it.
///
/// # When there is none
/// A visitor for whom nothing is stored has no id, so there is no token and `Display` writes nothing. Their forms work all
/// the same in every browser that sends `Sec-Fetch-Site` or `Origin`, which is every browser since 2020. For the others
/// [`CsrfToken::begin`] gives the visitor a session. There is also none in the seconds in which a request that was sent
/// before the id changed is still answered. It is written as of the moment it is asked for: after the handler has
/// signed somebody in and before that is saved, it is the token of the id that is about to die; and a page whose
/// response carries a new id because the old one has reached its age
/// ([`Policy::rotation`](cloakroom_core::Policy::rotation)) has to be loaded again in browsers that need the token.
///
/// ```
/// # use cloakroom_auth::csrf::CsrfToken;
/// # use cloakroom_core::{MemoryStore, SessionManager, SystemRandom};
/// # async fn handler() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = SessionManager::builder(MemoryStore::default()).build()?;
/// let session = manager.begin(&http::HeaderMap::new()).load().await?;
/// let token = CsrfToken::new(session.clone(), &SystemRandom)?;
/// assert_eq!(token.to_string(), "");
///
/// token.begin().await?;
/// assert!(CsrfToken::is_of(&session, &token.to_string()));
/// # Ok(())
/// # }
/// # assert!(futures_util::FutureExt::now_or_never(handler()).unwrap().is_ok());
/// ```
#[derive(Clone)]
pub struct CsrfToken {
    session: Session,
    pad: Tag,
}

impl CsrfToken {
    /// The token of `session` for one response.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn new(session: Session, random: &dyn Random) -> Result<Self, RandomError> {
        let mut pad = [0; TAG_BYTES];
        random.fill(&mut pad)?;
        Ok(Self { session, pad })
    }

    /// The token as text, unless there is none.
    pub fn text(&self) -> Option<String> {
        let hidden = xor(&tag(&self.session.id()?), &self.pad);
        Some(URL_SAFE_NO_PAD.encode([self.pad, hidden].concat()))
    }

    /// Gives a visitor for whom nothing is stored a session, so that there is a token. Anybody else keeps what they have.
    ///
    /// # Cost
    /// A row and a cookie for everybody who is shown the page, search engines included, and one write. Only for pages
    /// with a form that must also work in browsers from before 2020.
    ///
    /// # Errors
    /// As [`Session::save`].
    ///
    /// # Cancel safety
    /// As [`Session::save`].
    pub async fn begin(&self) -> Result<(), SaveError> {
        if !self.session.is_new() {
            return Ok(());
        }
        if self.session.is_empty() {
            // A session that holds nothing is not stored.
            let inserted = self.session.insert("csrf", true);
            debug_assert!(inserted.is_ok(), "a truth value can be written as JSON");
        }
        self.session.save().await
    }

    /// Whether `text` is a token of `session` as it is now. Takes as long whatever it differs in (ASVS 11.2.4).
    pub fn is_of(session: &Session, text: &str) -> bool {
        session.id().zip(unmasked(text)).is_some_and(|(id, shown)| tag(&id).ct_eq(&shown).into())
    }
}

impl fmt::Display for CsrfToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text().unwrap_or_default())
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CsrfToken(redacted)")
    }
}

fn tag(id: &SessionId) -> Tag {
    // HMAC itself pads a key that is shorter than a block with zeros (RFC 2104 section 2). An id has 43 bytes.
    let mut key = [0; BLOCK_BYTES];
    for (place, byte) in key.iter_mut().zip(id.expose().bytes()) {
        *place = byte;
    }
    let mut hmac = Hmac::<Sha256>::new(&key.into());
    hmac.update(b"cloakroom csrf");
    hmac.finalize().into_bytes().into()
}

fn unmasked(text: &str) -> Option<Tag> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (pad, hidden) = bytes.split_first_chunk()?;
    Some(xor(pad, hidden.try_into().ok()?))
}

fn xor(left: &Tag, right: &Tag) -> Tag {
    std::array::from_fn(|index| left[index] ^ right[index])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use cloakroom_core::{MemoryStore, SessionManager, SystemRandom, UserId};
    use http::HeaderMap;
    use http::header::COOKIE;

    use super::*;

    fn manager() -> SessionManager {
        SessionManager::builder(MemoryStore::default()).build().unwrap()
    }

    async fn visit(manager: &SessionManager) -> Session {
        let session = manager.begin(&HeaderMap::new()).load().await.unwrap();
        session.insert("colour", "green").unwrap();
        session.save().await.unwrap();
        session
    }

    fn token(session: &Session) -> String {
        CsrfToken::new(session.clone(), &SystemRandom).unwrap().to_string()
    }

    #[tokio::test]
    async fn asvs_3_5_1_nist_5_1_forged_a_token_is_of_one_session_and_of_one_id() {
        let manager = manager();
        let (ours, other) = (visit(&manager).await, visit(&manager).await);
        let shown = token(&ours);
        assert!(CsrfToken::is_of(&ours, &shown));
        assert!(!CsrfToken::is_of(&other, &shown));

        ours.set_user(UserId::new("7").unwrap());
        ours.save().await.unwrap();
        assert!(!CsrfToken::is_of(&ours, &shown), "the id has changed");
        let next = token(&ours);
        assert!(CsrfToken::is_of(&ours, &next));

        ours.rotate();
        ours.save().await.unwrap();
        assert!(!CsrfToken::is_of(&ours, &next));
        let last = token(&ours);
        ours.destroy();
        ours.save().await.unwrap();
        assert!(!CsrfToken::is_of(&ours, &last));
        assert_eq!(token(&ours), "");
    }

    #[tokio::test]
    async fn asvs_11_2_4_every_bit_of_a_token_counts() {
        let ours = visit(&manager()).await;
        let shown = token(&ours);
        assert_eq!(shown.len(), 86);
        let bytes = URL_SAFE_NO_PAD.decode(&shown).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!CsrfToken::is_of(&ours, &URL_SAFE_NO_PAD.encode(changed)), "bit {bit}");
        }
        for length in 0..shown.len() {
            assert!(!CsrfToken::is_of(&ours, &shown[..length]), "{length} characters");
        }
        for odd in
            [format!("{shown}A"), format!("{shown}="), format!(" {shown}"), "é".repeat(43), "A".repeat(86)]
        {
            assert!(!CsrfToken::is_of(&ours, &odd), "{odd}");
        }
    }

    #[tokio::test]
    async fn a_token_differs_each_time_and_shows_nothing() {
        let ours = visit(&manager()).await;
        let shown: HashSet<String> = (0..100).map(|_| token(&ours)).collect();
        assert_eq!(shown.len(), 100);
        let halves: HashSet<&str> = shown.iter().flat_map(|token| [&token[..20], &token[60..]]).collect();
        assert_eq!(halves.len(), 200, "neither half stays the same");
        let id = ours.id().unwrap();
        assert!(shown.iter().all(|token| CsrfToken::is_of(&ours, token) && !token.contains(id.expose())));
        let printed = format!("{:?}", CsrfToken::new(ours, &SystemRandom).unwrap());
        assert_eq!(printed, "CsrfToken(redacted)");
    }

    /// Computed by another implementation: Python's `hmac`, with the id as its key.
    #[test]
    fn the_tag_is_an_hmac_of_the_id() {
        let id = SessionId::parse(&"A".repeat(43)).unwrap();
        let hex: Vec<String> = tag(&id).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex.concat(), "e83a86ce55c6dcbbb1bc41228935aeb4cdf35fa28e1d62ae3a5ed6a559323bed");
    }

    #[tokio::test]
    async fn a_visitor_without_a_session_has_no_token_until_one_is_begun() {
        let manager = manager();
        let session = manager.begin(&HeaderMap::new()).load().await.unwrap();
        assert_eq!(token(&session), "");
        assert!(!CsrfToken::is_of(&session, ""));
        assert!(!CsrfToken::is_of(&session, &"A".repeat(86)));
        let begun = CsrfToken::new(session.clone(), &SystemRandom).unwrap();
        begun.begin().await.unwrap();
        assert!(CsrfToken::is_of(&session, &begun.to_string()));
        assert!(!session.is_new());

        // The next request finds the session that the token is of.
        let cookie = format!("__Host-id={}", session.id().unwrap().expose());
        let next =
            manager.begin(&HeaderMap::from_iter([(COOKIE, cookie.parse().unwrap())])).load().await.unwrap();
        assert!(CsrfToken::is_of(&next, &begun.to_string()));
        let before = next.data();
        CsrfToken::new(next.clone(), &SystemRandom).unwrap().begin().await.unwrap();
        assert_eq!(next.data(), before);
    }
}
