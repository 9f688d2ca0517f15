//! Triples that lack a part, or the dot between them.

use super::mistake::{Mistake, mistake, shown};
use super::tokens::{Kind, Token};

/// The first such triple in the groups of the query.
///
/// Reads no further than it understands: where something else is wrong, somebody else has to say it.
pub(super) fn find(tokens: &[Token<'_>]) -> Option<Mistake> {
    let mut reader = Reader { tokens, at: 0 };
    while let Some(token) = reader.token() {
        let read = if token.is_word("VALUES") {
            reader.values()
        } else if token.is("{") {
            reader.group(0)
        } else {
            reader.at += 1;
            Ok(())
        };
        match read {
            Ok(()) => {}
            Err(Stop::Found(mistake)) => return Some(mistake),
            Err(Stop::NotUnderstood) => return None,
        }
    }
    None
}

/// Groups in groups that are followed: each takes room on the stack.
const MAX_DEPTH: usize = 50;

/// What may follow a triple without a dot.
const CLAUSES: [&str; 9] = [
    "FILTER", "OPTIONAL", "UNION", "GRAPH", "SERVICE", "BIND", "VALUES", "MINUS", "LATERAL",
];

enum Stop {
    Found(Mistake),
    NotUnderstood,
}

type Read = Result<(), Stop>;

fn found(at: usize, says: String) -> Read {
    mistake(at, says).map_or(Ok(()), |mistake| Err(Stop::Found(mistake)))
}

struct Reader<'t, 'q> {
    tokens: &'t [Token<'q>],
    at: usize,
}

impl<'t, 'q> Reader<'t, 'q> {
    fn token(&self) -> Option<&'t Token<'q>> {
        self.tokens.get(self.at)
    }

    fn is(&self, sign: &str) -> bool {
        self.token().is_some_and(|token| token.is(sign))
    }

    fn is_word(&self, word: &str) -> bool {
        self.token().is_some_and(|token| token.is_word(word))
    }

    /// Goes on if the sign is there.
    fn takes(&mut self, sign: &str) -> bool {
        let is_there = self.is(sign);
        self.at += usize::from(is_there);
        is_there
    }

    /// From the bracket here to behind its other half.
    fn balanced(&mut self) -> Read {
        let mut depth = 0_usize;
        while let Some(token) = self.token() {
            self.at += 1;
            if ["(", "[", "{", "<<("].iter().any(|sign| token.is(sign)) {
                depth += 1;
            } else if [")", "]", "}"].iter().any(|sign| token.is(sign)) {
                depth = depth.saturating_sub(1);
            }
            if depth == 0 {
                return Ok(());
            }
        }
        Err(Stop::NotUnderstood)
    }

    /// `VALUES` and its data.
    fn values(&mut self) -> Read {
        while self.token().is_some() && !self.is("{") {
            self.at += 1;
        }
        self.balanced()
    }

    /// What stands between `{` and `}`.
    fn group(&mut self, depth: usize) -> Read {
        if depth > MAX_DEPTH {
            return Err(Stop::NotUnderstood);
        }
        self.at += 1;
        while let Some(token) = self.token() {
            if self.takes("}") {
                return Ok(());
            } else if self.takes(".") {
            } else if token.is("{") {
                self.group(depth + 1)?;
            } else if token.kind == Kind::Word && !token.is_word("true") && !token.is_word("false")
            {
                self.clause(&token.text.to_ascii_uppercase(), depth)?;
            } else {
                self.triples()?;
            }
        }
        Err(Stop::NotUnderstood)
    }

    /// A part of a group that begins with a keyword; the groups in it come by themselves.
    fn clause(&mut self, keyword: &str, depth: usize) -> Read {
        match keyword {
            "VALUES" => return self.values(),
            "OPTIONAL" | "UNION" | "MINUS" | "LATERAL" => self.at += 1,
            "BIND" => {
                self.at += 1;
                return self.balanced();
            }
            "GRAPH" | "SERVICE" => {
                self.at += 1;
                self.at += usize::from(self.is_word("SILENT"));
                self.at += 1;
            }
            "FILTER" => {
                self.at += 1;
                self.at += usize::from(self.is_word("NOT"));
                if self.is_word("EXISTS") {
                    self.at += 1;
                } else {
                    self.at += usize::from(!self.is("("));
                    return self.balanced();
                }
            }
            "SELECT" => {
                while self.token().is_some() && !self.is("{") {
                    self.at += 1;
                }
                self.group(depth + 1)?;
                // What orders and cuts the solutions.
                while self.token().is_some() && !self.is("}") {
                    if self.is_word("VALUES") {
                        self.values()?;
                    } else {
                        self.at += 1;
                    }
                }
            }
            _ => return Err(Stop::NotUnderstood),
        }
        Ok(())
    }

    /// A subject with all that is said of it.
    fn triples(&mut self) -> Read {
        let subject = self.token().ok_or(Stop::NotUnderstood)?;
        let is_whole = subject.is("[");
        self.term()?;
        if is_whole && self.is_end() {
            return Ok(());
        }
        loop {
            self.verb(subject)?;
            loop {
                self.object()?;
                if !self.takes(",") {
                    break;
                }
            }
            if !self.is(";") {
                break;
            }
            while self.takes(";") {}
            if self.is_end() {
                break;
            }
        }
        let next = self.token().ok_or(Stop::NotUnderstood)?;
        if self.is_end() || next.is("{") {
            return Ok(());
        }
        let is_term = ["[", "("].iter().any(|sign| next.is(sign))
            || next.is_word("a")
            || matches!(
                next.kind,
                Kind::Iri
                    | Kind::Prefixed
                    | Kind::Variable
                    | Kind::Text
                    | Kind::Number
                    | Kind::BlankNode
            );
        if !is_term {
            return Err(Stop::NotUnderstood);
        }
        found(
            next.start,
            format!(
                "before {} a sign is missing: . ends a triple, ; begins another one of the same subject, and , another object",
                shown(next)
            ),
        )
    }

    /// Whether nothing more is said of the subject.
    fn is_end(&self) -> bool {
        self.is(".") || self.is("}") || CLAUSES.iter().any(|clause| self.is_word(clause))
    }

    fn verb(&mut self, subject: &Token<'_>) -> Read {
        let token = self.token().ok_or(Stop::NotUnderstood)?;
        if self.is_end() {
            return found(
                token.start,
                format!(
                    "a triple has three parts, and this one of {} has no predicate and no object",
                    shown(subject)
                ),
            );
        }
        match token.kind {
            Kind::Variable => {
                self.at += 1;
                Ok(())
            }
            Kind::Text | Kind::Number | Kind::BlankNode => found(
                token.start,
                format!(
                    "a predicate is an IRI, a name with a prefix, a variable or a, and not {}",
                    shown(token)
                ),
            ),
            _ => self.path(),
        }
    }

    fn path(&mut self) -> Read {
        loop {
            while self.takes("^") || self.takes("!") {}
            let token = self.token().ok_or(Stop::NotUnderstood)?;
            match token.kind {
                _ if token.is("(") => self.balanced()?,
                Kind::Iri | Kind::Prefixed => self.at += 1,
                Kind::Word if token.text == "a" => self.at += 1,
                Kind::Variable => {
                    return found(
                        token.start,
                        format!(
                            "a path of predicates holds no variables, and {} is one",
                            token.text
                        ),
                    );
                }
                _ => return Err(Stop::NotUnderstood),
            }
            while self.takes("*") || self.takes("+") || self.takes("?") {}
            if !self.takes("/") && !self.takes("|") {
                return Ok(());
            }
        }
    }

    fn object(&mut self) -> Read {
        let token = self.token().ok_or(Stop::NotUnderstood)?;
        if self.is_end() || token.is(";") || token.is(",") {
            return found(
                token.start,
                format!(
                    "a triple has three parts, and before this {} the object is missing",
                    shown(token)
                ),
            );
        }
        self.term()
    }

    fn term(&mut self) -> Read {
        let token = self.token().ok_or(Stop::NotUnderstood)?;
        if token.is("[") || token.is("(") {
            return self.balanced();
        }
        if token.is("+") || token.is("-") {
            self.at += 1;
        }
        let token = self.token().ok_or(Stop::NotUnderstood)?;
        self.at += 1;
        match token.kind {
            Kind::Iri | Kind::Prefixed | Kind::Variable | Kind::BlankNode | Kind::Number => Ok(()),
            Kind::Word if token.is_word("true") || token.is_word("false") => Ok(()),
            Kind::Text => {
                if self.takes("^^") || self.token().is_some_and(|next| next.kind == Kind::Language)
                {
                    self.at += 1;
                }
                Ok(())
            }
            _ => Err(Stop::NotUnderstood),
        }
    }
}
