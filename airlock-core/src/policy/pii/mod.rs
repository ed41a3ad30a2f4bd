//! Which columns look personal, by name and type: the rules that `init` writes masks by and `lint` warns by.

mod rules;

use std::fmt;

use arrow::datatypes::DataType;

use crate::snapshot::source::{ColumnInfo, TableInfo};
use rules::{RULES, Rule};

/// How sure a rule is, in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Score(u8);

impl Score {
    /// From here on a column is masked, and warned of when it is not.
    pub(crate) const MASK: Self = Self(50);
    /// From here on a person is asked to look.
    pub(crate) const REVIEW: Self = Self(30);
    /// What a fitting table adds. Source: the context boost of Presidio.
    const CONTEXT: u8 = 35;
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// A column that looks personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Name of the rule.
    pub(crate) rule: &'static str,
    pub(crate) score: Score,
    pub(crate) suggestion: Suggestion,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suggestion {
    Hash,
    Redact,
    Null,
    Year,
    KeepLast4,
    Zip3,
    Scrub,
    Exclude,
}

impl Suggestion {
    /// The mask as written in YAML. Excluded columns have none.
    pub(crate) const fn yaml(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Redact => "redact",
            Self::Null | Self::Exclude => "\"null\"",
            Self::Year => "{kind: date_trunc, unit: year}",
            Self::KeepLast4 => "{kind: partial, keep_last: 4}",
            Self::Zip3 => "{kind: truncate, length: 3}",
            Self::Scrub => "scrub",
        }
    }
}

/// What kind of values a column holds, as far as rules care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    Json,
    Uuid,
    Label,
    Bool,
    Int,
    Number,
    Date,
    Binary,
    /// Readable, and nothing of the above.
    Other,
    /// Not readable by this version.
    Unreadable,
}

impl Shape {
    /// The shape of a column.
    pub(crate) fn of(column: &ColumnInfo) -> Self {
        let Some(data_type) = &column.data_type else { return Self::Unreadable };
        let source = column.source_type.to_ascii_lowercase();
        match data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => match source.as_str() {
                "json" | "jsonb" | "xml" => Self::Json,
                "uuid" => Self::Uuid,
                _ => Self::Text,
            },
            DataType::Dictionary(_, _) => Self::Label,
            DataType::Boolean => Self::Bool,
            t if t.is_integer() => Self::Int,
            t if t.is_numeric() => Self::Number,
            DataType::Date32 | DataType::Timestamp(_, _) => Self::Date,
            DataType::Binary | DataType::BinaryView => Self::Binary,
            _ => Self::Other,
        }
    }
}

/// Last words that tell of the thing and are not the thing: `email_verified`, `address_type`.
const ABOUT: &[&str] = &[
    "type",
    "kind",
    "status",
    "state",
    "count",
    "format",
    "template",
    "provider",
    "verified",
    "confirmed",
    "enabled",
    "at",
    "on",
    "required",
    "lang",
    "language",
    "locale",
    "length",
    "version",
    "sort",
    "order",
];

/// The surest rule that fires for a column of a table, if any.
///
/// A name beside an e-mail address or a phone number is a person's, whatever the table is called.
pub(crate) fn look(table: &TableInfo, column: &ColumnInfo) -> Option<Hit> {
    let name = &table.table.name;
    let hit = look_alone(name, column)?;
    let tells = |other: &ColumnInfo| {
        look_alone(name, other).is_some_and(|h| matches!(h.rule, "email" | "phone" | "person_name"))
    };
    match hit.rule {
        "name"
            if hit.score < Score::MASK
                && tokens(&column.name).len() == 1
                && table.columns.iter().any(tells) =>
        {
            Some(Hit { score: Score(hit.score.0 + Score::CONTEXT), ..hit })
        }
        _ => Some(hit),
    }
}

fn look_alone(table: &str, column: &ColumnInfo) -> Option<Hit> {
    let shape = Shape::of(column);
    by_type(column, shape).into_iter().chain(by_name(table, &column.name, shape)).max_by_key(|h| h.score)
}

fn by_type(column: &ColumnInfo, shape: Shape) -> Option<Hit> {
    let hit = |rule, score, suggestion| Some(Hit { rule, score: Score(score), suggestion });
    match shape {
        // What is inside is not known; `init` says so and a person decides.
        Shape::Json => hit("json", 50, Suggestion::Redact),
        Shape::Binary => hit("binary", 50, Suggestion::Null),
        _ if column.source_type.eq_ignore_ascii_case("vector")
            || column.source_type.starts_with("vector(") =>
        {
            hit("embedding", 90, Suggestion::Exclude)
        }
        _ => None,
    }
}

fn by_name(table: &str, column: &str, shape: Shape) -> Option<Hit> {
    let words = tokens(column);
    let last = words.last().map_or("", String::as_str);
    if ABOUT.contains(&last) && words.len() > 1 {
        return None;
    }
    let table = tokens(table);
    let is_id = words.len() > 1 && matches!(last, "id" | "ids" | "uuid" | "fk");
    let hits = RULES.iter().filter(|r| !(is_id && r.spares_ids)).filter_map(|r| {
        let length = r.words.split(' ').filter_map(|w| matched(&words, w)).max()?;
        let fits = table.iter().any(|t| r.context.split_whitespace().any(|c| is_form_of(t, c)));
        let score = Score(r.score + if fits { Score::CONTEXT } else { 0 });
        let suggestion = (r.suggest)(shape).or_else(|| in_a_list(r, shape))?;
        // What must not leave at all comes first, then what is sure enough to mask; of those the longer phrase, as in
        // `ip_address`; then the surer rule.
        let weight = (suggestion == Suggestion::Exclude, score >= Score::MASK, length, score);
        Some((weight, Hit { rule: r.id, score, suggestion }))
    });
    hits.max_by_key(|(weight, _)| *weight).map(|(_, hit)| hit)
}

/// What a list of such texts gets: no mask reaches into it, so it goes as a whole.
fn in_a_list(rule: &Rule, shape: Shape) -> Option<Suggestion> {
    match (shape, (rule.suggest)(Shape::Text)?) {
        (Shape::Other, Suggestion::Exclude) => Some(Suggestion::Exclude),
        (Shape::Other, _) => Some(Suggestion::Null),
        _ => None,
    }
}

/// `users` and `user`, `addresses` and `address`, `bankcard` and `card`.
fn is_form_of(word: &str, singular: &str) -> bool {
    [Some(word), word.strip_suffix('s'), word.strip_suffix("es")]
        .into_iter()
        .flatten()
        .any(|w| w.ends_with(singular))
}

/// How many words of the name a phrase covers, if it stands there.
fn matched(words: &[String], phrase: &str) -> Option<usize> {
    let phrase: Vec<&str> = phrase.split('_').collect();
    let same = |word: &String, singular: &str| {
        word == singular || [word.strip_suffix('s'), word.strip_suffix("es")].contains(&Some(singular))
    };
    words
        .windows(phrase.len())
        .any(|w| w.iter().zip(&phrase).all(|(a, b)| same(a, b)))
        .then_some(phrase.len())
}

/// The words of a name, in lower case: `userEmailAddress`, `user_email_address`, `USER-EMAIL`, `IPAddress`.
pub(crate) fn tokens(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (i, &c) in chars.iter().enumerate() {
        if !c.is_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = i.checked_sub(1).map(|i| chars[i]);
        let after = chars.get(i + 1);
        let starts = c.is_uppercase()
            && before.is_some_and(|b| {
                b.is_lowercase()
                    || b.is_ascii_digit()
                    || (b.is_uppercase() && after.is_some_and(|a| a.is_lowercase()))
            });
        if starts {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::Suggestion::{Exclude, Hash, KeepLast4, Null, Redact, Scrub, Year, Zip3};
    use super::*;
    use crate::policy::test_catalog::catalog;

    /// `table.column type` → rule and suggestion, when sure enough to mask.
    #[track_caller]
    fn check(written: &str, expected: Option<(&str, Suggestion)>) {
        let (place, source_type) = written.split_once(' ').unwrap();
        let (table, column) = place.split_once('.').unwrap();
        let catalog = catalog(&format!("{table}: {column} {source_type}"));
        let hit = look(&catalog.tables[0], &catalog.tables[0].columns[0]).filter(|h| h.score >= Score::MASK);
        assert_eq!(hit.map(|h| (h.rule, h.suggestion)), expected, "{written}");
    }

    #[test]
    fn names_are_split_into_words() {
        let check = |name: &str, words: &[&str]| assert_eq!(tokens(name), words, "{name}");
        check("user_email_address", &["user", "email", "address"]);
        check("userEmailAddress", &["user", "email", "address"]);
        check("IPAddress", &["ip", "address"]);
        check("USER-EMAIL", &["user", "email"]);
        check("userID", &["user", "id"]);
        check("address2", &["address2"]);
        check("Straße", &["straße"]);
        check("__", &[]);
    }

    #[test]
    fn personal_columns_are_known_by_name_and_type() {
        check("users.email text", Some(("email", Hash)));
        check("users.primaryEmail text", Some(("email", Hash)));
        check("users.e_mail text", Some(("email", Hash)));
        check("users.mobile_phone text", Some(("phone", Redact)));
        check("users.phone int8", Some(("phone", Redact)));
        check("users.ssn text", Some(("national_id", Null)));
        check("users.tax_id text", Some(("national_id", Null)));
        check("users.date_of_birth date", Some(("dob", Year)));
        check("users.birth_date text", Some(("dob", Redact)));
        check("users.first_name text", Some(("person_name", Hash)));
        check("users.name text", Some(("name", Hash)));
        check("users.zip text", Some(("zip", Zip3)));
        check("users.zip int4", Some(("zip", Redact)));
        check("users.lat float8", Some(("geo", Redact)));
        check("cards.card_number text", Some(("bank", KeepLast4)));
        check("accounts.iban text", Some(("bank", KeepLast4)));
        check("users.cvv text", Some(("cvv", Null)));
        check("users.password_hash text", Some(("secret", Exclude)));
        check("users.api_key text", Some(("secret", Exclude)));
        check("logins.ip_address text", Some(("device", Hash)));
        check("orders.ship_street_line_1 text", Some(("address", Redact)));
        check("users.salary numeric(12,2)", Some(("sensitive", Redact)));
        check("users.gender enum", Some(("gender", Redact)));
        check("tickets.body text", Some(("free_text", Scrub)));
        check("events.payload jsonb", Some(("json", Redact)));
        check("docs.embedding vector", Some(("embedding", Exclude)));
        check("files.content bytea", Some(("binary", Null)));
        check("addresses.line1 text", Some(("address_line", Redact)));
        check("order_shippingaddress.line1 text", Some(("address_line", Redact)));
        check("payment_bankcard.number text", Some(("number", KeepLast4)));
        check("payment_bankcard.name text", Some(("name", Hash)));
        check("payment_bankcard.expiry_date date", Some(("card_expiry", Year)));
        check("analytics_usersearch.query text", Some(("free_text", Scrub)));
        check("mails.subject text", Some(("free_text", Scrub)));
        check("users.api_tokens texts[]", Some(("secret", Exclude)));
        check("users.emails texts[]", Some(("email", Null)));
        check("files.body xml", Some(("json", Redact)));
    }

    #[test]
    fn a_name_beside_an_address_is_a_persons() {
        check("reviews.name text, email text", Some(("name", Hash)));
        check("reviews.name text, product_id int8", None);
        check("orders.product_name text, guest_email text", None);
    }

    #[test]
    fn what_only_tells_of_such_columns_is_left_alone() {
        for other in [
            "users.email_verified bool",
            "users.email_verified_at timestamptz",
            "users.password_changed_at timestamptz",
            "orders.address_id int8",
            "orders.message_id text",
            "cards.card_type text",
            "users.phone_country_id int4",
            "merchants.name text",
            "products.title text",
            "usage.token_count int4",
            "users.has_password bool",
            "orders.line int4",
            "orders.number text",
            "orders.total numeric(12,2)",
            "plans.company text",
            "users.id int8",
        ] {
            check(other, None);
        }
    }
}
