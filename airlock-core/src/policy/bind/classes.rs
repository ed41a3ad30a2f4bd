//! Key classes: columns that are joined are masked alike, under one key.
//!
//! Edges of the policy, foreign keys of the source, `same_as` and `domain` join columns. Within a class a mask that
//! keeps equal values equal spreads to every exported member; masks that differ are refused.

use std::collections::BTreeMap;

use super::columns::{Draft, DraftColumn, is_clear};
use super::edges::Link;
use super::types::{int_bits, is_uuid};
use crate::mask::{MaskSpec, Masking};
use crate::policy::finding::{Finding, LintCode};
use crate::policy::nearest::nearest;

/// A column: table and column by position.
type Place = (usize, usize);

/// Decides the mask and key of every exported column.
pub(super) fn settle(
    tables: &mut [Draft<'_>],
    links: &[Vec<Link>],
    declared: &[Link],
    out: &mut Vec<Finding>,
) {
    let mut sets = Sets::default();
    for link in links.iter().flatten().chain(declared) {
        for ((from, column), (to, key)) in link.pairs() {
            if let (Some(a), Some(b)) = (tables[from].position(column), tables[to].position(key)) {
                sets.join((from, a), (to, b));
            }
        }
    }
    let words = by_hand(tables, &mut sets, out);
    for (root, members) in sets.classes(tables) {
        let word = words.iter().find(|(_, place)| sets.root(**place) == root).map(|(word, _)| word.as_str());
        class(tables, &members, word, out);
    }
}

/// Joins what `same_as` and `domain` join; gives each word with one of its columns.
fn by_hand(tables: &[Draft<'_>], sets: &mut Sets, out: &mut Vec<Finding>) -> BTreeMap<String, Place> {
    let mut words: BTreeMap<String, Place> = BTreeMap::new();
    for (t, table) in tables.iter().enumerate() {
        for (c, column) in table.columns.iter().enumerate() {
            let Some(masking) = &column.declared else { continue };
            if let Some(word) = &masking.domain {
                let first = *words.entry(word.clone()).or_insert((t, c));
                sets.join(first, (t, c));
            }
            let Some((other, name)) = &masking.same_as else { continue };
            let path = format!("{}.same_as", table.mask_path(&column.info.name));
            let Some(at) = tables.iter().position(|t| t.policy.name == *other) else {
                let message = format!("`{other}` is not in `tables`");
                let names = tables.iter().map(|t| t.policy.name.as_str());
                out.push(Finding::new(LintCode::E201, path, message).suggest(nearest(other, names)));
                continue;
            };
            match tables[at].position(name) {
                Some(there) => sets.join((at, there), (t, c)),
                None => {
                    let message = format!("`{other}` has no column `{name}`");
                    let names = tables[at].columns.iter().map(|c| c.info.name.as_str());
                    out.push(Finding::new(LintCode::E201, path, message).suggest(nearest(name, names)));
                }
            }
        }
    }
    words
}

/// Settles one class: its key, and its mask if any member has one.
fn class(tables: &mut [Draft<'_>], members: &[Place], word: Option<&str>, out: &mut Vec<Finding>) {
    let name = |tables: &[Draft<'_>], (t, c): Place| {
        format!("{}.{}", tables[t].policy.name, tables[t].columns[c].info.name)
    };
    // Members come in the order of export: the first is the one nearest to the root.
    let domain = word.map_or_else(|| name(tables, members[0]), |w| format!("domain:{w}"));
    let exported: Vec<Place> =
        members.iter().copied().filter(|&(t, c)| tables[t].columns[c].exported).collect();
    for &(t, c) in &exported {
        tables[t].columns[c].domain.clone_from(&domain);
    }
    let kind = Kind::of(exported.iter().map(|&(t, c)| &tables[t].columns[c]));
    let masks: Vec<(Place, Masking)> = exported
        .iter()
        .filter_map(|&(t, c)| {
            let masking = tables[t].columns[c].declared.as_ref().filter(|m| !is_clear(m))?;
            Some(((t, c), kind.adapt(masking)))
        })
        .collect();
    let Some((first, mask)) = masks.first().cloned() else { return };
    let mut conflict = |place: Place, how: &str, advice: &str| {
        let message = format!(
            "`{}` is joined with `{}`, {how}: joins would break",
            name(tables, place),
            name(tables, first)
        );
        let path = tables[place.0].mask_path(&tables[place.0].columns[place.1].info.name);
        out.push(Finding::new(LintCode::E203, path, message).advise(advice));
    };
    let mut fine = true;
    for (place, other) in &masks[1..] {
        if other.steps != mask.steps {
            conflict(*place, "which is masked differently", "give both the same mask, or exclude one");
            fine = false;
        }
    }
    let joinable = mask.steps.last().is_some_and(|s| s.kind().joinable());
    for &(t, c) in &exported {
        let declared = tables[t].columns[c].declared.as_ref();
        if declared.is_some_and(is_clear) {
            conflict((t, c), "which is masked, and stays clear itself", "mask both, or neither");
            fine = false;
        } else if declared.is_none() && !joinable {
            let advice = "mask both with hash or hash_int, give both the same mask, or exclude one";
            conflict((t, c), "which is masked, and has no mask itself", advice);
            fine = false;
        }
    }
    if !fine {
        return;
    }
    for &(t, c) in &exported {
        let own = masks.iter().find(|(place, _)| *place == (t, c)).map(|(_, m)| m.clone());
        tables[t].columns[c].mask = Some(own.unwrap_or_else(|| mask.clone()));
    }
}

/// What the members of a class have in common, which decides how a hash is written.
#[derive(Clone, Copy)]
enum Kind {
    /// Integers, the narrowest of this many usable bits: a hash stays an integer.
    Ints(u32),
    /// All of one kind that hashes to text in one layout.
    Alike,
    /// Integers or UUIDs beside others: only plain text is equal on all sides.
    Mixed,
}

impl Kind {
    fn of<'a>(columns: impl Iterator<Item = &'a DraftColumn<'a>>) -> Self {
        let (mut ints, mut uuids, mut others, mut bits) = (0, 0, 0, u32::MAX);
        for column in columns {
            match column.info.data_type.as_ref().and_then(int_bits) {
                Some(width) => {
                    ints += 1;
                    bits = bits.min(width);
                }
                None if is_uuid(column.info) => uuids += 1,
                None => others += 1,
            }
        }
        match (ints, uuids, others) {
            (1.., 0, 0) => Self::Ints(bits),
            (0, _, 0) | (0, 0, _) => Self::Alike,
            _ => Self::Mixed,
        }
    }

    /// The mask as every member can carry it out with equal results.
    fn adapt(self, masking: &Masking) -> Masking {
        let mut masking = masking.clone();
        let Some(step) = masking.steps.first_mut() else { return masking };
        match (self, &mut *step) {
            (Self::Ints(bits), MaskSpec::Hash { key, as_text: false, .. }) => {
                *step = MaskSpec::HashInt { bits, key: key.clone() };
            }
            (Self::Ints(most), MaskSpec::HashInt { bits, .. }) => *bits = (*bits).min(most),
            (Self::Mixed, MaskSpec::Hash { as_text, .. }) => *as_text = true,
            _ => {}
        }
        masking
    }
}

/// Disjoint sets of columns.
#[derive(Default)]
struct Sets(BTreeMap<Place, Place>);

impl Sets {
    fn root(&self, mut place: Place) -> Place {
        while let Some(&up) = self.0.get(&place) {
            if up == place {
                break;
            }
            place = up;
        }
        place
    }

    /// The smaller place stays the root: tables come in the order of export, so it is the one nearest to the root.
    fn join(&mut self, a: Place, b: Place) {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        self.0.insert(high, low);
        self.0.entry(low).or_insert(low);
    }

    /// Every column of every table in its class, classes and members in their order.
    fn classes(&self, tables: &[Draft<'_>]) -> BTreeMap<Place, Vec<Place>> {
        let mut classes: BTreeMap<Place, Vec<Place>> = BTreeMap::new();
        for (t, table) in tables.iter().enumerate() {
            for c in 0..table.columns.len() {
                classes.entry(self.root((t, c))).or_default().push((t, c));
            }
        }
        classes
    }
}
