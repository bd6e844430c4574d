//! Many at once, in whatever order they come.

use cloakroom_core::{ErrorKind, Page, Touch};
use futures_util::future::join_all;

use super::*;

const MOST: u32 = 4;
const SIGN_INS: u32 = 32;
const ROUNDS: usize = 10;

/// The first is the one that looks on.
type Nodes = Vec<SqlStore>;

/// However many sign in at once, on however many nodes, no look from outside finds more sessions than there may be.
async fn nobody_is_ever_seen_above_the_limit(nodes: Nodes) {
    for when_full in [WhenFull::EndOldest, WhenFull::EndLeastRecentlySeen, WhenFull::Refuse] {
        let account = Account::open(&nodes[0], &format!("{when_full:?}")).await;
        let sign_ins = (0..SIGN_INS).zip(nodes[1..].iter().cycle()).map(|(_, node)| {
            let (account, node) = (account.clone(), node.clone());
            tokio::spawn(async move { account.sign_in(&node, &new_key(), at_most(MOST, when_full)).await })
        });
        let mut sign_ins = Box::pin(join_all(sign_ins.collect::<Vec<_>>()));
        let scope = account.scope();
        let outcomes = loop {
            tokio::select! {
                outcomes = &mut sign_ins => break outcomes,
                seen = nodes[0].count(&scope, NOW) => assert!(seen.unwrap() <= u64::from(MOST)),
            }
        };
        let (mut admitted, mut ended) = (0, 0);
        for outcome in outcomes {
            match outcome.unwrap().unwrap() {
                Admitted::In { ended: some, .. } => {
                    admitted += 1;
                    ended += some.len();
                }
                other => assert_eq!((other, when_full), (Admitted::Full, WhenFull::Refuse)),
            }
        }
        assert_eq!(nodes[0].count(&account.scope(), NOW).await.unwrap(), u64::from(MOST));
        let expected = if when_full == WhenFull::Refuse { (4, 0) } else { (32, 28) };
        assert_eq!((admitted, ended), expected, "{when_full:?}");
    }
}

/// A sign-in that began before the end of all is refused or ended, whatever came first.
async fn no_sign_in_survives_the_end_of_all(nodes: Nodes) {
    let mut account = Account::open(&nodes[0], "ann").await;
    for round in 0..ROUNDS {
        let before = account.clone();
        let sign_ins = join_all(nodes[1..].iter().map(|node| {
            let (account, node) = (before.clone(), node.clone());
            tokio::spawn(async move {
                let limit = at_most(MOST, WhenFull::EndOldest);
                account.sign_in(&node, &new_key(), limit).await.unwrap();
            })
        }));
        let ((), signed_in) = tokio::join!(account.end_all(&nodes[0]), sign_ins);
        for sign_in in signed_in {
            sign_in.unwrap();
        }
        assert_eq!(nodes[0].count(&account.scope(), NOW).await.unwrap(), 0, "round {round}");
    }
}

/// Users who sign in, use their sessions and end them all at once: each is answered, and nobody is given up.
async fn nothing_stands_in_the_way_of_anything(nodes: Nodes) {
    let mut accounts = Vec::new();
    for number in 0..SIGN_INS {
        accounts.push(Account::open(&nodes[0], &format!("user {number}")).await);
    }
    let tasks = accounts.iter().zip(nodes.iter().cycle()).enumerate().map(|(number, (account, node))| {
        let (mut account, node, other) = (account.clone(), node.clone(), nodes[number % nodes.len()].clone());
        tokio::spawn(async move {
            for round in 0..2 {
                let keys = [new_key(), new_key(), new_key()];
                let limit = at_most(2, WhenFull::EndLeastRecentlySeen);
                let one = account.sign_in(&node, &keys[0], limit);
                let two = account.sign_in(&other, &keys[1], limit);
                let three = account.sign_in(&node, &keys[2], limit);
                let (one, two, three) = tokio::join!(one, two, three);
                let outcomes = [one.unwrap(), two.unwrap(), three.unwrap()];
                let users = keys.iter().zip(outcomes).map(async |(key, outcome)| {
                    let Admitted::In { version, .. } = outcome else { panic!("{outcome:?}") };
                    let touch = Touch { version: version.clone(), seen: NOW, expires: NOW.plus(PATIENCE) };
                    let session = account.session();
                    let (saved, touched) = tokio::join!(
                        other.put(key, Put::At(version), &session, NOW),
                        node.touch(key, touch, NOW)
                    );
                    for failed in [saved.err(), touched.err()].into_iter().flatten() {
                        assert_eq!(failed.kind(), ErrorKind::Gone, "{failed:?}");
                    }
                });
                join_all(users).await;
                let page = Page { after: None, limit: NonZeroU32::MAX };
                let listed = node.list(&account.scope(), page, NOW).await.unwrap();
                assert_eq!(listed.len(), 2);
                let handle = listed[0].authentication.as_ref().unwrap().handle;
                let ended =
                    other.end(&Scope::Session(account.user.clone(), handle), None, NOW).await.unwrap();
                assert_eq!(ended, 1);
                if round % 2 == number % 2 {
                    account.end_all(&other).await;
                }
            }
        })
    });
    for task in join_all(tasks.collect::<Vec<_>>()).await {
        task.unwrap();
    }
}

macro_rules! crowds {
    ($backend:ident, $nodes:ident) => {
        mod $backend {
            use super::*;

            #[test]
            fn asvs_7_1_2_nobody_is_ever_seen_above_the_limit() {
                support::run(async { super::nobody_is_ever_seen_above_the_limit($nodes().await).await });
            }

            #[test]
            fn asvs_7_4_2_no_sign_in_survives_the_end_of_all() {
                support::run(async { super::no_sign_in_survives_the_end_of_all($nodes().await).await });
            }

            #[test]
            fn nothing_stands_in_the_way_of_anything() {
                support::run(async { super::nothing_stands_in_the_way_of_anything($nodes().await).await });
            }
        }
    };
}

#[cfg(feature = "embedded")]
async fn on_one_file() -> Nodes {
    let url = format!("sqlite:{}", support::folder().join("crowd.sqlite").display());
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(store(url.as_str(), &Layout::native()).await);
    }
    nodes
}

#[cfg(feature = "embedded")]
crowds!(embedded, on_one_file);

#[cfg(feature = "sqlite")]
async fn on_pools_of_sqlite() -> Nodes {
    let file = support::folder().join("crowd.sqlite");
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(store(support::sqlite_pool(&file, 4).await, &Layout::native()).await);
    }
    nodes
}

#[cfg(feature = "sqlite")]
crowds!(sqlite, on_pools_of_sqlite);

#[cfg(feature = "postgres")]
async fn on_pools_of_postgres() -> Nodes {
    let layout = support::own_table("crowd", support::Server::Postgres);
    let mut nodes = Vec::new();
    for _ in 0..5 {
        nodes.push(store(support::postgres_pool(4).await, &layout).await);
    }
    nodes
}

#[cfg(feature = "postgres")]
crowds!(postgres, on_pools_of_postgres);

#[cfg(feature = "mysql")]
async fn on_pools_of_mysql() -> Nodes {
    let layout = support::own_table("crowd", support::Server::Mysql);
    let mut nodes = Vec::new();
    for _ in 0..5 {
        nodes.push(store(support::mysql_pool(4).await, &layout).await);
    }
    nodes
}

#[cfg(feature = "mysql")]
crowds!(mysql, on_pools_of_mysql);
