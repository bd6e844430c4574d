//! Starting and stopping.

use std::error::Error;
use std::future::IntoFuture as _;
use std::io::{self, ErrorKind, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use cloakroom::auth::password::Passwords;
use cloakroom::sql::SqlStore;
use cloakroom::{CookieConfigError, Policy, SessionManager};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::auth::ByPassword;
use crate::configuration::{Configuration, TransportOption};
use crate::database::{Database, Place};
use crate::page::App;
use crate::pages;
use crate::proxies::Proxies;
use crate::signals::Signals;
use crate::users::Users;

/// How long requests that are under way may take after a signal to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Opens the database, serves until a signal comes, and closes the database.
///
/// # Errors
/// With one line that says what to do, and never with a password.
pub(crate) async fn run(configuration: Configuration) -> Result<(), Box<dyn Error>> {
    let (database, store, place) = Database::open(configuration.database_url.as_str()).await?;
    let manager = manager(&configuration, store.clone())?;
    // Signals count from here on, so that one which comes at once stops the demo in order.
    let signals = Signals::listen()?;
    let listener = TcpListener::bind(configuration.listen)
        .await
        .map_err(|error| explain(configuration.listen, &error))?;
    announce(listener.local_addr()?, &place, configuration.transport)?;
    let (users, passwords) = (Users::new(database.clone()), Passwords::new());
    let app = App {
        auth: configuration.auth(manager.clone(), users.clone()),
        manager,
        by_password: ByPassword { users: users.clone(), passwords: passwords.clone() },
        users,
        passwords,
        remembered_for: configuration.remembered_for().into(),
        proxies: Proxies::new(configuration.trusted_proxies),
        public_origin: configuration.public_origin.map(Arc::new),
    };
    serve(listener, app, signals).await?;
    store.close().await;
    database.close().await;
    Ok(())
}

/// Signs everybody out and ends. Servers that run on the same database find it out within a second.
///
/// # Errors
/// As for [`run`].
pub(crate) async fn sign_everybody_out(configuration: Configuration) -> Result<(), Box<dyn Error>> {
    let (database, store, _) = Database::open(configuration.database_url.as_str()).await?;
    let manager = manager(&configuration, store.clone())?;
    configuration.auth(manager, Users::new(database.clone())).sign_everybody_out().await?;
    say("Everybody is signed out.")?;
    store.close().await;
    database.close().await;
    Ok(())
}

fn manager(configuration: &Configuration, store: SqlStore) -> Result<SessionManager, CookieConfigError> {
    let policy = Policy::default().lifetime(configuration.lifetime);
    SessionManager::builder(store).cookie(configuration.cookie()).policy(policy).build()
}

/// Serves until a signal comes, and then until the requests under way are answered.
async fn serve(listener: TcpListener, app: App, mut signals: Signals) -> io::Result<()> {
    let (stop, stopping) = oneshot::channel::<()>();
    let application = pages::router(app).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, application).with_graceful_shutdown(async {
        let _ = stopping.await;
    });
    let mut server = pin!(server.into_future());
    tokio::select! {
        result = &mut server => return result,
        () = signals.received() => {}
    }
    say("Stopping: requests that are under way are finished first.")?;
    let _ = stop.send(());
    match timeout(GRACE, server).await {
        Ok(result) => result,
        Err(_) => say("Some requests took too long and were cut off."),
    }
}

/// Says where the demo is.
fn announce(address: SocketAddr, place: &Place, transport: TransportOption) -> io::Result<()> {
    let Place { database, location } = place;
    let host = host(address.ip());
    say(&format!("Users and sessions are kept in {database}, {location}."))?;
    if transport == TransportOption::Secure {
        say(
            "Safari keeps no secure cookie from localhost; for it, start with --transport localhost-development.",
        )?;
    }
    if host != "localhost" || address.ip().is_unspecified() {
        say("Browsers on other machines keep the session cookie over HTTPS only.")?;
    }
    say(&format!("Open http://{host}:{} in a browser; Ctrl-C stops the demo.", address.port()))
}

/// Browsers keep Secure cookies without HTTPS for `localhost`, and not for every address that is the same machine.
fn host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(Ipv4Addr::LOCALHOST | Ipv4Addr::UNSPECIFIED)
        | IpAddr::V6(Ipv6Addr::LOCALHOST | Ipv6Addr::UNSPECIFIED) => "localhost".to_owned(),
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

fn explain(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "{address} is taken by another program: stop that one, or choose a port: --listen {} takes any \
             free one",
            SocketAddr::new(address.ip(), 0),
        ),
        ErrorKind::PermissionDenied => {
            format!("this user may not listen on {address}: choose a port from 1024 up with --listen")
        }
        ErrorKind::AddrNotAvailable => {
            format!("this machine has no address {}: choose another with --listen", address.ip())
        }
        _ => format!("cannot listen on {address}: {error}"),
    }
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}
