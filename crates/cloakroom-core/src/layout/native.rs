//! This project's own layout.

use std::collections::BTreeMap;

use super::{Column, DataColumn, Layout, Name};

impl Layout {
    /// This project's own layout: a table `sessions` whose key is a hash, whose times are integer milliseconds UTC
    /// (no time zones, no 2038), and whose data is JSON.
    pub fn native() -> Self {
        Self {
            schema: None,
            table: Name::constant("sessions"),
            renamed: BTreeMap::new(),
            data: DataColumn::default(),
            extra: Vec::new(),
        }
    }
}

pub(super) const fn column(column: Column) -> &'static str {
    match column {
        Column::Key => "key",
        Column::Version => "version",
        Column::User => "user_id",
        Column::Handle => "handle",
        Column::Authenticated => "authenticated_at",
        Column::Method => "method",
        Column::Proof => "proof",
        Column::Format => "format",
        Column::Data => "data",
        Column::Created => "created_at",
        Column::Seen => "seen_at",
        Column::Expires => "expires_at",
        Column::Deadline => "deadline_at",
        Column::Idle => "idle_ms",
        Column::Absolute => "absolute_ms",
        Column::Persistence => "persistence",
        Column::Device => "device",
        Column::Verifier => "verifier",
        Column::Sweep => "sweep_at",
    }
}
