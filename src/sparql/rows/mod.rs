//! Rows of the clip relation: hits with the columns that a fragment names, and with what stands beside them.

pub(super) mod companions;
pub(super) mod row_maker;
pub(super) mod table_maker;
