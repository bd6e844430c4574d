//! Many users at once, some of whose requests are dropped: each sees its own session and nothing else.

use axum::Router;
use cloakroom::sql::Gathering;
use cloakroom_conformance::{Dice, effort, seed};
use http::StatusCode;
use tower::ServiceExt as _;

use crate::database::PATIENCE;
use crate::drops::{Moment, drop_at};
use crate::polls::{at_every_poll, hesitant};
use crate::site::{Answer, Site, answer, app, request};
use crate::support::{Backend, Place, on_every_store};

const USERS: usize = 100;

on_every_store! { r42_r43_after_drops_at_every_poll_a_hundred_users_see_only_their_own }

async fn r42_r43_after_drops_at_every_poll_a_hundred_users_see_only_their_own(place: Place) {
    let site = Site::open(place, Gathering::default()).await;
    at_every_poll(&site).await;
    crowd(&site, 100 * effort() as usize).await;
    site.close().await;
}

/// Lets every user make so many requests, all users at once.
pub(crate) async fn crowd(site: &Site, requests: usize) {
    let seed = seed();
    // Memory answers at once, so that there would be nothing to interleave.
    let app = if site.place.backend == Backend::Memory {
        app(hesitant(site), site.clock.clone())
    } else {
        site.app.clone()
    };
    let users: Vec<_> = (0..USERS)
        .map(|number| {
            let dice = Dice::new(seed.wrapping_add(number as u64));
            let user =
                User { number, cookie: None, known: 0, doubt: 0, settled: true, perhaps_gone: true, dice };
            tokio::spawn(user.visit(app.clone(), requests))
        })
        .collect();
    let mut dropped = 0;
    for user in users {
        let ended = tokio::time::timeout(4 * PATIENCE, user).await;
        dropped += ended.expect("somebody waits for ever").unwrap();
    }
    assert!(dropped > USERS * requests / 100, "only {dropped} requests were dropped on their way");
    site.quiet().await;
    site.database.is_clean(&site.place).await;
    let stored = site.stored().await;
    assert!(stored.len() >= USERS);
    for view in stored {
        // A visitor whose session had ended unknown to them has begun one without a name.
        let secret = view.data.get("secret").and_then(|secret| secret.as_str());
        assert_eq!(secret, view.user.as_deref().map(secret_of).as_deref());
    }
    site.clear().await;
}

/// One user, and what may be stored of them.
struct User {
    number: usize,
    cookie: Option<String>,
    /// The count is this much at least,
    known: u64,
    /// and so much more at most: updates of which nobody saw the answer,
    doubt: u64,
    /// all of which were done or can be done no more, because a later one was.
    settled: bool,
    /// Whether a dropped request may have ended the session or changed its id.
    perhaps_gone: bool,
    dice: Dice,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wish {
    Look,
    Update,
    Rotate,
    SignOut,
}

impl User {
    /// Makes the requests and says how many of them were dropped before their answer came.
    async fn visit(mut self, app: Router, requests: usize) -> usize {
        let mut dropped = 0;
        for _ in 0..requests {
            if self.cookie.is_none() {
                self.sign_in(&app).await;
                continue;
            }
            let wish = match self.dice.below(100) {
                0..40 => Wish::Look,
                40..90 => Wish::Update,
                90..97 => Wish::Rotate,
                _ => Wish::SignOut,
            };
            if let Some(answer) = self.ask(&app, wish).await {
                self.check(wish, answer);
                continue;
            }
            dropped += 1;
            self.doubt += u64::from(wish == Wish::Update);
            self.settled &= wish != Wish::Update;
            self.perhaps_gone |= matches!(wish, Wish::Rotate | Wish::SignOut);
        }
        // The last word is with the database.
        if self.cookie.is_some() {
            let answer = self.whole(&app, "/look").await;
            self.check(Wish::Look, answer);
        }
        if self.cookie.is_none() {
            self.sign_in(&app).await;
        }
        dropped
    }

    /// One request, which may be dropped somewhere.
    async fn ask(&mut self, app: &Router, wish: Wish) -> Option<Answer> {
        let path = match wish {
            Wish::Look => "/look",
            Wish::Update => "/update",
            Wish::Rotate => "/rotate",
            Wish::SignOut => "/destroy",
        };
        if self.dice.below(3) > 0 {
            return Some(self.whole(app, path).await);
        }
        let moment = *self.dice.pick(&[Moment::Waiting, Moment::Woken]).unwrap();
        let polls = 1 + self.dice.below(3);
        let response =
            drop_at(polls, moment, app.clone().oneshot(request(path, self.cookie.as_deref()))).await?;
        Some(answer(response.unwrap()).await)
    }

    async fn whole(&self, app: &Router, path: &str) -> Answer {
        let response = app.clone().oneshot(request(path, self.cookie.as_deref())).await.unwrap();
        answer(response).await
    }

    async fn sign_in(&mut self, app: &Router) {
        let answer = self.whole(app, &format!("/join/{}", name_of(self.number))).await;
        assert_eq!(answer.status, StatusCode::OK);
        self.cookie = answer.cookie;
        assert!(self.cookie.is_some(), "signing in gives a cookie");
        (self.known, self.doubt, self.settled, self.perhaps_gone) = (0, 0, true, false);
    }

    fn check(&mut self, wish: Wish, answer: Answer) {
        let name = name_of(self.number);
        let gone = answer.status == StatusCode::CONFLICT
            || answer.view.as_ref().is_some_and(|view| view.user.is_none() && wish != Wish::SignOut);
        if gone {
            assert!(self.perhaps_gone, "{name} was signed out by nobody: {answer:?}");
            self.cookie = None;
            return;
        }
        assert_eq!(answer.status, StatusCode::OK, "{name} {wish:?}");
        let view = answer.view.unwrap();
        if wish == Wish::SignOut {
            self.cookie = None;
            return;
        }
        assert_eq!(view.user.as_deref(), Some(name.as_str()), "somebody else's session");
        assert_eq!(view.data["secret"], secret_of(&name), "somebody else's data");
        let step = u64::from(wish == Wish::Update);
        let possible = self.known + step..=self.known + step + self.doubt;
        assert!(possible.contains(&view.count()), "{name}: {} is not in {possible:?}", view.count());
        // What is stored may be more than what a handler made, when its update was made again on what a dropped request
        // had written meanwhile.
        self.known = view.count();
        self.doubt = match wish {
            Wish::Look if self.settled => 0,
            _ => possible.end() - view.count(),
        };
        self.settled |= wish == Wish::Update;
        if let Some(cookie) = answer.cookie {
            self.cookie = Some(cookie);
        }
    }
}

fn name_of(number: usize) -> String {
    format!("user-{number}")
}

pub(crate) fn secret_of(name: &str) -> String {
    format!("the secret of {name}")
}
