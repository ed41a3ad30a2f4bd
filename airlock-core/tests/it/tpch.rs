//! The 22 queries of TPC-H over small tables: ordinary analytics must pass every layer and run.

use std::sync::Arc;

use airlock_core::policy::limits::Limits;
use airlock_core::query::Session;
use airlock_core::snapshot::MemoryTable;
use arrow::array::{ArrayRef, Date32Array, Decimal128Array};

use crate::fixture::{ints, on_query_thread, rows, run_with, table, text};

/// Fixed pseudo-random numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as i64) % n
    }
    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as i64) as usize]
    }
}

fn money(cents: Vec<i64>) -> ArrayRef {
    let cents = cents.into_iter().map(i128::from);
    Arc::new(Decimal128Array::from_iter_values(cents).with_precision_and_scale(15, 2).unwrap())
}

fn dates(days: Vec<i64>) -> ArrayRef {
    Arc::new(Date32Array::from(days.into_iter().map(|d| d as i32).collect::<Vec<_>>()))
}

fn words(values: Vec<String>) -> ArrayRef {
    text(&values.iter().map(String::as_str).collect::<Vec<_>>())
}

const NATIONS: [&str; 25] = [
    "ALGERIA",
    "ARGENTINA",
    "BRAZIL",
    "CANADA",
    "EGYPT",
    "ETHIOPIA",
    "FRANCE",
    "GERMANY",
    "INDIA",
    "INDONESIA",
    "IRAN",
    "IRAQ",
    "JAPAN",
    "JORDAN",
    "KENYA",
    "MOROCCO",
    "MOZAMBIQUE",
    "PERU",
    "CHINA",
    "ROMANIA",
    "SAUDI ARABIA",
    "VIETNAM",
    "RUSSIA",
    "UNITED KINGDOM",
    "UNITED STATES",
];
const REGION_OF: [i64; 25] = [0, 1, 1, 1, 4, 0, 3, 3, 2, 2, 4, 4, 2, 4, 0, 0, 0, 1, 2, 3, 4, 2, 3, 3, 1];
const SUPPLIERS: i64 = 20;
const CUSTOMERS: i64 = 60;
const PARTS: i64 = 80;
const ORDERS: i64 = 300;
/// 1992-01-01.
const FIRST_DAY: i64 = 8_035;

fn tpch() -> Vec<MemoryTable> {
    let mut dice = Dice(7);
    let mut many = |n: i64, f: &mut dyn FnMut(&mut Dice, i64) -> i64| {
        (0..n).map(|i| f(&mut dice, i)).collect::<Vec<_>>()
    };
    let region = table(
        "region",
        vec![
            ("r_regionkey", ints((0..5).collect()), None),
            ("r_name", text(&["AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"]), None),
            ("r_comment", text(&[""; 5]), None),
        ],
    );
    let nation = table(
        "nation",
        vec![
            ("n_nationkey", ints((0..25).collect()), None),
            ("n_name", text(&NATIONS), None),
            ("n_regionkey", ints(REGION_OF.to_vec()), None),
            ("n_comment", text(&[""; 25]), None),
        ],
    );
    let keyed = |prefix: &str, n: i64| words((0..n).map(|i| format!("{prefix}#{i:09}")).collect());
    let supplier_nation = many(SUPPLIERS, &mut |d, _| d.below(25));
    let supplier_balance = many(SUPPLIERS, &mut |d, _| d.below(1_000_000) - 10_000);
    let supplier = table(
        "supplier",
        vec![
            ("s_suppkey", ints((0..SUPPLIERS).collect()), None),
            ("s_name", keyed("Supplier", SUPPLIERS), None),
            ("s_address", keyed("Address", SUPPLIERS), None),
            ("s_nationkey", ints(supplier_nation), None),
            ("s_phone", keyed("13-555", SUPPLIERS), None),
            ("s_acctbal", money(supplier_balance), None),
            ("s_comment", keyed("comment", SUPPLIERS), None),
        ],
    );
    let customer_nation = many(CUSTOMERS, &mut |d, _| d.below(25));
    let customer_balance = many(CUSTOMERS, &mut |d, _| d.below(1_000_000) - 10_000);
    let country = many(CUSTOMERS, &mut |d, _| 10 + d.below(25));
    let segment = many(CUSTOMERS, &mut |d, _| d.below(5));
    let customer = table(
        "customer",
        vec![
            ("c_custkey", ints((0..CUSTOMERS).collect()), None),
            ("c_name", keyed("Customer", CUSTOMERS), None),
            ("c_address", keyed("Address", CUSTOMERS), None),
            ("c_nationkey", ints(customer_nation), None),
            ("c_phone", words(country.iter().map(|c| format!("{c}-555-0100")).collect()), None),
            ("c_acctbal", money(customer_balance), None),
            (
                "c_mktsegment",
                words(
                    segment
                        .iter()
                        .map(|&s| {
                            ["AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY", "HOUSEHOLD"][s as usize]
                                .to_owned()
                        })
                        .collect(),
                ),
                None,
            ),
            ("c_comment", keyed("comment", CUSTOMERS), None),
        ],
    );
    let mut dice = Dice(11);
    let (mut names, mut brands, mut types, mut sizes, mut containers) =
        (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..PARTS {
        names.push(format!(
            "{} {}",
            dice.pick(&["green", "forest", "almond", "blue"]),
            dice.pick(&["lace", "metal", "snow"])
        ));
        brands.push(format!("Brand#{}{}", 1 + dice.below(5), 1 + dice.below(5)));
        types.push(format!(
            "{} {} {}",
            dice.pick(&["STANDARD", "PROMO", "ECONOMY", "MEDIUM"]),
            dice.pick(&["ANODIZED", "POLISHED"]),
            dice.pick(&["STEEL", "BRASS", "TIN"])
        ));
        sizes.push(1 + dice.below(50));
        containers.push(format!(
            "{} {}",
            dice.pick(&["SM", "MED", "LG"]),
            dice.pick(&["CASE", "BOX", "BAG", "PKG"])
        ));
    }
    let part = table(
        "part",
        vec![
            ("p_partkey", ints((0..PARTS).collect()), None),
            ("p_name", words(names), None),
            ("p_mfgr", keyed("Manufacturer", PARTS), None),
            ("p_brand", words(brands), None),
            ("p_type", words(types), None),
            ("p_size", ints(sizes), None),
            ("p_container", words(containers), None),
            ("p_retailprice", money((0..PARTS).map(|i| 90_000 + i * 10).collect()), None),
            ("p_comment", keyed("comment", PARTS), None),
        ],
    );
    let pairs: Vec<(i64, i64)> =
        (0..PARTS).flat_map(|p| (0..4).map(move |s| (p, (p + s * 5) % SUPPLIERS))).collect();
    let partsupp = table(
        "partsupp",
        vec![
            ("ps_partkey", ints(pairs.iter().map(|p| p.0).collect()), None),
            ("ps_suppkey", ints(pairs.iter().map(|p| p.1).collect()), None),
            ("ps_availqty", ints(pairs.iter().map(|_| dice.below(10_000)).collect()), None),
            ("ps_supplycost", money(pairs.iter().map(|_| dice.below(100_000)).collect()), None),
            ("ps_comment", words(pairs.iter().map(|_| String::new()).collect()), None),
        ],
    );
    let order_days: Vec<i64> = (0..ORDERS).map(|_| FIRST_DAY + dice.below(2_400)).collect();
    let orders = table(
        "orders",
        vec![
            ("o_orderkey", ints((0..ORDERS).collect()), None),
            ("o_custkey", ints((0..ORDERS).map(|_| dice.below(CUSTOMERS * 2 / 3)).collect()), None),
            (
                "o_orderstatus",
                words((0..ORDERS).map(|_| dice.pick(&["F", "O", "P"]).to_owned()).collect()),
                None,
            ),
            ("o_totalprice", money((0..ORDERS).map(|_| dice.below(50_000_000)).collect()), None),
            ("o_orderdate", dates(order_days.clone()), None),
            (
                "o_orderpriority",
                words(
                    (0..ORDERS)
                        .map(|_| dice.pick(&["1-URGENT", "2-HIGH", "3-MEDIUM", "5-LOW"]).to_owned())
                        .collect(),
                ),
                None,
            ),
            ("o_clerk", keyed("Clerk", ORDERS), None),
            ("o_shippriority", ints(vec![0; ORDERS as usize]), None),
            (
                "o_comment",
                words(
                    (0..ORDERS)
                        .map(|_| dice.pick(&["special packages requests", "plain"]).to_owned())
                        .collect(),
                ),
                None,
            ),
        ],
    );
    let lines: Vec<(i64, i64)> = (0..ORDERS).flat_map(|o| (1..=4).map(move |l| (o, l))).collect();
    let line_parts: Vec<i64> = lines.iter().map(|_| dice.below(PARTS)).collect();
    let ship: Vec<i64> = lines.iter().map(|(o, _)| order_days[*o as usize] + 1 + dice.below(120)).collect();
    let mut column = |of: &[&str]| words(lines.iter().map(|_| dice.pick(of).to_owned()).collect());
    let (flags, statuses) = (column(&["R", "A", "N"]), column(&["O", "F"]));
    let (instructions, modes) =
        (column(&["DELIVER IN PERSON", "NONE"]), column(&["MAIL", "SHIP", "AIR", "AIR REG", "RAIL"]));
    let lineitem = table(
        "lineitem",
        vec![
            ("l_orderkey", ints(lines.iter().map(|l| l.0).collect()), None),
            ("l_partkey", ints(line_parts.clone()), None),
            (
                "l_suppkey",
                ints(line_parts.iter().map(|p| (p + dice.below(4) * 5) % SUPPLIERS).collect()),
                None,
            ),
            ("l_linenumber", ints(lines.iter().map(|l| l.1).collect()), None),
            ("l_quantity", money(lines.iter().map(|_| 100 + dice.below(50) * 100).collect()), None),
            ("l_extendedprice", money(lines.iter().map(|_| dice.below(10_000_000)).collect()), None),
            ("l_discount", money(lines.iter().map(|_| dice.below(11)).collect()), None),
            ("l_tax", money(lines.iter().map(|_| dice.below(9)).collect()), None),
            ("l_returnflag", flags, None),
            ("l_linestatus", statuses, None),
            ("l_shipdate", dates(ship.clone()), None),
            ("l_commitdate", dates(ship.iter().map(|d| d + dice.below(60) - 30).collect()), None),
            ("l_receiptdate", dates(ship.iter().map(|d| d + 1 + dice.below(30)).collect()), None),
            ("l_shipinstruct", instructions, None),
            ("l_shipmode", modes, None),
            ("l_comment", words(lines.iter().map(|_| String::new()).collect()), None),
        ],
    );
    vec![region, nation, supplier, customer, part, partsupp, orders, lineitem]
}

#[test]
fn all_22_queries_run() {
    let queries: Vec<&str> = include_str!("../corpus/tpch.sql").split("--! ").skip(1).collect();
    assert_eq!(queries.len(), 22);
    let failed = on_query_thread(move || {
        let limits = Arc::new(Limits::default());
        let session = Session::open(tpch(), &limits).unwrap();
        let outcome = |query: &&str| {
            let (number, sql) = query.split_once('\n').unwrap();
            match run_with(&session, sql, &limits) {
                Err(error) => Some(format!("{number}: {error:?}")),
                // A query that finds nothing tests little: most must find something.
                Ok(shaped) => (shaped.row_count == 0).then(|| format!("{number}: no rows {}", rows(&shaped))),
            }
        };
        queries.iter().filter_map(outcome).collect::<Vec<_>>()
    });
    let (empty, broken): (Vec<_>, Vec<_>) = failed.into_iter().partition(|f| f.contains("no rows"));
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(empty.len() <= 4, "{}", empty.join("\n"));
}

/// The answer of a query with joins, grouping and a subquery, by hand.
#[test]
fn an_answer_agrees_with_one_worked_out_otherwise() {
    on_query_thread(|| {
        let limits = Arc::new(Limits::default());
        let session = Session::open(tpch(), &limits).unwrap();
        let answer = |sql: &str| rows(&run_with(&session, sql, &limits).unwrap()).to_owned();
        assert_eq!(
            answer(
                "SELECT count(*) FROM orders o WHERE EXISTS (SELECT 1 FROM lineitem l WHERE l.l_orderkey = o.o_orderkey AND l.l_commitdate < l.l_receiptdate)"
            ),
            answer("SELECT count(DISTINCT l_orderkey) FROM lineitem WHERE l_commitdate < l_receiptdate"),
        );
        assert_eq!(
            answer(
                "SELECT sum(l_extendedprice) FROM lineitem, orders, customer WHERE l_orderkey = o_orderkey AND o_custkey = c_custkey"
            ),
            answer("SELECT sum(l_extendedprice) FROM lineitem"),
        );
    });
}

/// Other values in the same places, and a few elsewhere.
const CHANGED: &[(&str, &str)] = &[
    ("'EUROPE'", "'ASIA'"),
    ("'ASIA'", "'AFRICA'"),
    ("'AMERICA'", "'EUROPE'"),
    ("'BUILDING'", "'MACHINERY'"),
    ("date '1994-01-01'", "date '1993-06-30'"),
    ("date '1993-", "date '1994-"),
    ("date '1995-", "date '1994-"),
    ("date '1996-", "date '1995-"),
    ("date '1998-", "date '1997-"),
    ("p_size > 15", "p_size > 5"),
    ("l_quantity < 24", "l_quantity < 40.5"),
    ("'FRANCE'", "'KENYA'"),
    ("'GERMANY'", "'O''Brien'"),
    ("'BRAZIL'", "'PERU'"),
    ("= 'R'", "= 'A'"),
    ("n_regionkey = 3", "n_regionkey = 2"),
    ("'MAIL', 'SHIP'", "'RAIL', 'AIR'"),
    ("'Brand#45'", "'Brand#13'"),
    ("'MED BOX'", "'LG BAG'"),
    ("(49, 14, 23, 45, 19, 3, 36, 9)", "(1, 2, 3, 4, 5, 6, 7, -8)"),
    ("> 150", "> 120"),
    ("= 'F'", "= 'O'"),
    ("'Brand#12'", "'Brand#11'"),
    ("n_regionkey in (0, 1, 2, 3)", "n_regionkey in (4, 1, 2, 0)"),
    ("> 0.00", "> 100.5"),
    ("'13', '31'", "'12', '30'"),
    ("%green%", "%blue%"),
];

#[test]
fn changed_values_answer_alike_whether_their_plan_is_kept_or_new_or_their_own() {
    let queries: Vec<&str> = include_str!("../corpus/tpch.sql").split("--! ").skip(1).collect();
    let changed = on_query_thread(move || {
        let limits = Arc::new(Limits::default());
        let warm = Session::open(tpch(), &limits).unwrap();
        let mut changed = 0;
        for query in queries {
            let (number, sql) = query.split_once('\n').unwrap();
            let other = CHANGED.iter().fold(sql.to_owned(), |sql, (from, to)| sql.replace(from, to));
            changed += usize::from(other != sql);
            // What asks for the time is planned by itself, with its values in place.
            let own = match other.strip_prefix("with ") {
                Some(rest) => format!("with asked as (select now()), {rest}"),
                None => format!("with asked as (select now()) {other}"),
            };
            run_with(&warm, sql, &limits).unwrap();
            let kept = run_with(&warm, &other, &limits).unwrap();
            let fresh = run_with(&Session::open(tpch(), &limits).unwrap(), &other, &limits).unwrap();
            assert_eq!(kept, fresh, "{number}");
            assert_eq!(kept, run_with(&warm, &own, &limits).unwrap(), "{number}");
        }
        changed
    });
    assert!(changed >= 20, "{changed} queries were changed");
}
