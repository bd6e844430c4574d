//! A better hash of the same password, without signing anybody out.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_core::Fingerprint;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::hash::PasswordHash;

/// A better hash of the same password, and the link from the sessions that were begun under the old one.
///
/// Sessions carry a fingerprint of the password hash, so that a changed password ends them. An upgrade changes the
/// hash and not the password: store both values in one statement, and let [`accepts_through`] decide about sessions
/// whose fingerprint is not the current one. The link reaches back by one hash; after a second upgrade, sessions that
/// still carry the fingerprint before the first end.
///
/// ```
/// use cloakroom_auth::password::accepts_through;
/// # use cloakroom_auth::password::{Check, Password, Passwords};
/// # use cloakroom_core::{Fingerprint, UserId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let old = "$2b$10$abcdefghijklmnopqrstuuGGgFFcYeueaAql8Z7U7CnCTRw4DR77W";
/// # let check = Passwords::new().verify(&Password::from("correct horse battery staple"), Some(old)).await?;
/// # let Check::Right(matched) = check else { return Err("wrong".into()) };
/// # let fingerprint = Fingerprint::new(&UserId::new("ann")?, old.as_bytes());
/// if let Some(upgrade) = matched.upgrade_from(&fingerprint) {
///     // Stored in one statement: update users set hash = $1, hash_link = $2 where id = $3 and hash = $4
///     let (hash, link) = (upgrade.hash().as_str(), upgrade.link());
///
///     // A session from before the upgrade goes on, until the hash changes again.
///     assert!(accepts_through(link, &fingerprint, hash));
///     assert!(!accepts_through(link, &fingerprint, "the hash of another password"));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Upgrade {
    replaces: Replaced,
    hash: PasswordHash,
    link: String,
}

impl Upgrade {
    pub(super) fn new(fingerprint: &Fingerprint, replaces: &str, hash: PasswordHash) -> Self {
        let link = link(fingerprint, hash.as_str());
        Self { replaces: Replaced(replaces.to_owned()), hash, link }
    }

    /// The stored hash that the password matched. Where another one is stored by now, the password was changed
    /// meanwhile, or another sign-in was quicker: store nothing.
    pub fn replaces(&self) -> &str {
        &self.replaces.0
    }

    /// The hash to store in place of the old one.
    pub const fn hash(&self) -> &PasswordHash {
        &self.hash
    }

    /// What to store beside it: 43 ASCII characters, which are worth nothing to whoever reads them.
    pub fn link(&self) -> &str {
        &self.link
    }
}

/// The old hash, which is no better to print than a new one.
#[derive(Clone)]
struct Replaced(String);

impl fmt::Debug for Replaced {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("redacted")
    }
}

/// Whether a session that carries the fingerprint `session` was begun under the hash that `current_hash` took the
/// place of, as `link` says. Takes as long wherever the first difference is.
///
/// False as soon as the stored hash is another than the upgraded one, so a changed password ends the session even
/// where the link is left in its column.
pub fn accepts_through(link: &str, session: &Fingerprint, current_hash: &str) -> bool {
    self::link(session, current_hash).as_bytes().ct_eq(link.as_bytes()).into()
}

/// Every part has a fixed length, so no two pairs run together to the same bytes.
fn link(fingerprint: &Fingerprint, hash: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(b"cloakroom upgrade\0");
    digest.update(fingerprint.as_bytes());
    digest.update(Sha256::digest(hash));
    URL_SAFE_NO_PAD.encode(digest.finalize())
}
