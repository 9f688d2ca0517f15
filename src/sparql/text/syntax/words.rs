//! The words of SPARQL, and which of them was meant.

/// Keywords.
const KEYWORDS: [&str; 55] = [
    "AS",
    "ASC",
    "ASK",
    "BASE",
    "BIND",
    "BY",
    "CONSTRUCT",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "EXISTS",
    "FILTER",
    "FROM",
    "GRAPH",
    "GROUP",
    "HAVING",
    "IN",
    "LATERAL",
    "LIMIT",
    "MINUS",
    "NAMED",
    "NOT",
    "OFFSET",
    "OPTIONAL",
    "ORDER",
    "PREFIX",
    "REDUCED",
    "SELECT",
    "SEPARATOR",
    "SERVICE",
    "SILENT",
    "UNDEF",
    "UNION",
    "VALUES",
    "VERSION",
    "WHERE",
    "a",
    "true",
    "false",
    "INSERT",
    "DELETE",
    "DATA",
    "LOAD",
    "CLEAR",
    "CREATE",
    "DROP",
    "COPY",
    "MOVE",
    "ADD",
    "WITH",
    "USING",
    "ALL",
    "DEFAULT",
    "INTO",
    "TO",
];

/// Functions and aggregates.
pub(super) const FUNCTIONS: [&str; 70] = [
    "ABS",
    "ADJUST",
    "AVG",
    "BNODE",
    "BOUND",
    "CEIL",
    "COALESCE",
    "CONCAT",
    "CONTAINS",
    "COUNT",
    "DATATYPE",
    "DAY",
    "ENCODE_FOR_URI",
    "FLOOR",
    "GROUP_CONCAT",
    "HASLANG",
    "HASLANGDIR",
    "HOURS",
    "IF",
    "IRI",
    "ISBLANK",
    "ISIRI",
    "ISLITERAL",
    "ISNUMERIC",
    "ISTRIPLE",
    "ISURI",
    "LANG",
    "LANGDIR",
    "LANGMATCHES",
    "LCASE",
    "MAX",
    "MD5",
    "MIN",
    "MINUTES",
    "MONTH",
    "NOW",
    "OBJECT",
    "PREDICATE",
    "RAND",
    "REGEX",
    "REPLACE",
    "ROUND",
    "SAMETERM",
    "SAMEVALUE",
    "SAMPLE",
    "SECONDS",
    "SHA1",
    "SHA256",
    "SHA384",
    "SHA512",
    "STR",
    "STRAFTER",
    "STRBEFORE",
    "STRDT",
    "STRENDS",
    "STRLANG",
    "STRLANGDIR",
    "STRLEN",
    "STRSTARTS",
    "STRUUID",
    "SUBJECT",
    "SUBSTR",
    "SUM",
    "TIMEZONE",
    "TRIPLE",
    "TZ",
    "UCASE",
    "URI",
    "UUID",
    "YEAR",
];

/// Prefixes that data use often.
const WELL_KNOWN: [(&str, &str); 16] = [
    ("crm", "http://www.cidoc-crm.org/cidoc-crm/"),
    ("dc", "http://purl.org/dc/elements/1.1/"),
    ("dcat", "http://www.w3.org/ns/dcat#"),
    ("dct", "http://purl.org/dc/terms/"),
    ("dcterms", "http://purl.org/dc/terms/"),
    ("edm", "http://www.europeana.eu/schemas/edm/"),
    ("foaf", "http://xmlns.com/foaf/0.1/"),
    ("geo", "http://www.w3.org/2003/01/geo/wgs84_pos#"),
    ("la", "https://linked.art/ns/terms/"),
    ("owl", "http://www.w3.org/2002/07/owl#"),
    ("prov", "http://www.w3.org/ns/prov#"),
    ("schema", "http://schema.org/"),
    ("sh", "http://www.w3.org/ns/shacl#"),
    ("skos", "http://www.w3.org/2004/02/skos/core#"),
    ("wd", "http://www.wikidata.org/entity/"),
    ("wdt", "http://www.wikidata.org/prop/direct/"),
];

/// What `prefix` usually stands for.
pub(super) fn well_known(prefix: &str) -> Option<&'static str> {
    let known = WELL_KNOWN.iter().find(|(known, _)| *known == prefix);
    known.map(|(_, iri)| *iri)
}

pub(super) fn is_known(word: &str) -> bool {
    let is = |known: &&'static str| known.eq_ignore_ascii_case(word);
    KEYWORDS.iter().any(is) || FUNCTIONS.iter().any(is)
}

/// The word of SPARQL that is most like `word`, keywords first.
pub(super) fn nearest_of_all(word: &str) -> Option<&'static str> {
    let known: Vec<&'static str> = KEYWORDS.into_iter().chain(FUNCTIONS).collect();
    nearest(word, &known)
}

/// The one of `known` that is most like `word`, if any is like it.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    const LONGEST: usize = 20;
    let word = word.to_uppercase();
    // One slip in a short word, two in a longer one; the words of two letters are like anything.
    let most = match word.chars().count() {
        0..=2 | LONGEST.. => return None,
        3..=4 => 1,
        _ => 2,
    };
    (known.iter())
        .filter(|known| known.len() > 2)
        .map(|known| (strsim::osa_distance(&word, &known.to_uppercase()), *known))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}
