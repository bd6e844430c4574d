//! How a hash is computed.

use std::fmt;

use zeroize::Zeroizing;

use super::error::PasswordError;
use super::parameters::Argon2Parameters;

/// As many bytes of a password as bcrypt sees.
pub(super) const BCRYPT_BYTES: usize = 72;

/// Which function a stored hash was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// argon2id (RFC 9106), which new hashes are made with.
    Argon2id,
    /// argon2i (RFC 9106).
    Argon2i,
    /// bcrypt: `$2a$`, `$2b$` and `$2y$`.
    Bcrypt,
    /// scrypt (RFC 7914).
    Scrypt,
    /// PBKDF2 (RFC 8018) with HMAC-SHA-256.
    Pbkdf2Sha256,
    /// PBKDF2 (RFC 8018) with HMAC-SHA-512.
    Pbkdf2Sha512,
}

impl Algorithm {
    pub(super) const fn of(scheme: &Scheme) -> Self {
        match scheme {
            Scheme::Argon2 { variant: Variant::Id, .. } => Self::Argon2id,
            Scheme::Argon2 { variant: Variant::I, .. } => Self::Argon2i,
            Scheme::Bcrypt { .. } => Self::Bcrypt,
            Scheme::Scrypt { .. } => Self::Scrypt,
            Scheme::Pbkdf2 { digest: Digest::Sha256, .. } => Self::Pbkdf2Sha256,
            Scheme::Pbkdf2 { digest: Digest::Sha512, .. } => Self::Pbkdf2Sha512,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Argon2id => "argon2id",
            Self::Argon2i => "argon2i",
            Self::Bcrypt => "bcrypt",
            Self::Scrypt => "scrypt",
            Self::Pbkdf2Sha256 => "pbkdf2-sha256",
            Self::Pbkdf2Sha512 => "pbkdf2-sha512",
        })
    }
}

/// A function and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Argon2 { variant: Variant, version: argon2::Version, memory_kib: u32, passes: u32, lanes: u32 },
    Bcrypt { cost: u32 },
    Scrypt { log_n: u32, r: u32, p: u32 },
    Pbkdf2 { digest: Digest, iterations: u32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    Id,
    I,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Sha256,
    Sha512,
}

impl Scheme {
    /// Whether this is bcrypt, which sees 72 bytes and nothing after a NUL.
    pub(super) const fn is_bcrypt(&self) -> bool {
        matches!(self, Self::Bcrypt { .. })
    }

    /// Fills `output` with the hash of `password`. The caller has held the costs against a ceiling.
    ///
    /// # Errors
    /// [`PasswordError::OutOfMemory`], and [`PasswordError::UnknownFormat`] where the function refuses its parameters.
    pub(super) fn compute(
        &self,
        password: &[u8],
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<(), PasswordError> {
        match *self {
            Self::Argon2 { variant, version, memory_kib, passes, lanes } => {
                let variant = match variant {
                    Variant::Id => argon2::Algorithm::Argon2id,
                    Variant::I => argon2::Algorithm::Argon2i,
                };
                argon2::Params::new(memory_kib, passes, lanes, Some(output.len()))
                    .and_then(|params| {
                        argon2::Argon2::new(variant, version, params)
                            .hash_password_into(password, salt, output)
                    })
                    .map_err(|error| match error {
                        argon2::Error::OutOfMemory => PasswordError::OutOfMemory,
                        _ => PasswordError::UnknownFormat,
                    })
            }
            Self::Bcrypt { cost } => bcrypt_into(cost, password, salt, output),
            Self::Scrypt { log_n, r, p } => {
                let log_n = u8::try_from(log_n).map_err(|_| PasswordError::UnknownFormat)?;
                let params = scrypt::Params::new(log_n, r, p).map_err(|_| PasswordError::UnknownFormat)?;
                scrypt::scrypt(password, salt, &params, output).map_err(|_| PasswordError::UnknownFormat)
            }
            Self::Pbkdf2 { digest: Digest::Sha256, iterations } => {
                pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, salt, iterations, output);
                Ok(())
            }
            Self::Pbkdf2 { digest: Digest::Sha512, iterations } => {
                pbkdf2::pbkdf2_hmac::<sha2::Sha512>(password, salt, iterations, output);
                Ok(())
            }
        }
    }
}

impl From<Argon2Parameters> for Scheme {
    fn from(parameters: Argon2Parameters) -> Self {
        Self::Argon2 {
            variant: Variant::Id,
            version: argon2::Version::V0x13,
            memory_kib: parameters.memory_kib(),
            passes: parameters.passes(),
            lanes: parameters.lanes(),
        }
    }
}

/// bcrypt hashes the password and a NUL, up to 72 bytes in all, and keeps 23 of the 24 bytes it makes.
fn bcrypt_into(cost: u32, password: &[u8], salt: &[u8], output: &mut [u8]) -> Result<(), PasswordError> {
    let salt: [u8; 16] = salt.try_into().map_err(|_| PasswordError::UnknownFormat)?;
    let mut key = Zeroizing::new([0; BCRYPT_BYTES]);
    let (Some(start), 0..32) = (key.get_mut(..password.len()), cost) else {
        return Err(PasswordError::UnknownFormat);
    };
    start.copy_from_slice(password);
    let used = key.get(..=password.len()).unwrap_or(key.as_slice());
    let made = bcrypt::bcrypt(cost, salt, used);
    let kept = made.get(..output.len()).ok_or(PasswordError::UnknownFormat)?;
    output.copy_from_slice(kept);
    Ok(())
}
