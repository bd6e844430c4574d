//! Columns of the application's own, filled from the session.

use std::fmt;
use std::sync::Arc;

use cloakroom_core::Record;
use cloakroom_core::layout::{ExtraColumn, ExtraKind, Layout, Name};

use crate::codec::BoxError;
use crate::operation::ExtraValue;

/// An extra column and what fills it.
#[derive(Clone)]
pub(crate) struct Extra {
    column: ExtraColumn,
    fill: Option<Fill>,
}

/// Takes the column's value from a session.
#[derive(Clone)]
pub(crate) enum Fill {
    Text(Arc<FillText>),
    Integer(Arc<FillInteger>),
}

type FillText = dyn Fn(&Record) -> Option<String> + Send + Sync;
type FillInteger = dyn Fn(&Record) -> Option<i64> + Send + Sync;

impl Fill {
    pub(crate) const fn kind(&self) -> ExtraKind {
        match self {
            Self::Text(_) => ExtraKind::Text,
            Self::Integer(_) => ExtraKind::Integer,
        }
    }
}

impl Extra {
    pub(crate) fn value(&self, record: &Record) -> Result<ExtraValue, BoxError> {
        match &self.fill {
            None => Ok(ExtraValue::Null),
            Some(Fill::Integer(fill)) => Ok(fill(record).map_or(ExtraValue::Null, ExtraValue::Integer)),
            Some(Fill::Text(fill)) => match fill(record) {
                None => Ok(ExtraValue::Null),
                Some(text) if text.contains('\0') => Err(format!(
                    "the text for column {:?} holds a NUL, which PostgreSQL cannot keep",
                    self.column.name.as_str()
                )
                .into()),
                Some(text) => Ok(ExtraValue::Text(text)),
            },
        }
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Extra").field(&self.column).finish()
    }
}

/// Joins the layout's extra columns with what fills them. A fill that finds no free column of its name and kind gets
/// one of its own; if that shares a name with another, [`Layout::check`] refuses it.
pub(crate) fn joined(mut layout: Layout, fills: Vec<(Name, Fill)>) -> (Layout, Vec<Extra>) {
    let mut extra: Vec<Extra> =
        layout.extra().iter().map(|column| Extra { column: column.clone(), fill: None }).collect();
    for (name, fill) in fills {
        let kind = fill.kind();
        let free = extra
            .iter_mut()
            .find(|extra| extra.fill.is_none() && extra.column.name == name && extra.column.kind == kind);
        if let Some(free) = free {
            free.fill = Some(fill);
        } else {
            layout = layout.with_extra(name.clone(), kind);
            extra.push(Extra { column: ExtraColumn { name, kind }, fill: Some(fill) });
        }
    }
    (layout, extra)
}
