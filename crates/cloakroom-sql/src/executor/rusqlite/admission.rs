//! Admits in one transaction.

use cloakroom_core::{Admitted, StoreKey};
use rusqlite::params_from_iter;

use super::{Fault, Run, commit};
use crate::admission::{Admit, admitted};
use crate::embedded::begin;
use crate::failure::Failure;
use crate::operation::{Answer, Operation, Row};
use crate::statements::admission::{AT_ONCE, in_list};

impl Run<'_> {
    /// There is one writer at a time, so that whatever is read here stays as it is. Where it does not come to the
    /// commit, dropping the transaction rolls it back.
    pub(super) fn admit(&self, admit: &Admit) -> Result<Answer, Fault> {
        let names = &self.statements.names;
        let transaction = begin(self.connection, self.database.patience())?;
        if !self.prepared(&names.mark())?.exists(params_from_iter(admit.mark()))? {
            return Ok(Answer::Admitted(Admitted::Superseded));
        }
        let Some(ended) = admit.make_room(self.listed(admit)?)? else {
            return Ok(Answer::Admitted(Admitted::Full));
        };
        for some in ended.chunks(AT_ONCE) {
            let keys = in_list(some.iter().map(|session| &session.key));
            self.prepared(&names.remove(some.len()))?.execute(params_from_iter(keys))?;
        }
        let Answer::Version(version) = self.write(&admit.put)? else { return Ok(Answer::Done) };
        commit(transaction)?;
        Ok(admitted(version, ended))
    }

    fn listed(&self, admit: &Admit) -> Result<Vec<(StoreKey, Row)>, Failure> {
        match admit.list() {
            Some(Operation::List { scope, page, now }) => self.list(&scope, &page, now),
            _ => Ok(Vec::new()),
        }
    }
}
