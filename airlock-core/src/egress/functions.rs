//! The functions that a statement may call, and those of the engine that it may not.
//!
//! A function is allowed because it is named here. A test compares both tables with what the engine registers, so a
//! new engine cannot widen the set.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What a function may be used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One value from one row.
    Scalar,
    /// Takes a lambda.
    HigherOrder,
    /// One value from many rows; with OVER as well.
    Aggregate,
    /// With OVER only.
    Window,
    /// The time of the call, the same throughout a statement.
    Time,
}

#[rustfmt::skip]
const ALLOWED: &[(Kind, &[&str])] = &[
    (Kind::Aggregate, &[
        "count", "sum", "avg", "mean", "min", "max", "median", "stddev", "stddev_pop", "stddev_samp", "var", "var_pop",
        "var_samp", "var_sample", "var_population", "corr", "covar", "covar_pop", "covar_samp", "regr_slope",
        "regr_intercept", "regr_count", "regr_r2", "regr_avgx", "regr_avgy", "regr_sxx", "regr_syy", "regr_sxy",
        "bool_and", "bool_or", "bit_and", "bit_or", "bit_xor", "array_agg", "string_agg", "first_value", "last_value",
        "nth_value", "any_value", "approx_distinct", "approx_median", "approx_percentile_cont",
        "approx_percentile_cont_with_weight", "percentile_cont", "quantile_cont", "grouping",
    ]),
    (Kind::Window, &[
        "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead",
    ]),
    (Kind::Time, &["now", "current_date", "current_time", "current_timestamp", "today"]),
    // Conditional and core
    (Kind::Scalar, &[
        "coalesce", "nullif", "nvl", "nvl2", "ifnull", "greatest", "least", "arrow_typeof", "arrow_cast",
        "arrow_try_cast", "named_struct", "struct", "row", "get_field", "overlay", "union_extract", "union_tag",
    ]),
    // Text
    (Kind::Scalar, &[
        "ascii", "bit_length", "btrim", "trim", "ltrim", "rtrim", "character_length", "char_length", "length",
        "octet_length", "chr", "concat", "concat_ws", "contains", "ends_with", "starts_with", "initcap", "instr", "left",
        "right", "lower", "upper", "lpad", "rpad", "levenshtein", "position", "strpos", "substr", "substring",
        "substr_index", "substring_index", "find_in_set", "repeat", "replace", "reverse", "split_part", "to_hex",
        "translate", "encode", "decode", "uuid",
    ]),
    // JSON
    (Kind::Scalar, &[
        "json_get_str", "json_get_int", "json_get_float", "json_get_bool", "json_get_json", "json_as_text",
        "json_length", "json_len", "json_contains",
    ]),
    // Regular expressions
    (Kind::Scalar, &["regexp_like", "regexp_match", "regexp_replace", "regexp_count", "regexp_instr"]),
    // Numbers
    (Kind::Scalar, &[
        "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "cos", "cosh", "cot",
        "degrees", "exp", "factorial", "floor", "gcd", "isnan", "iszero", "lcm", "ln", "log", "log10", "log2", "nanvl",
        "pi", "pow", "power", "radians", "random", "rand", "round", "signum", "sin", "sinh", "sqrt", "tan", "tanh",
        "trunc",
    ]),
    // Dates and times
    (Kind::Scalar, &[
        "date_bin", "date_part", "datepart", "date_trunc", "datetrunc", "from_unixtime", "make_date", "make_time",
        "to_char", "date_format", "to_date", "to_time", "to_timestamp", "to_timestamp_millis", "to_timestamp_micros",
        "to_timestamp_nanos", "to_timestamp_seconds", "to_unixtime", "to_local_time",
    ]),
    // Digests
    (Kind::Scalar, &["md5", "sha224", "sha256", "sha384", "sha512", "digest"]),
    // Arrays and maps
    (Kind::Scalar, &[
        "make_array", "make_list", "array_append", "list_append", "array_push_back", "list_push_back", "array_prepend",
        "list_prepend", "array_push_front", "list_push_front", "array_concat", "array_cat", "list_concat", "list_cat",
        "array_has", "list_has", "array_contains", "list_contains", "array_has_all", "list_has_all", "array_has_any",
        "list_has_any", "arrays_overlap", "array_length", "list_length", "array_ndims", "list_ndims", "array_dims",
        "list_dims", "cardinality", "empty", "array_empty", "list_empty", "flatten", "array_distinct", "list_distinct",
        "array_sort", "list_sort", "array_position", "list_position", "array_indexof", "list_indexof",
        "array_positions", "list_positions", "array_element", "array_extract", "list_element", "list_extract",
        "array_slice", "list_slice", "array_to_string", "list_to_string", "array_join", "list_join", "string_to_array",
        "string_to_list", "array_min", "array_max", "list_max", "array_sum", "list_sum", "array_avg", "list_avg",
        "array_product", "list_product", "array_union", "list_union", "array_intersect", "list_intersect",
        "array_except", "list_except", "array_remove", "list_remove", "array_remove_n", "list_remove_n",
        "array_remove_all", "list_remove_all", "array_replace", "list_replace", "array_reverse", "list_reverse",
        "array_compact", "list_compact", "arrays_zip", "list_zip", "map", "map_keys", "map_values", "map_entries",
        "map_extract", "element_at", "array_repeat", "list_repeat", "array_resize", "list_resize", "range",
        "generate_series",
    ]),
    (Kind::HigherOrder, &[
        "array_any_match", "any_match", "list_any_match", "array_filter", "list_filter", "array_transform",
        "list_transform", "array_first", "list_first",
    ]),
];

/// Special forms of the planner that are no registered functions.
const SPECIAL: &[&str] = &["unnest", "make_map"];

/// Functions of the engine that are refused, and why.
#[cfg(test)]
const REFUSED: &[(&str, &[&str])] = &[
    ("tells about the host", &["version", "input_file_name", "file_row_index"]),
    (
        "reads or writes field metadata, which marks masks",
        &["arrow_metadata", "arrow_field", "with_metadata"],
    ),
    ("an internal of CAST", &["cast_to_type", "try_cast_to_type"]),
    (
        "no query has needed it",
        &[
            "array_pop_back",
            "list_pop_back",
            "array_pop_front",
            "list_pop_front",
            "array_any_value",
            "list_any_value",
            "array_normalize",
            "list_normalize",
            "array_add",
            "list_add",
            "array_scale",
            "list_scale",
            "array_subtract",
            "list_subtract",
            "cosine_distance",
            "inner_product",
            "dot_product",
            "array_distance",
            "list_distance",
            "array_replace_n",
            "list_replace_n",
            "array_replace_all",
            "list_replace_all",
        ],
    ),
];

/// Names from other dialects that mean the same with the same arguments.
const SYNONYMS: &[(&str, &str)] = &[
    ("variance", "var"),
    ("sign", "signum"),
    ("ceiling", "ceil"),
    ("every", "bool_and"),
    ("len", "length"),
    ("ucase", "upper"),
    ("lcase", "lower"),
    ("list_value", "make_array"),
    ("string_split", "string_to_array"),
    ("str_split", "string_to_array"),
    ("gen_random_uuid", "uuid"),
    ("epoch", "to_unixtime"),
    ("json_get", "json_get_json"),
    ("json_extract_path", "json_get_json"),
    ("jsonb_extract_path", "json_get_json"),
    ("json_extract_path_text", "json_as_text"),
    ("jsonb_extract_path_text", "json_as_text"),
    ("json_array_length", "json_length"),
    ("jsonb_array_length", "json_length"),
    ("jsonb_exists", "json_contains"),
];

static KINDS: LazyLock<HashMap<&'static str, Kind>> = LazyLock::new(|| {
    ALLOWED.iter().flat_map(|(kind, names)| names.iter().map(|name| (*name, *kind))).collect()
});

/// What the function may be used as; `None` when it may not be used.
pub(super) fn kind(name: &str) -> Option<Kind> {
    KINDS.get(name).copied().or_else(|| SPECIAL.contains(&name).then_some(Kind::Scalar))
}

/// Whether a statement may call the function.
pub(crate) fn is_allowed(name: &str) -> bool {
    kind(name).is_some()
}

/// The engine's name for a function of another dialect.
pub(super) fn synonym(name: &str) -> Option<&'static str> {
    SYNONYMS.iter().find(|(other, _)| *other == name).map(|(_, ours)| *ours)
}

/// Every allowed name.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ALLOWED.iter().flat_map(|(_, names)| names.iter().copied()).chain(SPECIAL.iter().copied())
}

/// At most three candidates that are spelled nearly like the name, nearest first.
pub(crate) fn nearest<'n>(name: &str, candidates: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let name: Vec<char> = name.to_lowercase().chars().take(NEAREST_CHARS_MAX).collect();
    let most = name.len().div_ceil(3).clamp(1, 4);
    let mut near: Vec<(usize, &str)> = candidates
        .filter_map(|candidate| {
            let other: Vec<char> = candidate.to_lowercase().chars().take(NEAREST_CHARS_MAX).collect();
            let distance = distance(&name, &other);
            (distance <= most).then_some((distance, candidate))
        })
        .collect();
    near.sort();
    near.dedup_by(|a, b| a.1 == b.1);
    near.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// Levenshtein's distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

const NEAREST_CHARS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every name that the engine's defaults register.
    fn registered() -> BTreeSet<String> {
        each_registered(|all, name, aliases| {
            all.insert(name.to_owned());
            all.extend(aliases.iter().cloned());
        })
    }

    /// The same without aliases.
    fn own_names() -> BTreeSet<String> {
        each_registered(|all, name, _| {
            all.insert(name.to_owned());
        })
    }

    fn each_registered(add: impl Fn(&mut BTreeSet<String>, &str, &[String])) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for f in datafusion::functions::all_default_functions() {
            add(&mut all, f.name(), f.aliases());
        }
        for f in crate::query::json::functions() {
            add(&mut all, f.name(), f.aliases());
        }
        for f in datafusion::functions_nested::all_default_nested_functions() {
            add(&mut all, f.name(), f.aliases());
        }
        for f in datafusion::functions_nested::all_default_higher_order_functions() {
            add(&mut all, f.name(), f.aliases());
        }
        for f in datafusion::functions_aggregate::all_default_aggregate_functions() {
            add(&mut all, f.name(), f.aliases());
        }
        for f in datafusion::functions_window::all_default_window_functions() {
            add(&mut all, f.name(), f.aliases());
        }
        for f in datafusion::functions_table::all_default_table_functions() {
            add(&mut all, f.name(), &[]);
        }
        all
    }

    #[test]
    fn every_function_of_the_engine_is_allowed_or_refused_by_name() {
        let refused: BTreeSet<&str> = REFUSED.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        for name in registered() {
            assert!(is_allowed(&name) ^ refused.contains(name.as_str()), "{name} is on no list, or on both");
        }
    }

    #[test]
    fn every_listed_function_exists() {
        let registered = registered();
        let refused = REFUSED.iter().flat_map(|(_, names)| names.iter().copied());
        for name in ALLOWED.iter().flat_map(|(_, names)| names.iter().copied()).chain(refused) {
            assert!(registered.contains(name), "{name} does not exist");
        }
    }

    /// The page lists the engine's own names; their aliases may be there as well.
    #[test]
    fn the_documentation_lists_every_function_and_no_other() {
        let page = include_str!("../../../docs/sql.md");
        let (_, listed) = page.split_once("## Functions").expect("the page has a part on functions");
        let word = |c: char| !(c.is_ascii_alphanumeric() || "_*".contains(c));
        let paragraphs = listed.lines().map(|l| l.split_once("**: ").map_or(l, |(_, names)| names));
        let told: BTreeSet<&str> = paragraphs.flat_map(|l| l.split(word)).filter(|w| w.len() > 1).collect();
        let own = |f: &str| is_allowed(f) && !told.contains(f) && !f.starts_with("regr_");
        let missing: Vec<String> = own_names().into_iter().filter(|f| own(f)).collect();
        assert!(missing.is_empty(), "docs/sql.md does not list {missing:?}");
    }

    #[test]
    fn synonyms_lead_to_allowed_functions_and_hide_none() {
        for (other, ours) in SYNONYMS {
            assert!(is_allowed(ours), "{ours}");
            assert!(!registered().contains(*other), "{other}");
        }
    }

    #[test]
    fn no_name_is_listed_twice() {
        let mut seen = BTreeSet::new();
        for name in names() {
            assert!(seen.insert(name), "{name}");
        }
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        assert_eq!(nearest("summ", names()).first(), Some(&"sum"));
        assert_eq!(nearest("date_truncate", names()).first(), Some(&"date_trunc"));
        assert!(nearest("pg_read_file", names()).is_empty());
    }
}
