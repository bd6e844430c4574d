//! Looking for secrets in much text at once.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// Shorter ones would be found by accident.
const SHORTEST: usize = 8;

/// Secrets in all their spellings, found in one walk over a text.
pub(crate) struct Secrets {
    /// By how they begin.
    spellings: HashMap<[u8; SHORTEST], Vec<Vec<u8>>>,
}

impl Secrets {
    pub(crate) fn new(spellings: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut by_beginning: HashMap<_, Vec<Vec<u8>>> = HashMap::new();
        for spelling in spellings {
            let beginning = *spelling.first_chunk().expect("a secret long enough to be looked for");
            let alike = by_beginning.entry(beginning).or_default();
            if !alike.contains(&spelling) {
                alike.push(spelling);
            }
        }
        Self { spellings: by_beginning }
    }

    pub(crate) fn len(&self) -> usize {
        self.spellings.values().map(Vec::len).sum()
    }

    /// The first secret in `text`, and what stands around it.
    pub(crate) fn find(&self, text: &[u8]) -> Option<String> {
        (0..text.len()).find_map(|place| {
            let alike = self.spellings.get(text[place..].first_chunk()?)?;
            let found = alike.iter().find(|spelling| text[place..].starts_with(spelling))?;
            let around = &text[place.saturating_sub(300)..text.len().min(place + found.len() + 100)];
            Some(format!("{}\nin: {}", String::from_utf8_lossy(found), String::from_utf8_lossy(around)))
        })
    }
}

/// Every way in which bytes are written down.
pub(crate) fn spellings(bytes: &[u8]) -> Vec<Vec<u8>> {
    let hex = |spell: fn(&u8) -> String| bytes.iter().map(spell).collect::<Vec<_>>();
    let lower = hex(|byte| format!("{byte:02x}"));
    let mut spellings = vec![
        bytes.to_vec(),
        lower.concat().into_bytes(),
        hex(|byte| format!("{byte:02X}")).concat().into_bytes(),
        lower.join(":").into_bytes(),
        lower.join(", ").into_bytes(),
        hex(|byte| format!("{byte:#x}")).join(", ").into_bytes(),
        hex(u8::to_string).join(", ").into_bytes(),
        bytes.escape_ascii().to_string().into_bytes(),
    ];
    let engines = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];
    spellings.extend(engines.map(|engine| engine.encode(bytes).into_bytes()));
    spellings
}

/// An id as the browser holds it, what finds the session and what proves it alone, and the random bytes that it stands for.
pub(crate) fn spellings_of_id(id: &str) -> Vec<Vec<u8>> {
    let parts = [id, &id[..21], &id[21..]];
    let texts = parts.iter().flat_map(|text| spellings(text.as_bytes()));
    texts.chain(spellings(&URL_SAFE_NO_PAD.decode(id).unwrap())).collect()
}

#[test]
fn what_is_there_is_found_in_every_spelling() {
    let id = "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8";
    let all = spellings_of_id(id);
    let secrets = Secrets::new(all.clone());
    assert!(secrets.len() > 30);
    for spelling in all {
        assert!(secrets.find(&[b"before ", spelling.as_slice(), b" after"].concat()).is_some());
    }
    assert_eq!(secrets.find(b"nothing of the kind, and QEFCQ0RF alone is too little"), None);
}
