//! Nothing for nobody, and no id but our own: what visitors without a session, and those who made one up, leave behind.

use cloakroom_core::{
    CookieConfig, CookieKey, KeyRing, Operation, Protection, SessionId, StoreKey, SystemRandom,
};
use http::HeaderValue;
use http::header::{COOKIE, HeaderName, VARY};

use super::site::{COOKIE_NAME, Driver, Site};
use crate::outcome::{Checked, Failure, ensure, ensure_eq};

/// Every page that reads or ends and stores nothing for a visitor without a session.
const HARMLESS: [&str; 10] = [
    "/none",
    "/look",
    "/read?key=a",
    "/data",
    "/info",
    "/remove?key=a",
    "/clear",
    "/rotate",
    "/destroy",
    "/remember",
];

/// An id as we would have made it, which no store knows.
fn made_up() -> Result<String, Failure> {
    Ok(SessionId::generate(&SystemRandom)?.expose().to_owned())
}

fn cookie(value: &str) -> String {
    format!("{COOKIE_NAME}={value}")
}

pub(super) async fn asvs_7_6_2_reading_pages_make_no_session(driver: Driver) -> Checked {
    let site = driver.site()?;
    for target in HARMLESS {
        let reply = site.visitor().get(target).await?;
        reply.ok()?;
        reply.leaves_the_cookie()?;
        ensure_eq!(site.rows().await?, 0, "records after {target}");
    }
    Ok(())
}

pub(super) async fn r33_a_flood_of_visitors_without_sessions_stores_nothing(driver: Driver) -> Checked {
    let site = driver.site()?;
    for round in 0..1_000 {
        let id = made_up()?;
        for sent in ["", "=", "__Host-id=", "__Host-id=x", "theme=dark", &cookie(&id), &cookie(&id[1..])] {
            let target = HARMLESS[round % HARMLESS.len()];
            let reply = site.get_with(target, sent.as_bytes()).await?;
            reply.ok()?;
            reply.leaves_the_cookie()?;
        }
        for _ in 0..3 {
            site.visitor().get("/look").await?.leaves_the_cookie()?;
        }
    }
    ensure_eq!(site.rows().await?, 0, "records after ten thousand requests");
    let writes: Vec<_> =
        site.log.take_operations().into_iter().filter(|made| *made != Operation::Load).collect();
    ensure_eq!(writes, [], "verbs other than load");
    Ok(())
}

pub(super) async fn r14_an_unknown_id_is_never_adopted(driver: Driver) -> Checked {
    let writing = [
        "/insert?key=a&value=b",
        "/increment?key=n",
        "/sign-in?user=ada",
        "/save?key=a&value=b",
        "/redirect?key=a&value=b",
        "/destroy-then-insert?key=a&value=b",
        "/fail?key=a&value=b",
    ];
    for target in writing.into_iter().chain(HARMLESS) {
        let site = driver.site()?;
        let sent = made_up()?;
        let reply = site.get_with(target, cookie(&sent).as_bytes()).await?;
        ensure!(site.record(&sent).await?.is_none(), "{target} stored under an id that the client made up");
        if let [cookie] = reply.cookies.as_slice() {
            ensure!(cookie.value != sent, "{target} handed the made-up id back");
        }
        ensure_eq!(site.rows().await?, u64::from(writing.contains(&target)), "records after {target}");
    }
    Ok(())
}

pub(super) async fn an_unknown_cookie_is_never_cleared(driver: Driver) -> Checked {
    // A response that came a moment earlier may just have set the good one.
    let site = driver.site()?;
    for target in HARMLESS {
        site.get_with(target, cookie(&made_up()?).as_bytes()).await?.leaves_the_cookie()?;
        site.get_with(target, b"__Host-id=rubbish").await?.leaves_the_cookie()?;
    }
    Ok(())
}

pub(super) async fn an_expired_cookie_is_never_cleared(driver: Driver) -> Checked {
    let site = driver.site()?;
    let id = site.guest().await?.held_id()?;
    site.clock.advance(std::time::Duration::from_secs(3_600));
    for target in HARMLESS {
        site.get_with(target, cookie(&id).as_bytes()).await?.leaves_the_cookie()?;
    }
    Ok(())
}

pub(super) async fn r36_owasp_input_that_is_hostile_is_nobody_without_a_query(driver: Driver) -> Checked {
    let site = driver.site()?;
    let id = site.guest().await?.held_id()?;
    let mut hostile: Vec<Vec<u8>> = [
        "",
        "0",
        "1",
        "a",
        "../../../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "' OR '1'='1",
        "\"",
        "\"\"",
        "2::0123456789abcdef",
        "null",
        "undefined",
        "{\"$ne\":null}",
        "%00",
        "<script>",
        "deleted",
        ",",
        " ",
        "\t",
        "__Host-id=",
        "=",
        "==",
    ]
    .iter()
    .map(|value| cookie(value).into_bytes())
    .collect();
    // Nearly the good one: shorter, longer, padded, in quotes, in another alphabet, with bytes that are no text.
    for value in [
        id[1..].to_owned(),
        format!("{id}A"),
        format!("{id}="),
        format!("\"{id}"),
        format!("{}+", &id[1..]),
        format!("{}/", &id[1..]),
        format!("%{:02x}{}", id.as_bytes()[0], &id[1..]),
        "x".repeat(10_000),
    ] {
        hostile.push(cookie(&value).into_bytes());
    }
    hostile.push([cookie(&id[1..]).as_bytes(), &[0xff]].concat());
    hostile.push([cookie(&id[..42]).as_bytes(), &[0x80]].concat());
    for sent in hostile {
        let shown = String::from_utf8_lossy(&sent).replace(&id, "ID");
        let reply = site.get_with("/read?key=greeting", &sent).await?;
        reply.ok()?;
        reply.leaves_the_cookie()?;
        ensure_eq!(reply.body, "null", "what {shown:.60} reads");
        site.asked(&[]).map_err(|failure| Failure::new(format!("{shown:.60}: {failure}")))?;
    }
    let huge = cookie(&"A".repeat(10_000_000));
    site.get_with("/read?key=greeting", huge.as_bytes()).await?.ok()?;
    site.asked(&[])
}

pub(super) async fn r40_rfc6265bis_prefix_only_the_exact_name_counts(driver: Driver) -> Checked {
    let site = driver.site()?;
    let id = site.guest().await?.held_id()?;
    for name in [
        "__host-id",
        "__HOST-id",
        "__HoSt-id",
        "__Host-ID",
        "%5F%5FHost-id",
        "__Host%2Did",
        "id",
        "Host-id",
        "_Host-id",
        "$__Host-id",
        "__Host-id2",
        "x__Host-id",
        "__Secure-id",
    ] {
        let reply = site.get_with("/read?key=greeting", format!("{name}={id}").as_bytes()).await?;
        ensure_eq!(reply.body, "null", "what a cookie called {name} reads");
        site.asked(&[])?;
    }
    Ok(())
}

pub(super) async fn rfc6265bis_nameless_cookies_are_nobodys(driver: Driver) -> Checked {
    let site = driver.site()?;
    let id = site.guest().await?.held_id()?;
    // A name that is empty lets a browser set what another one has to prove.
    for sent in [
        format!("={COOKIE_NAME}={id}"),
        format!("; ={COOKIE_NAME}={id}"),
        format!("={id}"),
        id.clone(),
        COOKIE_NAME.to_owned(),
        format!("{COOKIE_NAME} = {id}"),
        format!("{COOKIE_NAME}\u{a0}={id}"),
        format!("={COOKIE_NAME}; {id}"),
    ] {
        let reply = site.get_with("/read?key=greeting", sent.as_bytes()).await?;
        ensure_eq!(reply.body, "null", "what a cookie without a name reads");
        reply.leaves_the_cookie()?;
        site.asked(&[])?;
    }
    Ok(())
}

pub(super) async fn r11_the_store_is_told_no_id(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.visitor();
    let unknown = made_up()?;
    for target in
        ["/insert?key=a&value=b", "/sign-in?user=ada", "/increment?key=n", "/rotate", "/look", "/destroy"]
    {
        let mut ids = vec![unknown.clone()];
        ids.extend(guest.id());
        site.get_with(target, cookie(&unknown).as_bytes()).await?;
        guest.get(target).await?.ok()?;
        ids.extend(guest.id());
        for key in site.log.take().into_iter().filter_map(|call| call.key) {
            ensure_eq!(key.as_bytes().len(), 32, "the length of a key");
            let text = base64url(key.as_bytes());
            let raw = String::from_utf8_lossy(key.as_bytes()).into_owned();
            // Eight characters in common are no accident.
            let shared = |id: &String| {
                (0..id.len() - 8).any(|at| [&text, &raw].iter().any(|key| key.contains(&id[at..at + 8])))
            };
            ensure!(!ids.iter().any(shared), "{target} told the store a part of an id");
        }
    }
    Ok(())
}

pub(super) async fn r15_asvs_14_2_1_an_id_counts_only_in_the_cookie(driver: Driver) -> Checked {
    let site = driver.site()?;
    let id = site.guest().await?.held_id()?;
    for target in [
        format!("/data?{COOKIE_NAME}={id}"),
        format!("/data?session_id={id}&id={id}&sid={id}"),
        format!("/data;{COOKIE_NAME}={id}?key=a"),
    ] {
        let reply = site.send(&target, &[]).await?;
        ensure!(!reply.body.contains("hello"), "an id in the target opened the session");
        reply.leaves_the_cookie()?;
    }
    let names = ["authorization", "x-session-id", "session-id", "set-cookie", "cookie2", "x-cookie"];
    for name in names.map(HeaderName::from_static) {
        for value in [id.clone(), cookie(&id), format!("Bearer {id}")] {
            let reply =
                site.send("/read?key=greeting", &[(name.clone(), HeaderValue::try_from(value)?)]).await?;
            ensure_eq!(reply.body, "null", "what an id in the header {name} reads");
        }
    }
    site.asked(&[])
}

pub(super) async fn asvs_15_3_7_two_different_cookies_of_our_name_are_not_believed(
    driver: Driver,
) -> Checked {
    let site = driver.site()?;
    let (mine, theirs) = (site.guest().await?.held_id()?, site.guest().await?.held_id()?);
    let (mine, theirs) = (cookie(&mine), cookie(&theirs));
    for sent in [format!("{mine}; {theirs}"), format!("{theirs}; a=b; {mine}")] {
        let reply = site.get_with("/read?key=greeting", sent.as_bytes()).await?;
        reply.leaves_the_cookie()?;
        ensure_eq!(reply.body, "null", "what two different cookies read");
    }
    let headers = [mine.clone(), theirs].map(HeaderValue::try_from);
    let [one, two] = headers;
    let reply = site.send("/read?key=greeting", &[(COOKIE, one?), (COOKIE, two?)]).await?;
    ensure_eq!(reply.body, "null", "what two different headers read");
    site.asked(&[])?;
    let twice = site.get_with("/read?key=greeting", format!("{mine}; {mine}").as_bytes()).await?;
    ensure_eq!(twice.body, "\"hello\"", "what the same cookie twice reads");
    Ok(())
}

pub(super) async fn r12_a_key_from_the_store_opens_nothing(driver: Driver) -> Checked {
    let site = driver.site()?;
    let id = site.guest().await?.held_id()?;
    let key: StoreKey = site.key(&id)?;
    let hex = key.as_bytes().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let raw = [b"__Host-id=".as_slice(), key.as_bytes()].concat();
    let base64 = base64url(key.as_bytes());
    ensure!(SessionId::parse(&base64).is_some(), "the key in base64url is not shaped like an id");
    let mut sent =
        vec![cookie(&hex).into_bytes(), cookie(&hex[..43]).into_bytes(), cookie(&base64).into_bytes()];
    // Not every byte can stand in a header.
    sent.extend(HeaderValue::from_bytes(&raw).is_ok().then_some(raw));
    for sent in sent {
        let reply = site.get_with("/read?key=greeting", &sent).await?;
        ensure_eq!(reply.body, "null", "what a key from the store reads");
        reply.leaves_the_cookie()?;
    }
    Ok(())
}

pub(super) async fn r28_an_id_means_nothing_under_another_name(driver: Driver) -> Checked {
    let storage = driver.storage();
    let named = |name: &'static str| {
        driver.site_on(storage.node(0), move |builder| builder.cookie(CookieConfig::new(name)))
    };
    let (users, admins) = (named("__Host-user")?, named("__Host-admin")?);
    let id = users.guest().await?.held_id()?;
    let own = users.get_with("/read?key=greeting", format!("__Host-user={id}").as_bytes()).await?;
    ensure_eq!(own.body, "\"hello\"", "what the id reads under its own name");
    for sent in [format!("__Host-admin={id}"), format!("__Host-user={id}")] {
        let reply = admins.get_with("/read?key=greeting", sent.as_bytes()).await?;
        ensure_eq!(reply.body, "null", "what the id reads at the other site");
    }
    Ok(())
}

pub(super) async fn r13_a_plain_value_is_refused_where_keys_are_set(driver: Driver) -> Checked {
    let secret: Vec<u8> = (0..64).collect();
    let rings = || CookieKey::from_bytes(&secret).map(KeyRing::new);
    for protection in [Protection::Signed(rings()?), Protection::Encrypted(rings()?)] {
        let storage = driver.storage();
        let plain = driver.site_on(storage.node(0), |builder| builder)?;
        let id = plain.guest().await?.held_id()?;
        let config = CookieConfig::new(COOKIE_NAME).protection(protection);
        let sealed = driver.site_on(storage.node(0), |builder| builder.cookie(config))?;
        refused_without_a_query(&sealed, &id).await?;

        let guest = sealed.guest().await?;
        ensure_eq!(guest.value("greeting").await?, "hello", "what a sealed cookie reads");
        let good = guest.held_id()?;
        sealed.log.take();
        for place in [0, good.len() / 2, good.len() - 1] {
            let mut forged = good.clone().into_bytes();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            refused_without_a_query(&sealed, &String::from_utf8_lossy(&forged)).await?;
        }
    }
    Ok(())
}

pub(super) async fn asvs_14_3_2_r38_pages_that_read_vary_by_cookie_and_others_do_not(
    driver: Driver,
) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    for visitor in [guest, site.visitor()] {
        ensure!(
            visitor.get("/read?key=greeting").await?.lists(&VARY, "cookie"),
            "a page that reads does not vary"
        );
        ensure!(!visitor.get("/none").await?.lists(&VARY, "cookie"), "a page without a session varies");
    }
    Ok(())
}

async fn refused_without_a_query(site: &Site, value: &str) -> Checked {
    let reply = site.get_with("/read?key=greeting", cookie(value).as_bytes()).await?;
    ensure_eq!(reply.body, "null", "what a value without its seal reads");
    reply.leaves_the_cookie()?;
    site.asked(&[])
}

/// Base64url without padding, of 32 bytes.
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            (0..3).fold(0_usize, |word, index| word << 8 | usize::from(*chunk.get(index).unwrap_or(&0)));
        for place in 0..=chunk.len() {
            text.push(char::from(ALPHABET[word >> (18 - 6 * place) & 63]));
        }
    }
    text
}
