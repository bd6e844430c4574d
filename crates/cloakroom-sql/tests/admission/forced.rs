//! What comes between, held up until a sign-in waits for it.

use cloakroom_core::{Loaded, Page};
use sqlx::{AssertSqlSafe, Executor, Pool, Transaction};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::support::Server;

/// Three users with one session each, of which they may have one.
struct Stage<DB: sqlx::Database> {
    server: Server,
    pool: Pool<DB>,
    layout: Layout,
    nodes: [SqlStore; 2],
    accounts: [Account; 3],
    sessions: [StoreKey; 3],
}

impl<DB: sqlx::Database> Stage<DB>
where
    Pool<DB>: Into<Database>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    async fn new(pool: Pool<DB>, server: Server) -> Self {
        let layout = support::own_table("forced", server);
        let nodes = [store(pool.clone(), &layout).await, store(pool.clone(), &layout).await];
        let mut accounts = Vec::new();
        let sessions = [new_key(), new_key(), new_key()];
        for (name, key) in ["ann", "ben", "cal"].iter().zip(&sessions) {
            let account = Account::open(&nodes[0], name).await;
            nodes[0].put(key, Put::New, &account.session(), NOW).await.unwrap();
            accounts.push(account);
        }
        Self { server, pool, layout, nodes, accounts: accounts.try_into().ok().unwrap(), sessions }
    }

    fn sign_in(&self, who: usize, node: usize) -> JoinHandle<Result<Admitted, StoreError>> {
        let (account, node) = (self.accounts[who].clone(), self.nodes[node].clone());
        tokio::spawn(async move { account.sign_in(&node, &new_key(), at_most(1, WhenFull::EndOldest)).await })
    }

    /// How many sessions each user has.
    async fn counts(&self) -> [u64; 3] {
        let mut counts = [0; 3];
        for (count, account) in counts.iter_mut().zip(&self.accounts) {
            *count = self.nodes[0].count(&account.scope(), NOW).await.unwrap();
        }
        counts
    }

    /// Something of the application's, or another node's, that has a row and has not ended.
    async fn hold(&self, key: &StoreKey) -> Transaction<'static, DB> {
        let mut holder = self.pool.begin().await.unwrap();
        let text = format!("SELECT 1 FROM {} WHERE {} FOR UPDATE", self.table(), self.is(key));
        run(&mut holder, text).await;
        holder
    }

    fn table(&self) -> String {
        match self.server {
            Server::Postgres => format!("\"{}\"", self.layout.table()),
            Server::Mysql => format!("`{}`", self.layout.table()),
        }
    }

    fn is(&self, key: &StoreKey) -> String {
        match self.server {
            Server::Postgres => format!("\"key\" = {}", self.literal(key)),
            Server::Mysql => format!("`key` = {}", self.literal(key)),
        }
    }

    fn literal(&self, key: &StoreKey) -> String {
        let hex = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        match self.server {
            Server::Postgres => format!("'\\x{hex}'::bytea"),
            Server::Mysql => format!("x'{hex}'"),
        }
    }

    /// Waits until a statement on the table waits for a row, which only the database knows.
    async fn waits(&self) {
        let table = self.table();
        let question = match self.server {
            Server::Mysql => format!(
                "SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' \
                 AND trx_query LIKE '%{table}%'"
            ),
            Server::Postgres => {
                format!(
                    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{table}%'"
                )
            }
        };
        let asking = async {
            loop {
                let mut connection = self.pool.acquire().await.unwrap();
                let answer = (*connection).fetch_optional(sqlx::raw_sql(AssertSqlSafe(question.clone())));
                if answer.await.unwrap().is_some() {
                    return;
                }
                // MySQL looks at its transactions anew only when nobody has asked for a tenth of a second.
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
        };
        timeout(PATIENCE, asking).await.expect("a statement waits for a row");
    }
}

async fn run<DB: sqlx::Database>(holder: &mut Transaction<'static, DB>, text: String)
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    (**holder).execute(sqlx::raw_sql(AssertSqlSafe(text))).await.unwrap();
}

async fn admitted(sign_in: JoinHandle<Result<Admitted, StoreError>>) -> Vec<StoreKey> {
    match timeout(PATIENCE, sign_in).await.expect("a sign-in ends").unwrap().unwrap() {
        Admitted::In { ended, .. } => ended.into_iter().map(|session| session.key).collect(),
        refused => panic!("{refused:?}"),
    }
}

/// Neighbours in every index sign in while one waits.
async fn a_sign_in_that_waits_holds_up_nobody_else<DB: sqlx::Database>(stage: Stage<DB>)
where
    Pool<DB>: Into<Database>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let holder = stage.hold(&stage.sessions[1]).await;
    let ben = stage.sign_in(1, 0);
    stage.waits().await;
    for _ in 0..8 {
        admitted(stage.sign_in(0, 1)).await;
        admitted(stage.sign_in(2, 1)).await;
        // A session that is no sign-in's business.
        stage.nodes[1].put(&new_key(), Put::New, &stage.accounts[1].session(), NOW).await.unwrap();
    }
    assert!(!ben.is_finished());
    holder.rollback().await.unwrap();
    assert_eq!(admitted(ben).await, [stage.sessions[1].clone()]);
    assert_eq!(stage.counts().await, [1, 1 + 8, 1]);
}

/// What was committed while a sign-in waited for its mark counts.
async fn what_came_before_the_mark_was_free_counts<DB: sqlx::Database>(stage: Stage<DB>)
where
    Pool<DB>: Into<Database>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let holder = stage.hold(&stage.accounts[1].mark).await;
    let ben = stage.sign_in(1, 0);
    stage.waits().await;
    let late = new_key();
    stage.nodes[1].put(&late, Put::New, &stage.accounts[1].session(), NOW).await.unwrap();
    holder.commit().await.unwrap();
    let mut ended = admitted(ben).await;
    ended.sort();
    let mut expected = vec![stage.sessions[1].clone(), late];
    expected.sort();
    assert_eq!(ended, expected);
    assert_eq!(stage.counts().await, [1, 1, 1]);
}

/// A mark that is written while a sign-in waits for it supersedes it.
async fn a_mark_that_is_written_meanwhile_supersedes<DB: sqlx::Database>(stage: Stage<DB>)
where
    Pool<DB>: Into<Database>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let mark = &stage.accounts[1].mark;
    let mut holder = stage.hold(mark).await;
    let ben = stage.sign_in(1, 0);
    stage.waits().await;
    let text = format!("UPDATE {} SET version = version + 1 WHERE {}", stage.table(), stage.is(mark));
    run(&mut holder, text).await;
    holder.commit().await.unwrap();
    let outcome = timeout(PATIENCE, ben).await.expect("a sign-in ends").unwrap().unwrap();
    assert_eq!(outcome, Admitted::Superseded);
    assert!(matches!(stage.nodes[0].load(&stage.sessions[1], NOW).await.unwrap(), Loaded::Live(_)));
    assert_eq!(stage.counts().await, [1, 1, 1]);
}

/// A session that was to end is renamed, becomes another user's, is used or goes while the sign-in waits for it.
async fn what_was_to_end_and_has_changed_is_decided_on_anew<DB: sqlx::Database>(stage: Stage<DB>)
where
    Pool<DB>: Into<Database>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let table = stage.table();
    let mut counts = [1, 1, 1];
    for change in ["rename", "other user", "use", "end"] {
        let page = Page { after: None, limit: NonZeroU32::MAX };
        let session =
            stage.nodes[0].list(&stage.accounts[1].scope(), page, NOW).await.unwrap()[0].key.clone();
        let mut holder = stage.hold(&session).await;
        let ben = stage.sign_in(1, 0);
        stage.waits().await;
        let (is, moved) = (stage.is(&session), new_key());
        let (text, ended) = match change {
            "rename" => {
                let to = stage.is(&moved);
                (format!("UPDATE {table} SET {to}, version = version + 1 WHERE {is}"), vec![moved])
            }
            "other user" => {
                counts[2] += 1;
                (format!("UPDATE {table} SET user_id = 'cal', version = version + 1 WHERE {is}"), vec![])
            }
            "use" => (format!("UPDATE {table} SET seen_at = seen_at + 1 WHERE {is}"), vec![session]),
            _ => (format!("DELETE FROM {table} WHERE {is}"), vec![]),
        };
        run(&mut holder, text).await;
        holder.commit().await.unwrap();
        assert_eq!(admitted(ben).await, ended, "{change}");
        assert_eq!(stage.counts().await, counts, "{change}");
    }
}

macro_rules! forced {
    ($name:ident, $server:expr, $pool:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn a_sign_in_that_waits_holds_up_nobody_else() {
                support::run(async {
                    super::a_sign_in_that_waits_holds_up_nobody_else(Stage::new($pool.await, $server).await)
                        .await;
                });
            }

            #[test]
            fn what_came_before_the_mark_was_free_counts() {
                support::run(async {
                    super::what_came_before_the_mark_was_free_counts(Stage::new($pool.await, $server).await)
                        .await;
                });
            }

            #[test]
            fn asvs_7_4_2_a_mark_that_is_written_meanwhile_supersedes() {
                support::run(async {
                    super::a_mark_that_is_written_meanwhile_supersedes(
                        Stage::new($pool.await, $server).await,
                    )
                    .await;
                });
            }

            #[test]
            fn what_was_to_end_and_has_changed_is_decided_on_anew() {
                support::run(async {
                    let stage = Stage::new($pool.await, $server).await;
                    super::what_was_to_end_and_has_changed_is_decided_on_anew(stage).await;
                });
            }
        }
    };
}

#[cfg(feature = "postgres")]
forced!(postgres, Server::Postgres, support::postgres_pool(8));

#[cfg(feature = "mysql")]
forced!(mysql, Server::Mysql, support::mysql_pool(8));

/// An application may have chosen another level for all of its transactions.
#[cfg(feature = "postgres")]
async fn repeatable_read() -> sqlx::PgPool {
    let options: sqlx::postgres::PgConnectOptions = support::postgres_url().parse().unwrap();
    let options = options.options([("default_transaction_isolation", "repeatable read")]);
    sqlx::postgres::PgPoolOptions::new().max_connections(8).connect_with(options).await.unwrap()
}

#[cfg(feature = "postgres")]
forced!(postgres_of_repeatable_read, Server::Postgres, repeatable_read());
