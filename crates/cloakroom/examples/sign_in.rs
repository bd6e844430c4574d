//! Sign-in, the visitor's devices, and sign-out everywhere.

use axum::Router;
use axum::extract::{Form, State};
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::{get, post};
use cloakroom::auth::password::{Password, PasswordStrategy, Passwords};
use cloakroom::auth::{self, AuthLayer, BoxError, SignedIn, SignedOut, User};
use cloakroom::axum::{Auth, AuthError};
use cloakroom::csrf::CsrfLayer;
use cloakroom::sql::SqlStore;
use cloakroom::{Device, Fingerprint, SessionManager, UserId};

#[derive(serde::Deserialize)]
struct Credentials {
    name: String,
    password: Password,
}

async fn sign_in(
    auth: Auth<Account>,
    State(by_password): State<PasswordStrategy<String, Account>>,
    Form(Credentials { name, password }): Form<Credentials>,
) -> Result<Redirect, AuthError> {
    let verdict = auth.verify(&by_password, (name.clone(), password), Some(&name)).await?;
    auth.sign_in(verdict.verified()?).await?;
    Ok(Redirect::to("/"))
}

async fn devices(auth: Auth<Account>) -> Result<String, AuthError> {
    let sessions = auth.sessions().await?.list().await?;
    let line =
        |it: SignedIn| format!("{:?}: {:?}", it.place, it.device.as_ref().and_then(Device::user_agent));
    Ok(sessions.into_iter().map(line).collect::<Vec<_>>().join("\n"))
}

async fn sign_out(auth: Auth<Account>) -> Result<impl IntoResponse, AuthError> {
    auth.sign_out().await?;
    Ok((SignedOut::default(), Redirect::to("/sign-in")))
}

async fn sign_out_everywhere(auth: Auth<Account>) -> Result<impl IntoResponse, AuthError> {
    auth.sessions().await?.end_all().await?;
    Ok((SignedOut::default(), Redirect::to("/sign-in")))
}

pub(crate) fn app(store: SqlStore) -> Result<Router, BoxError> {
    let manager = SessionManager::builder(store).build()?;
    Ok(Router::new()
        .route("/", get(devices))
        .route("/sign-in", get(async || Html(FORM)).post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/sign-out-everywhere", post(sign_out_everywhere))
        .with_state(PasswordStrategy::new(Passwords::new(), Account::by_name))
        .layer(CsrfLayer::default())
        .layer(AuthLayer::new(auth::Auth::new(manager, Account::by_id))))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let app = app(SqlStore::open("sqlite:sessions.db").await?)?;
    Ok(axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?)
}

// What follows is the application's own, whatever way it keeps its users.

const FORM: &str = r#"<!doctype html><title>Sign in</title><form method="post"><label>Name <input name="name"></label>
<label>Password <input name="password" type="password"></label><button>Sign in</button></form>"#;

#[derive(Clone)]
struct Account {
    id: UserId,
    password_hash: String,
}

impl User for Account {
    fn id(&self) -> UserId {
        self.id.clone()
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::new(&self.id, self.password_hash.as_bytes())
    }
}

impl Account {
    /// Where a table would be asked: the only user is `ann`, and her password `correct horse battery staple`.
    #[allow(clippy::unused_async, reason = "a table would be waited for")]
    async fn by_id(id: UserId) -> Result<Option<Self>, BoxError> {
        let password_hash = "$argon2id$v=19$m=19456,t=2,p=1$NKSAjcOy2RQKmQokbTJ09g$wRwLY3MaDPywjS2kJC/rfremvJO69OT5Zop6RjTZdIs".to_owned();
        Ok((id.as_str() == "ann").then_some(Self { id, password_hash }))
    }

    /// The user with their stored hash.
    async fn by_name(name: String) -> Result<Option<(Self, String)>, BoxError> {
        let Ok(id) = UserId::new(name) else { return Ok(None) };
        let account = Self::by_id(id).await?;
        Ok(account.map(|account| (account.clone(), account.password_hash)))
    }
}
