//! How a session's data becomes the payload of a row, and back.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom_core::Data;
use cloakroom_core::layout::DataColumn;
use serde_json::Value;

use crate::operation::Payload;

/// How data is written. Each row carries its codec's mark, so that the codec can be changed later: what was written
/// before stays readable.
///
/// ```
/// use cloakroom_sql::Codec;
///
/// let own = Codec::own("reversed", |data| {
///     let mut bytes = serde_json::to_vec(data)?;
///     bytes.reverse();
///     Ok(bytes)
/// }, |bytes| {
///     let bytes: Vec<u8> = bytes.iter().rev().copied().collect();
///     Ok(serde_json::from_slice(&bytes)?)
/// })?;
/// assert_eq!(own.mark(), "reversed");
/// # Ok::<(), cloakroom_sql::InvalidMark>(())
/// ```
#[derive(Clone)]
pub struct Codec(Kind);

#[derive(Clone)]
enum Kind {
    Json,
    #[cfg(feature = "messagepack")]
    MessagePack,
    Own(Arc<Own>),
}

struct Own {
    mark: String,
    serialise: Box<Serialise>,
    deserialise: Box<Deserialise>,
}

type Serialise = dyn Fn(&Data) -> Result<Vec<u8>, BoxError> + Send + Sync;
type Deserialise = dyn Fn(&[u8]) -> Result<Data, BoxError> + Send + Sync;

/// Whatever an application's own codec fails with. It is shown as the source of the store's error, so it must not
/// quote the data.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Codec {
    const JSON: &'static str = "json";
    #[cfg(feature = "messagepack")]
    const MESSAGE_PACK: &'static str = "msgpack";
    /// The longest mark in bytes.
    pub const MAX_MARK: usize = 32;

    /// JSON text, mark `json`. The default: the database can query it and people can read it.
    pub const fn json() -> Self {
        Self(Kind::Json)
    }

    /// `MessagePack`, mark `msgpack`: smaller and faster than JSON. Best in a [`DataColumn::Binary`]; elsewhere it is
    /// written as base64, which costs what it saves.
    #[cfg(feature = "messagepack")]
    pub const fn messagepack() -> Self {
        Self(Kind::MessagePack)
    }

    /// The application's own functions, for example to encrypt or to compress. Best in a [`DataColumn::Binary`];
    /// elsewhere the bytes are written as base64.
    ///
    /// # Errors
    /// When the mark is not made of 1 to 32 lower-case ASCII letters, digits and hyphens, or is that of a codec of
    /// this crate.
    pub fn own(
        mark: &str,
        serialise: impl Fn(&Data) -> Result<Vec<u8>, BoxError> + Send + Sync + 'static,
        deserialise: impl Fn(&[u8]) -> Result<Data, BoxError> + Send + Sync + 'static,
    ) -> Result<Self, InvalidMark> {
        let fits = (1..=Self::MAX_MARK).contains(&mark.len())
            && mark.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !fits || matches!(mark, "json" | "msgpack") {
            return Err(InvalidMark);
        }
        Ok(Self(Kind::Own(Arc::new(Own {
            mark: mark.to_owned(),
            serialise: Box::new(serialise),
            deserialise: Box::new(deserialise),
        }))))
    }

    /// What the row's format column says.
    pub fn mark(&self) -> &str {
        match &self.0 {
            Kind::Json => Self::JSON,
            #[cfg(feature = "messagepack")]
            Kind::MessagePack => Self::MESSAGE_PACK,
            Kind::Own(own) => &own.mark,
        }
    }

    fn encode(&self, data: &Data, column: DataColumn) -> Result<Payload, BoxError> {
        let bytes = match &self.0 {
            Kind::Json if column == DataColumn::Binary => serde_json::to_vec(data)?,
            Kind::Json => return Ok(Payload::Text(serde_json::to_string(data)?)),
            #[cfg(feature = "messagepack")]
            Kind::MessagePack => rmp_serde::to_vec(data)?,
            Kind::Own(own) => (own.serialise)(data)?,
        };
        Ok(match column {
            DataColumn::Binary => Payload::Binary(bytes),
            DataColumn::Text => Payload::Text(STANDARD.encode(bytes)),
            // The alphabet of base64 needs no escape in a JSON string.
            DataColumn::Json => Payload::Text(format!("\"{}\"", STANDARD.encode(bytes))),
        })
    }

    fn decode(&self, payload: &Payload, column: DataColumn) -> Result<Data, BoxError> {
        let binary = match (&self.0, payload) {
            (Kind::Json, Payload::Text(text)) => return Ok(serde_json::from_str(text)?),
            (Kind::Json, Payload::Binary(bytes)) => return Ok(serde_json::from_slice(bytes)?),
            (_, Payload::Binary(bytes)) => bytes,
            (_, Payload::Text(text)) if column == DataColumn::Json => {
                let text: String = serde_json::from_str(text)?;
                &STANDARD.decode(text)?
            }
            (_, Payload::Text(text)) => &STANDARD.decode(text)?,
        };
        match &self.0 {
            Kind::Json => Ok(serde_json::from_slice(binary)?),
            #[cfg(feature = "messagepack")]
            Kind::MessagePack => Ok(rmp_serde::from_slice(binary)?),
            Kind::Own(own) => (own.deserialise)(binary),
        }
    }
}

impl Default for Codec {
    fn default() -> Self {
        Self::json()
    }
}

impl fmt::Debug for Codec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Codec").field(&self.mark()).finish()
    }
}

/// A mark that cannot be told from others or does not fit its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a codec's mark has 1 to 32 characters of a-z, 0-9 and hyphen, and is neither `json` nor `msgpack`")]
pub struct InvalidMark;

/// The codec that writes, and those that can read what others wrote before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Codecs {
    pub(crate) writes: Codec,
    pub(crate) reads: Vec<Codec>,
}

/// Data is nested deeper than the reader follows.
#[derive(Debug, thiserror::Error)]
#[error("the data is nested more than {MAX_DEPTH} deep, which could not be read again")]
struct TooDeep;

/// The reader of JSON stops at 128, so that hostile text cannot overflow the stack.
const MAX_DEPTH: usize = 120;

impl Codecs {
    pub(crate) fn encode(&self, data: &Data, column: DataColumn) -> Result<Payload, BoxError> {
        if !data.values().all(|value| is_shallow(value, MAX_DEPTH)) {
            return Err(TooDeep.into());
        }
        self.writes.encode(data, column)
    }

    /// Decodes by the row's mark; JSON and `MessagePack` (where compiled in) are always readable.
    pub(crate) fn decode(&self, mark: &str, payload: &Payload, column: DataColumn) -> Result<Data, BoxError> {
        let built_in = [
            Codec::json(),
            #[cfg(feature = "messagepack")]
            Codec::messagepack(),
        ];
        let known = [&self.writes].into_iter().chain(&self.reads).chain(&built_in);
        match known.into_iter().find(|codec| codec.mark() == mark) {
            Some(codec) => codec.decode(payload, column),
            None => Err("no codec of this store reads the row's format; add it with `also_reads`".into()),
        }
    }
}

fn is_shallow(value: &Value, depth: usize) -> bool {
    match (value, depth.checked_sub(1)) {
        (Value::Array(_) | Value::Object(_), None) => false,
        (Value::Array(values), Some(depth)) => values.iter().all(|value| is_shallow(value, depth)),
        (Value::Object(values), Some(depth)) => values.values().all(|value| is_shallow(value, depth)),
        _ => true,
    }
}
