//! L3 over type names: what may stand in CAST, `::` and typed literals.

use datafusion::sql::sqlparser::ast::{ArrayElemTypeDef, DataType, StructField};

use super::refusal::quoted;
use super::walk::unknown_form;
use super::{Detail, Refusal, Verdict};

/// Whether the type may be named. Types that the engine does not know pass when they are harmless: the planner says so.
pub(super) fn check(data_type: &DataType) -> Result<(), Verdict> {
    let mut inner = data_type;
    for _ in 0..TYPE_DEPTH_MAX {
        match step(inner)? {
            None => return Ok(()),
            Some(element) => inner = element,
        }
    }
    Err(Refusal::new(Detail::TooDeep, format!("a type is nested more than {TYPE_DEPTH_MAX} deep")).into())
}

/// Checks one level; returns the element type that is left to check.
fn step(data_type: &DataType) -> Result<Option<&DataType>, Verdict> {
    match data_type {
        DataType::Character(_)
        | DataType::Char(_)
        | DataType::CharacterVarying(_)
        | DataType::CharVarying(_)
        | DataType::Varchar(_)
        | DataType::Nvarchar(_)
        | DataType::Uuid
        | DataType::Binary(_)
        | DataType::Varbinary(_)
        | DataType::Blob(_)
        | DataType::Bytes(_)
        | DataType::Numeric(_)
        | DataType::Decimal(_)
        | DataType::Dec(_)
        | DataType::Float(_)
        | DataType::TinyInt(_)
        | DataType::TinyIntUnsigned(_)
        | DataType::UTinyInt
        | DataType::Int2(_)
        | DataType::Int2Unsigned(_)
        | DataType::SmallInt(_)
        | DataType::SmallIntUnsigned(_)
        | DataType::USmallInt
        | DataType::MediumInt(_)
        | DataType::Int(_)
        | DataType::Int4(_)
        | DataType::Int8(_)
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Integer(_)
        | DataType::IntUnsigned(_)
        | DataType::Int4Unsigned(_)
        | DataType::IntegerUnsigned(_)
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::BigInt(_)
        | DataType::BigIntUnsigned(_)
        | DataType::UBigInt
        | DataType::Int8Unsigned(_)
        | DataType::Signed
        | DataType::SignedInteger
        | DataType::Unsigned
        | DataType::UnsignedInteger
        | DataType::Float4
        | DataType::Float32
        | DataType::Float64
        | DataType::Real
        | DataType::Float8
        | DataType::Double(_)
        | DataType::DoublePrecision
        | DataType::Bool
        | DataType::Boolean
        | DataType::Date
        | DataType::Date32
        | DataType::Time(..)
        | DataType::Datetime(_)
        | DataType::Timestamp(..)
        | DataType::TimestampNtz(_)
        | DataType::Interval { fields: _, precision: _ }
        | DataType::Text
        | DataType::String(_)
        | DataType::Bytea => Ok(None),
        DataType::Array(ArrayElemTypeDef::None) => Ok(None),
        DataType::Array(
            ArrayElemTypeDef::AngleBracket(element)
            | ArrayElemTypeDef::SquareBracket(element, _)
            | ArrayElemTypeDef::Parenthesis(element),
        ) => Ok(Some(element)),
        DataType::Struct(fields, _) => {
            for StructField { field_name: _, field_type, options } in fields {
                // One level: a struct of structs is nothing that a query writes down.
                if options.is_some() || matches!(field_type, DataType::Struct(..)) {
                    return Err(unknown_form("a struct type of this kind"));
                }
                if let Some(element) = step(field_type)?
                    && step(element)?.is_some()
                {
                    return Err(unknown_form("a struct type of this kind"));
                }
            }
            Ok(None)
        }
        DataType::Regclass => Err(catalog_type("regclass")),
        DataType::Custom(name, _) => {
            let written = name.to_string().to_lowercase();
            let bare =
                written.trim_matches('"').rsplit('.').next().unwrap_or_default().trim_matches('"').to_owned();
            if bare.starts_with("reg") || bare.starts_with("pg_") || written.starts_with("pg_") {
                return Err(catalog_type(&bare));
            }
            Err(Verdict::sql(format!("type {} does not exist", quoted(&bare))))
        }
        DataType::JSON | DataType::JSONB => Err(Verdict::sql_hint(
            "the type json is not available",
            "JSON columns are text; use text functions",
        )),
        DataType::Table(_)
        | DataType::NamedTable { name: _, columns: _ }
        | DataType::CharacterLargeObject(_)
        | DataType::CharLargeObject(_)
        | DataType::Clob(_)
        | DataType::TinyBlob
        | DataType::MediumBlob
        | DataType::LongBlob
        | DataType::DecimalUnsigned(_)
        | DataType::BigNumeric(_)
        | DataType::BigDecimal(_)
        | DataType::DecUnsigned(_)
        | DataType::FloatUnsigned(_)
        | DataType::MediumIntUnsigned(_)
        | DataType::Int128
        | DataType::Int256
        | DataType::HugeInt
        | DataType::UHugeInt
        | DataType::UInt128
        | DataType::UInt256
        | DataType::RealUnsigned
        | DataType::DoubleUnsigned(_)
        | DataType::DoublePrecisionUnsigned
        | DataType::Datetime64(..)
        | DataType::TinyText
        | DataType::MediumText
        | DataType::LongText
        | DataType::FixedString(_)
        | DataType::Bit(_)
        | DataType::BitVarying(_)
        | DataType::VarBit(_)
        | DataType::Map(..)
        | DataType::Tuple(_)
        | DataType::Nested(_)
        | DataType::Enum(..)
        | DataType::Set(_)
        | DataType::Union(_)
        | DataType::Nullable(_)
        | DataType::LowCardinality(_)
        | DataType::Unspecified
        | DataType::Trigger
        | DataType::AnyType
        | DataType::GeometricType(_)
        | DataType::TsVector
        | DataType::TsQuery => Err(Verdict::sql("this type is not available")),
    }
}

fn catalog_type(name: &str) -> Verdict {
    Refusal::new(Detail::SystemRelation, format!("type {} looks into the system catalog", quoted(name)))
        .with_hint("use the get_schema tool")
        .into()
}

/// Whether `arrow_cast` may be asked for this type: plain types only. Fixed sizes would allocate what they name.
pub(super) fn is_plain_arrow(name: &str) -> bool {
    const PLAIN: &[&str] = &[
        "Boolean",
        "Int8",
        "Int16",
        "Int32",
        "Int64",
        "UInt8",
        "UInt16",
        "UInt32",
        "UInt64",
        "Float16",
        "Float32",
        "Float64",
        "Utf8",
        "LargeUtf8",
        "Utf8View",
        "Binary",
        "LargeBinary",
        "BinaryView",
        "Date32",
        "Date64",
        "Null",
    ];
    const SIZED: &[&str] =
        &["Timestamp(", "Time32(", "Time64(", "Duration(", "Interval(", "Decimal128(", "Decimal256("];
    PLAIN.contains(&name) || (name.len() <= 64 && SIZED.iter().any(|s| name.starts_with(s)))
}

const TYPE_DEPTH_MAX: usize = 4;
