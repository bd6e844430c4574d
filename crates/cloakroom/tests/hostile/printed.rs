//! Prints whatever can be printed and might hold a secret, as an application would that prints all it has.

use std::error::Error;
use std::fmt::Debug;
use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::sync::Arc;

use cloakroom::layout::Column;
use cloakroom::sql::SqlStore;
use cloakroom::{
    CookieConfig, Data, Device, Expiration, Loaded, Page, Put, Record, Scope, SessionId, SessionLayer,
    SessionManager, Store as _, StoreKey, SystemRandom, UserId, Verifier,
};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue, StatusCode};
use tower::Layer as _;

use crate::secrets::DATA;
use crate::support::{Backend, Place};
use crate::teller::Notes;

fn print(value: &dyn Debug) {
    let mut output = io::stdout();
    writeln!(output, "{value:?}\n{value:#?}").unwrap();
}

/// An error, and all that caused it.
pub(crate) fn error(error: &(dyn Error + 'static)) {
    print(&error);
    let mut next = Some(error);
    while let Some(error) = next {
        print(&format_args!("caused by: {error}"));
        print(&error);
        next = error.source();
    }
}

/// Puts a record into the store and prints every type that has to do with it.
pub(crate) async fn everything(
    place: &Place,
    manager: &SessionManager,
    config: &CookieConfig,
    notes: &Notes,
) {
    let now = manager.now();
    let id = SessionId::generate(&SystemRandom).unwrap();
    let key = manager.key(&id);
    notes.note("id", id.expose().as_bytes());
    notes.note("key", key.as_bytes());
    let user = UserId::new(DATA[2]).unwrap();
    let mut record = Record::new(cloakroom::Lifetime::default(), now);
    record.data = Data::from_iter([(DATA[0].to_owned(), DATA[1].into())]);
    record.user = Some(user.clone());
    record.verifier = Verifier::issue(manager.cookie_name(), &id, now);
    record.device = Some(Device::new(DATA[3]).with_address(DATA[3]));
    print(&(
        &id,
        &key,
        &user,
        &record,
        &record.device,
        &record.verifier,
        StoreKey::from_bytes(DATA[1].as_bytes()),
    ));

    let store = manager.store();
    let version = store.put(&key, Put::New, &record, now).await.unwrap();
    print(&(Put::At(version.clone()), cloakroom::Version::bytes(DATA[1].as_bytes()), version));
    print(&store.load(&key, now).await.unwrap());
    for scope in [Scope::User(user.clone()), Scope::All] {
        let page = Page { after: None, limit: NonZeroU32::new(10).unwrap() };
        print(&(store.list(&scope, page.clone(), now).await.unwrap(), page, scope));
    }
    error(&store.put(&key, Put::New, &record, now).await.unwrap_err());

    let cookie = config.clone().build().unwrap();
    let line = cookie.set(&id, Expiration::Browser, &SystemRandom).unwrap();
    let pair = HeaderValue::try_from(line.to_str().unwrap().split(';').next().unwrap()).unwrap();
    notes.note("value", pair.as_bytes().split(|byte| *byte == b'=').nth(1).unwrap());
    let headers = HeaderMap::from_iter([(COOKIE, pair)]);
    print(&(
        config,
        &cookie,
        &line,
        cookie.read(&headers),
        manager,
        SessionManager::builder(Arc::clone(store)),
    ));
    let lazy = manager.begin(&headers);
    print(&lazy);
    let session = lazy.load().await.unwrap();
    print(&(&lazy, &session, session.id(), session.user()));
    session.rotate();
    let rotated = lazy.finish(StatusCode::OK).await.unwrap();
    print(&(&rotated, &session, session.id()));
    let layer = SessionLayer::from(manager.clone());
    print(&(&layer, layer.layer(()), &lazy));
    if place.backend != Backend::Memory {
        database(place, manager, notes).await;
    }
}

/// What a database makes of a row that nobody can read, and of a table that is not there.
async fn database(place: &Place, manager: &SessionManager, notes: &Notes) {
    let store = place.sql_store(cloakroom::sql::Gathering::default()).await;
    print(&(&store, SqlStore::builder(place.url.as_str())));
    let id = SessionId::generate(&SystemRandom).unwrap();
    let key = manager.key(&id);
    notes.note("id", id.expose().as_bytes());
    notes.note("key", key.as_bytes());
    let record = Record::new(cloakroom::Lifetime::default(), manager.now());
    store.put(&key, Put::New, &record, manager.now()).await.unwrap();
    let format = place.layout.column(Column::Format);
    for (column, value) in [(format, DATA[1]), (place.layout.column(Column::Device), DATA[3])] {
        // In two parts, because drivers print the statements of their users.
        let (first, second) = value.split_at(value.len() / 2);
        let expression = match place.backend {
            Backend::Mysql => format!("CONCAT('{first}', '{second}')"),
            _ => format!("'{first}' || '{second}'"),
        };
        place.execute(&format!("UPDATE {} SET {column} = {expression}", place.layout.table())).await;
        match store.load(&key, manager.now()).await {
            Ok(Loaded::Live(_)) => panic!("a damaged row was read"),
            Ok(other) => panic!("{other:?}"),
            Err(failed) => error(&failed),
        }
        place.execute(&format!("UPDATE {} SET {format} = 'json'", place.layout.table())).await;
    }
    place.execute(&format!("DELETE FROM {}", place.layout.table())).await;
    let missing = place.layout.clone().with_table(cloakroom::layout::Name::new("not_there").unwrap());
    let builder =
        SqlStore::builder(place.url.as_str()).layout(missing).startup(cloakroom::sql::Startup::CheckOnly);
    error(&builder.build().await.unwrap_err());
    store.close().await;
}
