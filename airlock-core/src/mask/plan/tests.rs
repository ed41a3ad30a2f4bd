use std::collections::{BTreeMap, HashSet};

use arrow::array::{
    AsArray, BinaryViewArray, Date32Array, Int16Array, Int32Array, Int64Array, StringViewArray,
    StringViewBuilder,
};
use arrow::datatypes::{Int32Type, Int64Type};
use proptest::prelude::*;

use super::*;
use crate::mask::{ConstantValue, DateUnit, EmailDomain, Entity, MaskSpec, Masking, masked_type};
use crate::policy::{Include, OnLimit, TableRef};
use crate::secret::Secret;
use crate::snapshot::plan::{ColumnMask, EdgePlan};

fn keys() -> MaskKeys {
    MaskKeys::new(Secret::new([5; 32]), "t_a".parse().unwrap())
}

fn hash() -> MaskSpec {
    MaskSpec::Hash {
        length: 16,
        prefix: String::new(),
        key: "k1".into(),
        lower: false,
        trim: false,
        as_text: false,
    }
}

fn email() -> MaskSpec {
    MaskSpec::Email { domain: EmailDomain::Keep, length: 10, key: "k1".into() }
}

fn scrub() -> MaskSpec {
    MaskSpec::Scrub { entities: vec![Entity::Email, Entity::Phone], replacement: None }
}

fn column(name: &str, raw: DataType, domain: &str, steps: Vec<MaskSpec>) -> ColumnPlan {
    let masking = Masking { steps, on_error: OnMaskError::Null, domain: None, same_as: None };
    let data_type = masked_type(&masking, &raw).expect("the mask handles the type");
    ColumnPlan {
        name: name.into(),
        source_type: "text".into(),
        raw_type: raw,
        data_type,
        nullable: true,
        mask: (!masking.steps.is_empty()).then(|| ColumnMask { masking, domain: domain.into() }),
        labels: vec![],
        description: None,
    }
}

fn table(columns: Vec<ColumnPlan>) -> TablePlan {
    TablePlan {
        name: "t".into(),
        source: TableRef { schema: "public".into(), name: "t".into() },
        edge: EdgePlan::Global,
        columns,
        traversal_only: vec![],
        key: vec![],
        foreign_keys: vec![],
        order_by: vec![],
        max_rows: 1000,
        on_limit: OnLimit::Truncate,
        include: Include::Rows,
        description: None,
        excluded_columns: 0,
    }
}

fn masked(plan: &TablePlan, raw: &RecordBatch) -> Result<(RecordBatch, MaskCounts), MaskError> {
    let masks = TableMasks::new(plan, &keys())?;
    let (batch, counts) = masks.apply(raw, &mut MaskState::new(&keys()))?;
    assert_eq!(batch.get().schema(), *masks.schema());
    Ok((batch.into_inner(), counts))
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap()
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<StringViewArray>())
}

fn strings(batch: &RecordBatch, column: usize) -> Vec<Option<String>> {
    Texts::of(batch.column(column)).unwrap().cells().map(|c| c.map(str::to_owned)).collect()
}

#[test]
fn a_shared_domain_joins_and_others_do_not() {
    let plan = table(vec![
        column("users_email", DataType::Utf8View, "users.email", vec![email()]),
        column("orders_email", DataType::Utf8View, "users.email", vec![email()]),
        column("other_email", DataType::Utf8View, "t.other_email", vec![email()]),
    ]);
    let raw = texts(&[Some("a@x.com"), None, Some("caf\u{e9}@x.com")]);
    let nfd = texts(&[Some("a@x.com"), None, Some("cafe\u{301}@x.com")]);
    let (out, _) = masked(
        &plan,
        &batch(vec![("users_email", raw.clone()), ("orders_email", nfd), ("other_email", raw)]),
    )
    .unwrap();
    assert_eq!(strings(&out, 0), strings(&out, 1));
    assert_ne!(strings(&out, 0)[0], strings(&out, 2)[0]);
    assert_eq!(strings(&out, 0)[1], None);
}

#[test]
fn an_int4_key_joins_an_int8_key() {
    let plan = table(vec![
        column("id", DataType::Int64, "users.id", vec![hash()]),
        column("user_id", DataType::Int32, "users.id", vec![hash()]),
        column(
            "explicit",
            DataType::Int64,
            "users.id",
            vec![MaskSpec::HashInt { bits: 53, key: "k1".into() }],
        ),
    ]);
    let wide: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(42), None]));
    let raw = batch(vec![
        ("id", wide.clone()),
        ("user_id", Arc::new(Int32Array::from(vec![Some(1), Some(42), None]))),
        ("explicit", wide),
    ]);
    let (out, _) = masked(&plan, &raw).unwrap();
    assert_eq!(out.column(1).data_type(), &DataType::Int32);
    let ids: Vec<_> = out.column(0).as_primitive::<Int64Type>().iter().collect();
    let user_ids: Vec<_> =
        out.column(1).as_primitive::<Int32Type>().iter().map(|v| v.map(i64::from)).collect();
    assert_eq!(ids, user_ids);
    assert_ne!(ids[0], Some(1));
    assert_eq!(out.column(0), out.column(2));
}

#[test]
fn a_mask_is_told_in_the_schema_and_clear_is_not() {
    let clear = MaskSpec::Clear { reason: "public".into() };
    let plan = table(vec![
        column("a", DataType::Utf8View, "t.a", vec![hash()]),
        column("b", DataType::Utf8View, "t.b", vec![clear]),
        column("c", DataType::Utf8View, "t.c", vec![]),
    ]);
    let masks = TableMasks::new(&plan, &keys()).unwrap();
    let kinds: Vec<_> = masks.schema().fields().iter().map(|f| f.metadata().get(MASK_KEY).cloned()).collect();
    assert_eq!(kinds, [Some("hash".to_owned()), None, None]);
}

#[test]
fn hidden_columns_are_not_selected_and_keys_are() {
    let constant = MaskSpec::Constant { value: ConstantValue::Int(7), apply_to_null: false };
    let mut plan = table(vec![
        column("secret", DataType::Utf8View, "t.secret", vec![MaskSpec::Null]),
        column("fixed", DataType::Int16, "t.fixed", vec![constant]),
        column("name", DataType::Utf8View, "t.name", vec![hash()]),
    ]);
    plan.traversal_only = vec!["parent_id".into()];
    plan.key = vec!["id".into(), "name".into()];
    let masks = TableMasks::new(&plan, &keys()).unwrap();
    assert_eq!(masks.selected_columns(), ["name", "parent_id", "id"]);

    let raw = batch(vec![("name", texts(&[Some("x"), None]))]);
    let (out, _) = masked(&plan, &raw).unwrap();
    assert_eq!(out.column(0).null_count(), 2);
    assert_eq!(out.column(1).as_ref(), &Int16Array::from(vec![7, 7]) as &dyn Array);
}

#[test]
fn a_renamed_or_retyped_column_fails_the_batch() {
    let plan = table(vec![column("email", DataType::Utf8View, "t.email", vec![hash()])]);
    let drift = MaskError::Drift { column: "t.email".into() };
    let renamed = batch(vec![("mail", texts(&[Some("a@b.c")]))]);
    assert_eq!(masked(&plan, &renamed).unwrap_err(), drift);
    let retyped = batch(vec![("email", Arc::new(Int32Array::from(vec![1])))]);
    assert_eq!(masked(&plan, &retyped).unwrap_err(), drift);
}

#[test]
fn bad_cells_become_null_or_fail_the_export() {
    let mut plan = table(vec![column("id", DataType::Utf8View, "t.id", vec![hash()])]);
    plan.columns[0].source_type = "uuid".into();
    plan.columns[0].nullable = false;
    let raw = batch(vec![("id", texts(&[Some("no uuid"), Some("0190163d-8694-739b-aea5-966c26f8ad91")]))]);
    let (out, counts) = masked(&plan, &raw).unwrap();
    assert_eq!((out.column(0).null_count(), counts.errors), (1, 1));
    plan.columns[0].mask.as_mut().unwrap().masking.on_error = OnMaskError::Fail;
    let error = masked(&plan, &raw).unwrap_err();
    assert_eq!(error, MaskError::Cell { column: "t.id".into() });
    assert!(!format!("{error} {error:?}").contains("no uuid"));
}

#[test]
fn masks_run_from_left_to_right() {
    let plan = table(vec![column(
        "zip",
        DataType::Utf8View,
        "t.zip",
        vec![MaskSpec::Truncate { length: 3 }, hash()],
    )]);
    let (out, _) =
        masked(&plan, &batch(vec![("zip", texts(&[Some("94103"), Some("94199"), Some("10001")]))])).unwrap();
    let out = strings(&out, 0);
    assert_eq!(out[0], out[1]);
    assert_ne!(out[1], out[2]);
}

#[test]
fn types_follow_the_matrix_and_misfits_are_refused() {
    let dictionary = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
    for (spec, raw, expected) in [
        (hash(), DataType::Int32, Some(DataType::Int32)),
        (hash(), DataType::Decimal128(10, 0), Some(DataType::Utf8View)),
        (hash(), DataType::Date32, Some(DataType::Utf8View)),
        (hash(), dictionary.clone(), Some(DataType::Utf8View)),
        (hash(), DataType::BinaryView, Some(DataType::Utf8View)),
        (MaskSpec::Null, DataType::BinaryView, Some(DataType::BinaryView)),
        (MaskSpec::Truncate { length: 3 }, DataType::Int32, None),
        (MaskSpec::DateTrunc { unit: DateUnit::Hour }, DataType::Date32, None),
        (email(), DataType::Int64, None),
        (scrub(), dictionary, Some(DataType::Utf8View)),
    ] {
        assert_eq!(masked_type(&Masking::one(spec.clone()), &raw), expected, "{spec:?} {raw}");
    }
    let mut plan = table(vec![column("a", DataType::Utf8View, "t.a", vec![hash()])]);
    plan.columns[0].data_type = DataType::Date32;
    assert!(matches!(TableMasks::new(&plan, &keys()), Err(MaskError::Type { .. })));
}

#[test]
fn redact_of_a_number_is_null_and_of_an_enum_is_text() {
    let redact = MaskSpec::Redact { text: "***".into() };
    let dictionary = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
    let plan = table(vec![
        column("n", DataType::Int64, "t.n", vec![redact.clone()]),
        column("e", dictionary, "t.e", vec![redact]),
    ]);
    let raw = batch(vec![
        ("n", Arc::new(Int64Array::from(vec![1, 2]))),
        ("e", Arc::new(arrow::array::DictionaryArray::<Int32Type>::from_iter([Some("a"), None]))),
    ]);
    let (out, counts) = masked(&plan, &raw).unwrap();
    assert_eq!((out.column(0).null_count(), counts), (2, MaskCounts::default()));
    assert_eq!(strings(&out, 1), [Some("***".to_owned()), None]);
}

#[test]
fn free_text_loses_masked_values_of_this_and_earlier_tables() {
    let users = table(vec![
        column("name", DataType::Utf8View, "users.name", vec![MaskSpec::Redact { text: "***".into() }]),
        column("city", DataType::Utf8View, "users.city", vec![]),
    ]);
    let notes = table(vec![
        column("author", DataType::Utf8View, "notes.author", vec![hash()]),
        column("body", DataType::Utf8View, "notes.body", vec![scrub()]),
    ]);
    let mut state = MaskState::new(&keys());
    let users_raw = batch(vec![("name", texts(&[Some("Zoë Quartz")])), ("city", texts(&[Some("Oslo")]))]);
    TableMasks::new(&users, &keys()).unwrap().apply(&users_raw, &mut state).unwrap();
    let notes_raw = batch(vec![
        ("author", texts(&[Some("helper77")])),
        ("body", texts(&[Some("ZOE QUARTZ in Oslo, Quartz says helper77, mail z@q.de")])),
    ]);
    let masks = TableMasks::new(&notes, &keys()).unwrap();
    assert!(masks.scrubs());
    let (out, _) = masks.apply(&notes_raw, &mut state).unwrap();
    assert_eq!(
        strings(out.get(), 1)[0].as_deref(),
        Some("<REDACTED> in Oslo, <REDACTED> says <REDACTED>, mail <EMAIL>")
    );
}

#[test]
fn collisions_are_found_across_tables_of_an_export() {
    let short = MaskSpec::HashInt { bits: 2, key: "k1".into() };
    let plan = table(vec![column("id", DataType::Int64, "users.id", vec![short])]);
    let masks = TableMasks::new(&plan, &keys()).unwrap();
    let mut state = MaskState::new(&keys());
    let mut apply = |values: Vec<i64>| {
        masks.apply(&batch(vec![("id", Arc::new(Int64Array::from(values)))]), &mut state).map(|_| ())
    };
    assert_eq!(apply(vec![0, 1, 2, 3]), Ok(()));
    assert_eq!(apply(vec![3, 2]), Ok(()));
    assert_eq!(apply(vec![4]), Err(MaskError::Collision { column: "t.id".into() }));
}

#[test]
fn long_cells_are_cut_and_counted() {
    let plan = table(vec![
        column("text", DataType::Utf8View, "t.text", vec![]),
        column("hash", DataType::Utf8View, "t.hash", vec![hash()]),
        column("blob", DataType::BinaryView, "t.blob", vec![]),
    ]);
    let long = "x".repeat(200);
    let raw = batch(vec![
        ("text", texts(&[Some(&long), Some("ok")])),
        ("hash", texts(&[Some(&long), Some("ok")])),
        ("blob", Arc::new(BinaryViewArray::from(vec![Some(long.as_bytes()), None]))),
    ]);
    let masks = TableMasks::new(&plan, &keys()).unwrap().with_max_cell_bytes(100);
    let (out, counts) = masks.apply(&raw, &mut MaskState::new(&keys())).unwrap();
    assert_eq!(counts, MaskCounts { errors: 1, cut: 1 });
    assert!(strings(out.get(), 0)[0].as_ref().is_some_and(|t| t.len() <= 100 && t.ends_with("bytes)")));
    assert_eq!(strings(out.get(), 1)[0].as_ref().map(String::len), Some(16));
    assert_eq!(out.get().column(2).null_count(), 2);
}

#[test]
fn dates_constants_and_partials_keep_rows_and_nulls() {
    let constant =
        MaskSpec::Constant { value: ConstantValue::Text("1970-01-01".into()), apply_to_null: true };
    let plan = table(vec![
        column("born", DataType::Date32, "t.born", vec![MaskSpec::DateTrunc { unit: DateUnit::Year }]),
        column("seen", DataType::Date32, "t.seen", vec![constant]),
    ]);
    let raw = batch(vec![("born", Arc::new(Date32Array::from(vec![Some(400), None])))]);
    let (out, _) = masked(&plan, &raw).unwrap();
    assert_eq!(out.column(0).as_ref(), &Date32Array::from(vec![Some(365), None]) as &dyn Array);
    assert_eq!(out.column(1).as_ref(), &Date32Array::from(vec![0, 0]) as &dyn Array);
}

/// Two tables that share a key, as rows of a small database.
#[derive(Clone, Debug)]
struct Keys {
    parents: Vec<Option<String>>,
    children: Vec<Option<String>>,
}

fn some_keys() -> impl Strategy<Value = Keys> {
    let key = || proptest::option::weighted(0.9, "[a-dé]{0,2}");
    (proptest::collection::vec(key(), 0..30), proptest::collection::vec(key(), 0..30))
        .prop_map(|(parents, children)| Keys { parents, children })
}

/// What an agent can ask of two key columns: inner join, anti join, groups, distinct values, each by row number.
fn asked(parents: &[Option<String>], children: &[Option<String>]) -> impl PartialEq + std::fmt::Debug {
    let join: Vec<(usize, usize)> = parents
        .iter()
        .enumerate()
        .flat_map(|(p, parent)| {
            children
                .iter()
                .enumerate()
                .filter(move |(_, c)| c.is_some() && *c == parent)
                .map(move |(c, _)| (p, c))
        })
        .collect();
    let dangling: Vec<usize> = children
        .iter()
        .enumerate()
        .filter(|(_, c)| c.is_some() && !parents.contains(c))
        .map(|(i, _)| i)
        .collect();
    let mut groups: BTreeMap<&Option<String>, usize> = BTreeMap::new();
    children.iter().for_each(|c| *groups.entry(c).or_default() += 1);
    let mut sizes: Vec<usize> = groups.into_values().collect();
    sizes.sort_unstable();
    let distinct = parents.iter().flatten().collect::<HashSet<_>>().len();
    (join, dangling, sizes, distinct)
}

proptest! {
    // A share of the usual number, which PROPTEST_CASES sets.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases * 3 / 16))]

    #[test]
    fn joins_and_groups_give_the_same_answers_on_masked_keys(keys in some_keys(), mail: bool) {
        let spec = if mail { email() } else { hash() };
        let plan = table(vec![column("k", DataType::Utf8View, "p.k", vec![spec])]);
        let masks = TableMasks::new(&plan, &self::keys()).unwrap();
        let mut state = MaskState::new(&self::keys());
        let mut mask = |values: &[Option<String>]| {
            let raw: StringViewArray = values.iter().cloned().collect();
            let (out, counts) = masks.apply(&batch(vec![("k", Arc::new(raw))]), &mut state).unwrap();
            assert_eq!(counts, MaskCounts::default());
            strings(out.get(), 0)
        };
        let (parents, children) = (mask(&keys.parents), mask(&keys.children));
        prop_assert_eq!(asked(&parents, &children), asked(&keys.parents, &keys.children));
        prop_assert_eq!(mask(&keys.parents), parents);
    }

    #[test]
    fn every_mask_keeps_rows_and_nulls_and_is_deterministic(
        values in proptest::collection::vec(proptest::option::of("\\PC{0,12}"), 0..20),
        which in 0usize..7,
    ) {
        let partial = MaskSpec::Partial { keep_first: 1, keep_last: 1, char: '*', min_masked: 1, keep_separators: true, fixed_length: false };
        let spec = [hash(), email(), partial, MaskSpec::Redact { text: "***".into() }, MaskSpec::Truncate { length: 3 }, scrub(),
            MaskSpec::Clear { reason: "r".into() }][which].clone();
        let plan = table(vec![column("v", DataType::Utf8View, "t.v", vec![spec])]);
        let mut raw = StringViewBuilder::new();
        values.iter().for_each(|v| raw.append_option(v.as_ref()));
        let raw = batch(vec![("v", Arc::new(raw.finish()))]);
        let (once, counts) = masked(&plan, &raw).unwrap();
        prop_assert_eq!(once.num_rows(), values.len());
        prop_assert_eq!(counts, MaskCounts::default());
        prop_assert_eq!(once.column(0).logical_nulls(), raw.column(0).logical_nulls());
        prop_assert_eq!(&once, &masked(&plan, &raw).unwrap().0);
    }

    #[test]
    fn integer_keys_never_collide(values in proptest::collection::hash_set(0i64.., 1..200)) {
        let plan = table(vec![column("id", DataType::Int64, "users.id", vec![hash()])]);
        let raw: Int64Array = values.iter().map(|v| Some(*v)).collect();
        let (out, _) = masked(&plan, &batch(vec![("id", Arc::new(raw))])).unwrap();
        let images: HashSet<i64> = out.column(0).as_primitive::<Int64Type>().iter().flatten().collect();
        prop_assert_eq!(images.len(), values.len());
    }
}
