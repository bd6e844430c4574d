//! The users' table: one repository for every database.

mod email;
mod name;
mod statements;

use cloakroom::{Timestamp, UserId};
use sqlx::AssertSqlSafe;

pub(crate) use self::email::Email;
pub(crate) use self::name::{LONGEST as LONGEST_NAME, Name};

use crate::database::{Database, on_pool};

/// Who may sign in.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) password_hash: String,
    /// Reaches from sessions that began under the hash before the last upgrade to the present one.
    pub(crate) upgrade_link: Option<String>,
    pub(crate) disabled: bool,
}

/// All users, in the table of that name.
#[derive(Clone, Debug)]
pub(crate) struct Users {
    database: Database,
}

/// The database could not be asked, or did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsersError {
    /// Somebody has this address already, in this or another spelling.
    #[error("the address belongs to another user")]
    EmailTaken,
    /// The text of a driver may quote what was asked for, so only its kind is told.
    #[error("the users' table cannot be reached: {0}")]
    Database(&'static str),
    #[error("no random id could be made")]
    Random(#[from] getrandom::Error),
}

/// A row, in the order in which the statements name its columns.
type Row = (String, String, String, String, Option<String>, Option<i64>);

/// Runs a statement that changes rows and gives how many there were.
macro_rules! execute {
    ($users:expr, $statement:expr, $($value:expr),+ $(,)?) => {
        on_pool!(&$users.database, |pool| {
            let query = sqlx::query(sql(&$users.database, $statement));
            query$(.bind($value))+.execute(pool).await.map(|done| done.rows_affected())
        })
    };
}

impl Users {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Adds a user with a new id.
    ///
    /// # Errors
    /// [`UsersError::EmailTaken`] however the address was spelled, also when two ask for it at once.
    pub(crate) async fn add(
        &self,
        name: &Name,
        email: &Email,
        password_hash: &str,
        now: Timestamp,
    ) -> Result<User, UsersError> {
        let id = new_id()?;
        let now = now.as_millis();
        execute!(
            self,
            statements::ADD,
            id.as_str(),
            name.as_str(),
            email.as_typed(),
            email.key(),
            password_hash,
            now,
            now,
        )?;
        Ok(User {
            id,
            name: name.as_str().to_owned(),
            email: email.as_typed().to_owned(),
            password_hash: password_hash.to_owned(),
            upgrade_link: None,
            disabled: false,
        })
    }

    /// The user with this id, disabled or not.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(crate) async fn find(&self, id: &UserId) -> Result<Option<User>, UsersError> {
        self.find_by(statements::FIND, id.as_str()).await
    }

    /// The user with this address, however it is spelled, disabled or not.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(crate) async fn find_by_email(&self, email: &Email) -> Result<Option<User>, UsersError> {
        self.find_by(statements::FIND_BY_EMAIL, email.key()).await
    }

    /// # Errors
    /// When the database cannot be asked.
    pub(crate) async fn rename(&self, id: &UserId, name: &Name, now: Timestamp) -> Result<(), UsersError> {
        execute!(self, statements::RENAME, name.as_str(), now.as_millis(), id.as_str())?;
        Ok(())
    }

    /// Stores another hash in the place of `old`, with a link to it where the password is the same. Gives `false` when
    /// `old` is not there any more: somebody else changed it meanwhile.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(crate) async fn replace_hash(
        &self,
        id: &UserId,
        old: &str,
        new: &str,
        link: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, UsersError> {
        let rows = execute!(self, statements::REPLACE_HASH, new, link, now.as_millis(), id.as_str(), old)?;
        Ok(rows == 1)
    }

    async fn find_by(&self, statement: &str, value: &str) -> Result<Option<User>, UsersError> {
        let row: Option<Row> = on_pool!(&self.database, |pool| {
            sqlx::query_as(sql(&self.database, statement)).bind(value).fetch_optional(pool).await
        })?;
        row.map(User::read).transpose()
    }
}

impl User {
    fn read((id, name, email, password_hash, upgrade_link, disabled_at): Row) -> Result<Self, UsersError> {
        let id = UserId::new(id).map_err(|_| UsersError::Database("a row has no usable id"))?;
        Ok(Self { id, name, email, password_hash, upgrade_link, disabled: disabled_at.is_some() })
    }
}

impl From<sqlx::Error> for UsersError {
    fn from(error: sqlx::Error) -> Self {
        if error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation) {
            return Self::EmailTaken;
        }
        Self::Database(match error {
            sqlx::Error::Database(_) => "the database refused a statement",
            sqlx::Error::PoolTimedOut => "no connection in time",
            sqlx::Error::PoolClosed => "the application is stopping",
            sqlx::Error::Io(_) => "the connection broke",
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) => "a row has another shape",
            _ => "the driver failed",
        })
    }
}

fn sql(database: &Database, statement: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(match database {
        Database::Postgres(_) => statements::numbered(statement),
        Database::Sqlite(_) | Database::Mysql(_) => statement.to_owned(),
    })
}

/// 128 random bits. No page shows it, so it need not be short or sorted.
fn new_id() -> Result<UserId, UsersError> {
    use base64::Engine as _;
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    UserId::new(text).map_err(|_| UsersError::Database("an id is not usable"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    async fn with_ann() -> (Users, User) {
        let (database, ..) = Database::open("sqlite::memory:").await.unwrap();
        let users = Users::new(database);
        let (name, email) = (Name::read("Ann").unwrap(), Email::read("Ann@example.com").unwrap());
        let ann = users.add(&name, &email, "first", NOW).await.unwrap();
        (users, ann)
    }

    #[tokio::test]
    async fn a_user_is_found_by_id_and_by_address() {
        let (users, ann) = with_ann().await;
        for found in [
            users.find(&ann.id).await.unwrap().unwrap(),
            users.find_by_email(&Email::of(" ANN@EXAMPLE.COM")).await.unwrap().unwrap(),
        ] {
            assert_eq!(
                (&*found.name, &*found.email, &*found.password_hash),
                ("Ann", "Ann@example.com", "first")
            );
            assert!(found.id == ann.id && !found.disabled && found.upgrade_link.is_none());
        }
        assert!(users.find_by_email(&Email::of("bob@example.com")).await.unwrap().is_none());
    }

    /// Two who change it at once: the one who comes second is told.
    #[tokio::test]
    async fn a_password_is_replaced_only_where_it_is_still_there() {
        let (users, ann) = with_ann().await;
        assert!(users.replace_hash(&ann.id, "first", "second", Some("link"), NOW).await.unwrap());
        assert!(!users.replace_hash(&ann.id, "first", "third", None, NOW).await.unwrap());
        let found = users.find(&ann.id).await.unwrap().unwrap();
        assert_eq!((&*found.password_hash, found.upgrade_link.as_deref()), ("second", Some("link")));
    }

    #[tokio::test]
    async fn no_error_says_what_was_typed() {
        let (users, _) = with_ann().await;
        let (name, email) = (Name::read("Other").unwrap(), Email::read("ANN@example.com").unwrap());
        let error = users.add(&name, &email, "s3cret", NOW).await.err().unwrap();
        assert!(matches!(error, UsersError::EmailTaken));
        users.database.clone().close().await;
        let error = users.find_by_email(&email).await.err().unwrap();
        for error in [format!("{error}"), format!("{error:?}")] {
            assert!(!error.to_lowercase().contains("ann@"), "{error}");
        }
    }
}
