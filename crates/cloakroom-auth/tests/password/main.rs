//! Signing in with a password, from a stored hash of another application to the sessions of two browsers.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "this is how a test fails; clippy knows test functions, but not what they share"
)]

use std::sync::{Arc, Mutex};

use cloakroom_auth::password::{
    Argon2Parameters, Password, PasswordStrategy, Passwords, Upgrade, accepts_through,
};
use cloakroom_auth::{Auth, BoxError, Refusal, User, Verdict, Verified};
use cloakroom_core::{Fingerprint, LazySession, MemoryStore, Method, SessionManager, UserId};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue, StatusCode};

const PASSWORD: &str = "correct horse battery staple";

/// What the bcrypt package of Node makes of it.
const NODE_HASH: &str = "$2b$10$abcdefghijklmnopqrstuuGGgFFcYeueaAql8Z7U7CnCTRw4DR77W";

#[derive(Clone)]
struct Account {
    hash: String,
    link: Option<String>,
}

impl User for Account {
    fn id(&self) -> UserId {
        UserId::new("ann").unwrap()
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::new(&self.id(), self.hash.as_bytes())
    }

    fn accepts(&self, earlier: &Fingerprint) -> bool {
        let through = |link: &String| accepts_through(link, earlier, &self.hash);
        self.fingerprint() == *earlier || self.link.as_ref().is_some_and(through)
    }
}

/// A table of one user.
type Row = Arc<Mutex<Account>>;

struct Application {
    auth: Auth<Account>,
    strategy: PasswordStrategy<String, Account>,
    passwords: Passwords,
    row: Row,
}

impl Application {
    fn new() -> Self {
        let passwords = Passwords::builder().parameters(Argon2Parameters::weak_for_tests()).build().unwrap();
        let row = Row::new(Mutex::new(Account { hash: NODE_HASH.to_owned(), link: None }));
        let (by_id, by_name, stored) = (Arc::clone(&row), Arc::clone(&row), Arc::clone(&row));
        let auth =
            Auth::new(SessionManager::builder(MemoryStore::new()).build().unwrap(), move |_: UserId| {
                let account = by_id.lock().unwrap().clone();
                async move { Ok::<_, BoxError>(Some(account)) }
            });
        let strategy = PasswordStrategy::new(passwords.clone(), move |name: String| {
            let account = by_name.lock().unwrap().clone();
            let hash = account.hash.clone();
            async move { Ok((name == "ann").then_some((account, hash))) }
        })
        .upgrades(move |_, upgrade: Upgrade| {
            let mut account = stored.lock().unwrap();
            assert_eq!(account.hash, upgrade.replaces());
            let link = Some(upgrade.link().to_owned());
            *account = Account { hash: upgrade.hash().as_str().to_owned(), link };
            let account = account.clone();
            async move { Ok(Some(account)) }
        });
        Self { auth, strategy, passwords, row }
    }

    fn hash(&self) -> String {
        self.row.lock().unwrap().hash.clone()
    }
}

#[derive(Default)]
struct Browser(Option<HeaderValue>);

impl Browser {
    fn begin(&self, application: &Application) -> (LazySession, HeaderMap) {
        let headers: HeaderMap = self.0.clone().map(|cookie| (COOKIE, cookie)).into_iter().collect();
        (application.auth.manager().begin(&headers), headers)
    }

    async fn finish(&mut self, session: LazySession) {
        let finished = session.finish(StatusCode::OK).await.unwrap();
        if let Some(line) = finished.set_cookie() {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            self.0 = Some(HeaderValue::from_str(pair).unwrap());
        }
    }

    async fn sign_in(&mut self, application: &Application, password: &str) -> Result<(), Refusal> {
        let (session, headers) = self.begin(application);
        let visit = application.auth.visit(session.clone(), &headers, None);
        let credentials = ("ann".to_owned(), Password::from(password));
        let verdict = match visit.verify(&application.strategy, credentials, Some("ann")).await.unwrap() {
            Verdict::Verified(verified) => {
                visit.sign_in(verified).await.unwrap();
                Ok(())
            }
            Verdict::Refused(refusal) => Err(refusal),
            Verdict::Challenge(_) | Verdict::Redirect(_) => panic!("a password alone decides"),
        };
        self.finish(session).await;
        verdict
    }

    /// As a sign-in was before hashes were upgraded at it.
    async fn sign_in_without_upgrade(&mut self, application: &Application) {
        let (session, headers) = self.begin(application);
        let account = application.row.lock().unwrap().clone();
        let visit = application.auth.visit(session.clone(), &headers, None);
        visit.sign_in(Verified::vouched(account, Method::password())).await.unwrap();
        self.finish(session).await;
    }

    async fn is_signed_in(&mut self, application: &Application) -> bool {
        let (session, headers) = self.begin(application);
        let user = application.auth.visit(session.clone(), &headers, None).user().await.unwrap();
        self.finish(session).await;
        user.is_some()
    }
}

#[tokio::test]
async fn r23_an_upgraded_hash_signs_nobody_out_and_a_changed_one_everybody() {
    let application = Application::new();
    let (mut desk, mut phone) = (Browser::default(), Browser::default());
    desk.sign_in_without_upgrade(&application).await;
    assert_eq!(application.hash(), NODE_HASH);

    assert_eq!(phone.sign_in(&application, "wrong password").await, Err(Refusal::Credentials));
    assert_eq!(application.hash(), NODE_HASH, "a wrong password upgrades nothing");
    phone.sign_in(&application, PASSWORD).await.unwrap();
    let upgraded = application.hash();
    assert!(upgraded.starts_with("$argon2id$"));
    assert!(desk.is_signed_in(&application).await);
    assert!(phone.is_signed_in(&application).await);

    phone.sign_in(&application, PASSWORD).await.unwrap();
    assert_eq!(application.hash(), upgraded, "once is enough");
    assert!(desk.is_signed_in(&application).await);

    let changed = application.passwords.hash(&"another password".into()).await.unwrap();
    application.row.lock().unwrap().hash = changed.into_string();
    for browser in [&mut desk, &mut phone] {
        assert!(!browser.is_signed_in(&application).await);
    }
    assert_eq!(desk.sign_in(&application, PASSWORD).await, Err(Refusal::Credentials));
    desk.sign_in(&application, "another password").await.unwrap();
}
