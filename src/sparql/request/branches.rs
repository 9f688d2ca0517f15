//! Which branches of UNIONs something stands in.

/// Which branch of which UNION something stands in; a UNION of many branches counts as one.
pub(in crate::sparql) type Choices = Vec<(usize, Branch)>;

/// A branch of a UNION.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sparql) enum Branch {
    /// The branch with this number, from the left.
    Number(usize),
    /// Any of the branches that do not name the request.
    Other,
}

/// Whether two places can contribute to one solution.
pub(in crate::sparql) fn compatible(a: &[(usize, Branch)], b: &[(usize, Branch)]) -> bool {
    a.iter()
        .all(|(union, branch)| b.iter().all(|(u, other)| u != union || other == branch))
}
