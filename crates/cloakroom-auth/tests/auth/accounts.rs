//! An application's users. The facade's stories of users have the same ones.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use cloakroom_auth::User;
use cloakroom_core::{Fingerprint, UserId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) hash: String,
}

impl User for Account {
    fn id(&self) -> UserId {
        UserId::new(self.name.clone()).unwrap()
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::new(&self.id(), self.hash.as_bytes())
    }
}

/// The application's table of users.
#[derive(Clone, Default)]
pub(crate) struct Accounts(Arc<Mutex<HashMap<String, Account>>>);

impl Accounts {
    pub(crate) fn set(&self, name: &str, hash: &str) -> Account {
        let account = Account { name: name.to_owned(), hash: hash.to_owned() };
        self.0.lock().unwrap().insert(name.to_owned(), account.clone());
        account
    }

    /// What looking `name` up finds, whoever it is.
    pub(crate) fn mix_up(&self, name: &str, found: &str) {
        let account = self.get(found).unwrap();
        self.0.lock().unwrap().insert(name.to_owned(), account);
    }

    pub(crate) fn remove(&self, name: &str) {
        self.0.lock().unwrap().remove(name);
    }

    pub(crate) fn get(&self, name: &str) -> Option<Account> {
        self.0.lock().unwrap().get(name).cloned()
    }
}
