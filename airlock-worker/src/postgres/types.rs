//! How a Postgres column is read: the type it is cast to on the way out, its decoder, its Arrow type, and how keys
//! are compared with it. What is not listed here is refused by name (E302).
//!
//! Every cell crosses as a built-in type in binary form. Enums and `citext` are cast to `text`, `money` to `numeric`,
//! domains to their base type; so the driver never has to look a type up, and a column whose type has changed
//! since the catalog was read either fails to cast or arrives as another type.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};

use crate::source::keys::Family;

/// Decimal of a `numeric` without precision: 58 digits before the point, 18 after. Arithmetic and order keep working
/// for the agent, which text would silently break; longer fractions are rounded, longer numbers become NULL.
const BARE_NUMERIC: (u8, i8) = (76, 18);

/// One row of `pg_type`, and its enum labels.
#[derive(Clone, Debug)]
pub(super) struct PgType {
    pub(super) schema: String,
    pub(super) name: String,
    /// `b` base, `d` domain, `e` enum, …
    pub(super) kind: char,
    pub(super) category: char,
    /// Base type of a domain.
    pub(super) base: u32,
    /// Type modifier of a domain.
    pub(super) typmod: i32,
    /// Element of an array.
    pub(super) element: u32,
    pub(super) labels: Vec<String>,
}

/// The types that a catalog's columns have, by OID.
pub(super) type PgTypes = HashMap<u32, PgType>;

/// How the bytes of a cell become an Arrow value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decoder {
    Bool,
    Int16,
    Int32,
    Int64,
    Oid,
    Float32,
    Float64,
    Decimal128(u8, i8),
    Decimal256(u8, i8),
    NumericText,
    Text,
    /// `char(n)`: spaces at the end are padding.
    PaddedText,
    Jsonb,
    Uuid,
    Bytes,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Inet,
    Cidr,
    MacAddr,
    Bits,
    /// One-dimensional, with the element's OID on the wire.
    List(Box<Decoder>, u32),
}

impl Decoder {
    pub(super) fn arrow(&self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Oid => DataType::UInt32,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Decimal128(precision, scale) => DataType::Decimal128(*precision, *scale),
            Self::Decimal256(precision, scale) => DataType::Decimal256(*precision, *scale),
            Self::Bytes => DataType::BinaryView,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Self::List(element, _) => DataType::List(Arc::new(Field::new_list_field(element.arrow(), true))),
            Self::NumericText
            | Self::Text
            | Self::PaddedText
            | Self::Jsonb
            | Self::Uuid
            | Self::TimeTz
            | Self::Inet
            | Self::Cidr
            | Self::MacAddr
            | Self::Bits => DataType::Utf8View,
        }
    }
}

/// What keys of a column are compared as.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Comparable {
    pub(super) family: Family,
    /// Quoted type that bound texts are cast to.
    pub(super) cast: String,
    /// Quoted schema of the operator `=`.
    pub(super) operator_schema: String,
}

/// How one column crosses.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wire {
    /// Quoted type that the column is cast to in the select list.
    pub(super) cast: String,
    /// OID of that type.
    pub(super) oid: u32,
    /// Whether the column has that very type, modifier included. The cast is then no step at all and the server still
    /// names the column as origin; when it no longer does, the type has changed.
    pub(super) is_own_type: bool,
    pub(super) decoder: Decoder,
    pub(super) comparable: Option<Comparable>,
}

/// How to read a column of this type; `None` when this version cannot. `declared` is the type in the server's words.
pub(super) fn wire(types: &PgTypes, own_oid: u32, typmod: i32, declared: &str) -> Option<Wire> {
    let mut wire = crossing_wire(types, own_oid, typmod)?;
    if wire.is_own_type {
        // With the modifier: a cast to `numeric` is a step where the column is a `numeric(5,2)`. What `format_type`
        // says of a built-in type can be read back.
        wire.cast = declared.to_owned();
    }
    Some(wire)
}

fn crossing_wire(types: &PgTypes, own_oid: u32, typmod: i32) -> Option<Wire> {
    let (base_oid, base, typmod) = undomain(types, own_oid, typmod)?;
    if base.category == 'A' && base.element != 0 && base.name.starts_with('_') {
        let (element_oid, element, typmod) = undomain(types, base.element, typmod)?;
        let crossing = crossing(element, typmod)?;
        let element_wire = crossing.cast_to.map_or(element_oid, |(_, oid, _)| oid);
        let (name, oid) = match crossing.cast_to {
            Some((name, _, array)) => (format!("_{name}"), array),
            // Elements of a domain: the array of the base type, whose OID only the catalog knows.
            None if base.element != element_oid => {
                let is_its_array =
                    |t: &PgType| t.element == element_oid && t.category == 'A' && t.name.starts_with('_');
                let (oid, array) = types.iter().find(|(_, t)| is_its_array(t))?;
                (array.name.clone(), *oid)
            }
            None => (base.name.clone(), base_oid),
        };
        return Some(Wire {
            cast: builtin(&name),
            oid,
            is_own_type: crossing.cast_to.is_none() && base.element == element_oid && base_oid == own_oid,
            decoder: Decoder::List(Box::new(crossing.decoder), element_wire),
            comparable: None,
        });
    }
    let crossing = crossing(base, typmod)?;
    let (name, wire_oid) =
        crossing.cast_to.map_or((base.name.as_str(), base_oid), |(name, oid, _)| (name, oid));
    Some(Wire {
        cast: builtin(name),
        oid: wire_oid,
        is_own_type: crossing.cast_to.is_none() && base_oid == own_oid,
        decoder: crossing.decoder,
        comparable: crossing.comparable,
    })
}

/// Follows domains to their base type and the modifier that counts.
fn undomain(types: &PgTypes, mut oid: u32, mut typmod: i32) -> Option<(u32, &PgType, i32)> {
    // A domain cannot contain itself; the bound is for a catalog that lies.
    for _ in 0..32 {
        let found = types.get(&oid)?;
        if found.kind != 'd' {
            return Some((oid, found, typmod));
        }
        if found.typmod >= 0 {
            typmod = found.typmod;
        }
        oid = found.base;
    }
    None
}

/// A scalar's way out.
struct Crossing {
    /// Name, OID and array's OID of the built-in type that it is cast to, when not its own.
    cast_to: Option<(&'static str, u32, u32)>,
    decoder: Decoder,
    comparable: Option<Comparable>,
}

const TEXT: (&str, u32, u32) = ("text", 25, 1009);
const NUMERIC: (&str, u32, u32) = ("numeric", 1700, 1231);

fn crossing(of: &PgType, typmod: i32) -> Option<Crossing> {
    let own = |decoder, family: Option<Family>| {
        let comparable = family.map(|family| compared_as(family, &of.name));
        Some(Crossing { cast_to: None, decoder, comparable })
    };
    let int = |min: i64, max: i64| Some(Family::Int { min, max });
    if of.kind == 'e' {
        let comparable = Comparable {
            family: Family::Labels(of.labels.clone().into()),
            cast: qualified(&of.schema, &of.name),
            operator_schema: quoted("pg_catalog"),
        };
        return Some(Crossing { cast_to: Some(TEXT), decoder: Decoder::Text, comparable: Some(comparable) });
    }
    if of.kind != 'b' {
        return None;
    }
    if of.name == "citext" && of.schema != "pg_catalog" {
        // Its `=` folds case, and lives beside the type, which need not be on the search path.
        let comparable = Comparable {
            family: Family::Text,
            cast: qualified(&of.schema, &of.name),
            operator_schema: quoted(&of.schema),
        };
        return Some(Crossing { cast_to: Some(TEXT), decoder: Decoder::Text, comparable: Some(comparable) });
    }
    if of.schema != "pg_catalog" {
        return None;
    }
    match of.name.as_str() {
        "bool" => own(Decoder::Bool, Some(Family::Bool)),
        "int2" => own(Decoder::Int16, int(i16::MIN.into(), i16::MAX.into())),
        "int4" => own(Decoder::Int32, int(i32::MIN.into(), i32::MAX.into())),
        "int8" => own(Decoder::Int64, int(i64::MIN, i64::MAX)),
        "oid" => own(Decoder::Oid, int(0, u32::MAX.into())),
        "float4" => own(Decoder::Float32, None),
        "float8" => own(Decoder::Float64, None),
        "numeric" => own(numeric(typmod), Some(Family::Decimal)),
        "money" => {
            Some(Crossing { cast_to: Some(NUMERIC), decoder: Decoder::Decimal128(19, 2), comparable: None })
        }
        "text" | "varchar" => own(Decoder::Text, Some(Family::Text)).map(compared_as_text),
        // A key cast to `name` would be cut to 63 bytes and could match what it is not.
        "name" => own(Decoder::Text, Some(Family::Text)).map(compared_as_text),
        "bpchar" => own(Decoder::PaddedText, Some(Family::Text)),
        "xml" | "json" => own(Decoder::Text, None),
        "jsonb" => own(Decoder::Jsonb, None),
        "uuid" => own(Decoder::Uuid, Some(Family::Uuid)),
        "bytea" => own(Decoder::Bytes, Some(Family::Bytes)),
        "date" => own(Decoder::Date, Some(Family::Date)),
        "time" => own(Decoder::Time, None),
        "timetz" => own(Decoder::TimeTz, None),
        "timestamp" => own(Decoder::Timestamp, Some(Family::Timestamp)),
        "timestamptz" => own(Decoder::TimestampTz, Some(Family::TimestampTz)),
        "interval" => own(Decoder::Interval, None),
        "inet" => own(Decoder::Inet, Some(Family::Inet)),
        "cidr" => own(Decoder::Cidr, None),
        "macaddr" | "macaddr8" => own(Decoder::MacAddr, None),
        "bit" | "varbit" => own(Decoder::Bits, None),
        _ => None,
    }
}

fn compared_as(family: Family, type_name: &str) -> Comparable {
    Comparable { family, cast: builtin(type_name), operator_schema: quoted("pg_catalog") }
}

fn compared_as_text(mut crossing: Crossing) -> Crossing {
    crossing.comparable = Some(compared_as(Family::Text, "text"));
    crossing
}

/// The decimal of a `numeric` with this modifier.
fn numeric(typmod: i32) -> Decoder {
    let Some((precision, scale)) = declared_numeric(typmod) else {
        return Decoder::Decimal256(BARE_NUMERIC.0, BARE_NUMERIC.1);
    };
    // Since Postgres 15 the scale may be negative or pass the precision: both are widened.
    let precision = if scale < 0 { precision - scale } else { precision.max(scale) };
    match (u8::try_from(precision), i8::try_from(scale.max(0))) {
        (Ok(precision @ 1..=38), Ok(scale)) => Decoder::Decimal128(precision, scale),
        (Ok(precision @ 39..=76), Ok(scale)) => Decoder::Decimal256(precision, scale),
        _ => Decoder::NumericText,
    }
}

fn declared_numeric(typmod: i32) -> Option<(i32, i32)> {
    let packed = typmod.checked_sub(4).filter(|p| *p >= 0)?;
    // The scale has eleven bits, the highest of them its sign.
    Some((packed >> 16 & 0xffff, ((packed & 0x7ff) ^ 1024) - 1024))
}

/// `"name"`, with each quote doubled.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `"schema"."name"`.
pub(super) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(name))
}

fn builtin(name: &str) -> String {
    qualified("pg_catalog", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(name: &str) -> PgType {
        PgType {
            schema: "pg_catalog".into(),
            name: name.into(),
            kind: 'b',
            category: 'U',
            base: 0,
            typmod: -1,
            element: 0,
            labels: vec![],
        }
    }

    fn types() -> PgTypes {
        let array = |name: &str, element| PgType { category: 'A', element, ..base(name) };
        let domain =
            |base_oid, typmod| PgType { schema: "s".into(), kind: 'd', base: base_oid, typmod, ..base("d") };
        HashMap::from([
            (23, base("int4")),
            (25, base("text")),
            (1700, base("numeric")),
            (600, base("point")),
            (1007, array("_int4", 23)),
            (100, domain(23, -1)),
            (101, domain(100, -1)),
            (102, domain(1700, ((12 << 16) | 2) + 4)),
            (103, array("_d", 100)),
            (104, domain(1007, -1)),
            (22, PgType { category: 'A', element: 21, ..base("int2vector") }),
            (200, PgType { schema: "s".into(), kind: 'e', labels: vec!["a".into()], ..base("we\"ird") }),
            (201, PgType { schema: "s".into(), category: 'A', element: 200, ..base("_weird") }),
            (300, PgType { schema: "s".into(), ..base("int4") }),
        ])
    }

    #[track_caller]
    fn check(oid: u32, typmod: i32, expected: Option<(&str, u32, bool, Decoder)>) {
        let got = wire(&types(), oid, typmod, "its own").map(|w| (w.cast, w.oid, w.is_own_type, w.decoder));
        assert_eq!(got, expected.map(|(cast, oid, own, decoder)| (cast.to_owned(), oid, own, decoder)));
    }

    #[test]
    fn a_column_crosses_as_a_built_in_type() {
        let ints = || Decoder::List(Box::new(Decoder::Int32), 23);
        check(23, -1, Some(("its own", 23, true, Decoder::Int32)));
        check(101, -1, Some(("\"pg_catalog\".\"int4\"", 23, false, Decoder::Int32)));
        check(102, -1, Some(("\"pg_catalog\".\"numeric\"", 1700, false, Decoder::Decimal128(12, 2))));
        check(200, -1, Some(("\"pg_catalog\".\"text\"", 25, false, Decoder::Text)));
        check(1007, -1, Some(("its own", 1007, true, ints())));
        check(103, -1, Some(("\"pg_catalog\".\"_int4\"", 1007, false, ints())));
        check(104, -1, Some(("\"pg_catalog\".\"_int4\"", 1007, false, ints())));
        check(
            201,
            -1,
            Some(("\"pg_catalog\".\"_text\"", 1009, false, Decoder::List(Box::new(Decoder::Text), 25))),
        );
    }

    #[test]
    fn what_is_not_listed_is_refused() {
        check(600, -1, None);
        check(22, -1, None);
        check(300, -1, None);
        check(9_999, -1, None);
    }

    #[test]
    fn an_enum_is_compared_as_itself_and_quoted() {
        let comparable = wire(&types(), 200, -1, "").unwrap().comparable.unwrap();
        assert_eq!(comparable.cast, "\"s\".\"we\"\"ird\"");
        assert!(comparable.family.admits("a") && !comparable.family.admits("b"));
    }

    #[test]
    fn numeric_is_as_wide_as_declared() {
        let typmod = |precision: i32, scale: i32| ((precision << 16) | (scale & 0x7ff)) + 4;
        assert_eq!(numeric(-1), Decoder::Decimal256(76, 18));
        assert_eq!(numeric(typmod(12, 2)), Decoder::Decimal128(12, 2));
        assert_eq!(numeric(typmod(38, 38)), Decoder::Decimal128(38, 38));
        assert_eq!(numeric(typmod(39, 0)), Decoder::Decimal256(39, 0));
        assert_eq!(numeric(typmod(5, -3)), Decoder::Decimal128(8, 0));
        assert_eq!(numeric(typmod(2, 5)), Decoder::Decimal128(5, 5));
        assert_eq!(numeric(typmod(77, 0)), Decoder::NumericText);
        assert_eq!(numeric(typmod(1000, 500)), Decoder::NumericText);
    }
}
