//! What every visitor gets alike.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::response::IntoResponse;

/// Short, because the address stays the same when the file changes.
const CACHING: (HeaderName, &str) = (CACHE_CONTROL, "public, max-age=60");

pub(crate) async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), CACHING], include_str!("../../assets/style.css"))
}

pub(crate) async fn icon() -> impl IntoResponse {
    ([(CONTENT_TYPE, "image/svg+xml"), CACHING], include_str!("../../assets/icon.svg"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    const STYLE: &str = include_str!("../../assets/style.css");

    /// The colours of a scheme by their names.
    fn colours(text: &'static str) -> BTreeMap<&'static str, [f64; 3]> {
        let entries = text.lines().filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"));
        let part =
            |hex: &str, at: usize| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
        entries.map(|(name, hex)| (name, [0, 2, 4].map(|at| part(hex, at)))).collect()
    }

    /// WCAG 2.2, "relative luminance".
    fn luminance(colour: [f64; 3]) -> f64 {
        let linear = |part: f64| {
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = colour.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    /// WCAG 2.2 AA: 1.4.3 for text, 1.4.11 for the edges of what can be used.
    #[test]
    fn everything_can_be_read_in_both_schemes() {
        let (light, dark) = STYLE.split_once("@media (prefers-color-scheme: dark)").unwrap();
        for scheme in [light, dark].map(colours) {
            for (front, back, least) in [
                ("ink", "paper", 4.5),
                ("ink", "sheet", 4.5),
                ("ink", "line", 4.5),
                ("muted", "paper", 4.5),
                ("muted", "sheet", 4.5),
                ("accent", "paper", 4.5),
                ("accent", "sheet", 4.5),
                ("on-accent", "accent", 4.5),
                ("on-accent", "accent-strong", 4.5),
                ("good", "good-sheet", 4.5),
                ("bad", "bad-sheet", 4.5),
                ("bad", "sheet", 4.5),
                ("sheet", "bad", 4.5),
                ("control", "paper", 3.0),
                ("control", "sheet", 3.0),
                ("accent", "bad-sheet", 3.0),
            ] {
                let found = contrast(scheme[front], scheme[back]);
                assert!(found >= least, "{front} on {back}: {found:.2}");
            }
        }
    }
}
