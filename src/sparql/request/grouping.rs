//! Groups fragments into requests: which triples belong together, and which inputs they have.

use super::branches::{Branch, Choices};
use super::error::RequestError;
use super::extract::Extracted;
use super::placeholder::placeholder_index;
use crate::sparql::algebra::{self, walk};
use crate::vocab::{Property, Role};
use oxrdf::{Term, Variable};
use spargebra::algebra::GraphPattern;
use spargebra::term::TermPattern;

/// One request: its fragments, and one or more sets of inputs.
#[derive(Debug)]
pub(in crate::sparql) struct Request {
    /// The subject as written, for messages.
    pub written: String,
    /// Indices of the fragments that show this request's hits.
    pub fragments: Vec<usize>,
    /// Its sets of inputs, one per combination of UNION branches.
    pub alternatives: Vec<Alternative>,
}

impl Request {
    /// Whether what is searched for depends on the rest of the query: an input is a variable.
    pub(in crate::sparql) fn is_correlated(&self) -> bool {
        (self.alternatives.iter())
            .flat_map(|alternative| &alternative.inputs)
            .any(|input| matches!(input.object, InputObject::Variable(_)))
    }
}

/// The inputs of a request along one choice of UNION branches.
#[derive(Debug, Clone, Default)]
pub(in crate::sparql) struct Alternative {
    pub choices: Choices,
    pub inputs: Vec<Input>,
}

/// An input as written.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sparql) struct Input {
    pub property: Property,
    pub object: InputObject,
    /// Where it stands.
    pub fragment: usize,
}

/// The object of an input triple.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sparql) enum InputObject {
    Constant(Term),
    Variable(Variable),
}

/// More combinations of UNION branches than this are refused.
const MAX_ALTERNATIVES: usize = 10_000;

/// The requests of a query, and where its fragments stand.
pub(in crate::sparql) struct Grouped {
    pub requests: Vec<Request>,
    /// For each fragment its choices of UNION branches.
    pub choices: Vec<Choices>,
    /// For each fragment whether its rows are joined with those of the whole query: it does not stand
    /// in a MINUS or EXISTS.
    pub is_joined: Vec<bool>,
}

/// Groups the fragments of a query into requests.
///
/// # Errors
/// [`RequestError::NoQuery`] if a request has nothing to look for.
pub(in crate::sparql) fn group(query: &Extracted) -> Result<Grouped, RequestError> {
    let mut grouper = Grouper {
        query,
        choices: vec![Choices::new(); query.fragments.len()],
        region_of: vec![0; query.fragments.len()],
        parent_of: vec![None],
        roots: Vec::new(),
    };
    grouper.roots.push(&query.pattern);
    grouper.place(&query.pattern, 0, &Choices::new());
    Ok(Grouped {
        requests: grouper.requests()?,
        is_joined: grouper
            .region_of
            .iter()
            .map(|region| *region == 0)
            .collect(),
        choices: grouper.choices,
    })
}

/// A *region* is a part of the query that is joined as a whole: the query itself, the right side of a
/// MINUS, the inside of an EXISTS. Within a region, one subject is one request; a region that has no
/// query input of its own for a subject speaks of the request around it.
struct Grouper<'a> {
    query: &'a Extracted,
    choices: Vec<Choices>,
    region_of: Vec<usize>,
    parent_of: Vec<Option<usize>>,
    roots: Vec<&'a GraphPattern>,
}

impl<'a> Grouper<'a> {
    fn place(&mut self, pattern: &'a GraphPattern, region: usize, choices: &Choices) {
        if let Some(fragment) = placeholder_index(pattern) {
            self.choices[fragment].clone_from(choices);
            self.region_of[fragment] = region;
            return;
        }
        match pattern {
            GraphPattern::Union { .. } => {
                let union = union_id(pattern);
                for (number, child) in algebra::branches(pattern).into_iter().enumerate() {
                    let mut choices = choices.clone();
                    choices.push((union, Branch::Number(number)));
                    self.place(child, region, &choices);
                }
            }
            GraphPattern::Minus { left, right } => {
                self.place(left, region, choices);
                self.place_region(right, region);
            }
            _ => {
                for child in walk::children(pattern) {
                    self.place(child, region, choices);
                }
            }
        }
        for inside in walk::exists_patterns(pattern) {
            self.place_region(inside, region);
        }
    }

    fn place_region(&mut self, root: &'a GraphPattern, parent: usize) {
        let region = self.roots.len();
        self.roots.push(root);
        self.parent_of.push(Some(parent));
        self.place(root, region, &Choices::new());
    }

    fn requests(&mut self) -> Result<Vec<Request>, RequestError> {
        let mut requests: Vec<(usize, Variable, Request)> = Vec::new();
        // Regions come parents first, so the request around a region is known when it is reached.
        for region in 0..self.roots.len() {
            for index in 0..self.query.fragments.len() {
                if self.region_of[index] != region {
                    continue;
                }
                let fragment = &self.query.fragments[index];
                let subject = &fragment.subject;
                if let Some((_, _, request)) = requests
                    .iter_mut()
                    .find(|(r, s, _)| *r == region && s == subject)
                {
                    request.fragments.push(index);
                    continue;
                }
                let alternatives = self.alternatives(self.roots[region], index)?;
                let searches =
                    |a: &Alternative| a.inputs.iter().any(|i| i.property.role() == Role::Query);
                if !alternatives.iter().any(searches)
                    && let Some(outer) = self.around(region, subject, &requests)
                {
                    requests[outer].2.fragments.push(index);
                    continue;
                }
                let alternatives: Vec<_> = alternatives.into_iter().filter(searches).collect();
                if alternatives.is_empty() {
                    return Err(RequestError::NoQuery {
                        subject: fragment.written.clone(),
                    });
                }
                requests.push((
                    region,
                    subject.clone(),
                    Request {
                        written: fragment.written.clone(),
                        fragments: vec![index],
                        alternatives,
                    },
                ));
            }
        }
        Ok(requests
            .into_iter()
            .map(|(_, _, request)| request)
            .collect())
    }

    /// The request with this subject in the nearest region around `region`.
    fn around(
        &self,
        region: usize,
        subject: &Variable,
        requests: &[(usize, Variable, Request)],
    ) -> Option<usize> {
        let parent = self.parent_of[region]?;
        requests
            .iter()
            .position(|(r, s, _)| *r == parent && s == subject)
            .or_else(|| self.around(parent, subject, requests))
    }

    /// The sets of inputs that the subject of `fragment` has in `pattern`; none if it is not there.
    fn alternatives(
        &self,
        pattern: &GraphPattern,
        fragment: usize,
    ) -> Result<Vec<Alternative>, RequestError> {
        let subject = &self.query.fragments[fragment].subject;
        if let Some(index) = placeholder_index(pattern) {
            let found = &self.query.fragments[index];
            if found.subject != *subject {
                return Ok(Vec::new());
            }
            let inputs = found
                .inputs()
                .filter_map(|(property, object)| {
                    Some(Input {
                        property: *property,
                        object: input_object(object)?,
                        fragment: index,
                    })
                })
                .collect();
            return Ok(vec![Alternative {
                choices: Choices::new(),
                inputs,
            }]);
        }
        match pattern {
            GraphPattern::Union { .. } => self.alternatives_of_union(pattern, fragment),
            // The right side is a region of its own.
            GraphPattern::Minus { left, .. } => self.alternatives(left, fragment),
            _ => {
                let mut product: Vec<Alternative> = Vec::new();
                for child in walk::children(pattern) {
                    let found = self.alternatives(child, fragment)?;
                    self.check_number(product.len().saturating_mul(found.len()), fragment)?;
                    product = multiply(product, found);
                }
                Ok(product)
            }
        }
    }

    fn alternatives_of_union(
        &self,
        pattern: &GraphPattern,
        fragment: usize,
    ) -> Result<Vec<Alternative>, RequestError> {
        let union = union_id(pattern);
        let mut all = Vec::new();
        let mut is_elsewhere = false;
        for (number, branch) in algebra::branches(pattern).into_iter().enumerate() {
            let found = self.alternatives(branch, fragment)?;
            is_elsewhere |= found.is_empty();
            self.check_number(all.len() + found.len(), fragment)?;
            all.extend(found.into_iter().map(|mut alternative| {
                alternative.choices.push((union, Branch::Number(number)));
                alternative
            }));
        }
        if is_elsewhere && !all.is_empty() {
            all.push(Alternative {
                choices: vec![(union, Branch::Other)],
                inputs: Vec::new(),
            });
        }
        Ok(all)
    }

    fn check_number(&self, n_alternatives: usize, fragment: usize) -> Result<(), RequestError> {
        if n_alternatives > MAX_ALTERNATIVES {
            return Err(RequestError::TooManyAlternatives {
                subject: self.query.fragments[fragment].written.clone(),
                limit: MAX_ALTERNATIVES,
            });
        }
        Ok(())
    }
}

fn multiply(left: Vec<Alternative>, right: Vec<Alternative>) -> Vec<Alternative> {
    if left.is_empty() {
        return right;
    }
    if right.is_empty() {
        return left;
    }
    let mut product = Vec::with_capacity(left.len() * right.len());
    for a in &left {
        for b in &right {
            let mut both = a.clone();
            both.choices.extend(b.choices.iter().copied());
            both.inputs.extend(b.inputs.iter().cloned());
            product.push(both);
        }
    }
    product
}

fn input_object(object: &TermPattern) -> Option<InputObject> {
    Some(match object {
        TermPattern::NamedNode(node) => InputObject::Constant(node.clone().into()),
        TermPattern::Literal(literal) => InputObject::Constant(literal.clone().into()),
        TermPattern::Variable(variable) => InputObject::Variable(variable.clone()),
        // `extract` has turned blank nodes into variables, and refused triple terms.
        TermPattern::BlankNode(_) | TermPattern::Triple(_) => return None,
    })
}

/// Names a UNION by its place in memory: the query is borrowed, so nothing moves while it is planned.
fn union_id(pattern: &GraphPattern) -> usize {
    std::ptr::from_ref(pattern).addr()
}
