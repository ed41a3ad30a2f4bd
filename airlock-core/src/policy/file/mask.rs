//! Masks as written: a kind, an object, a pipeline, a reference, or a bare null.

use std::collections::BTreeMap;

use super::fields::{Fields, not_built, wrong};
use super::keys::{Built, KINDS_NOT_BUILT, Keys, MASK};
use super::node::{Node, Value, join, short};
use super::params;
use crate::mask::{MaskKind, MaskSpec, Masking, OnMaskError};
use crate::policy::finding::{Finding, LintCode};
use crate::policy::nearest::nearest;

/// The entries of `masks:`. `None` for one that is wrong and already told.
pub(super) type Named = BTreeMap<String, Option<Masking>>;

/// Reads `masks:`.
pub(super) fn named(top: &Fields<'_>, out: &mut Vec<Finding>) -> Named {
    let none = Named::new();
    let path = top.at("masks");
    top.entries("masks", out)
        .iter()
        .map(|(key, node)| (key.name.clone(), read(node, &join(&path, &key.name), &none, out)))
        .collect()
}

/// Reads one mask. `None` when it is wrong, which is then told.
pub(super) fn read(node: &Node, path: &str, named: &Named, out: &mut Vec<Finding>) -> Option<Masking> {
    let Value::List(items) = &node.value else {
        return step(node, path, named, out)?.finish(path, node.line, out);
    };
    if items.is_empty() {
        out.push(Finding::new(LintCode::E100, path, "a list of masks needs at least one").at(node.line));
        return None;
    }
    let mut whole = Draft::default();
    let mut complete = true;
    for (i, item) in items.iter().enumerate() {
        let path = format!("{path}[{i}]");
        if matches!(item.value, Value::List(_)) {
            out.push(wrong(&path, item, "a mask"));
            complete = false;
            continue;
        }
        match step(item, &path, named, out) {
            Some(part) => complete &= whole.append(part, &path, item.line, out),
            None => complete = false,
        }
    }
    if complete { whole.finish(path, node.line, out) } else { None }
}

/// A mask in the making.
#[derive(Default)]
struct Draft {
    steps: Vec<MaskSpec>,
    on_error: Option<OnMaskError>,
    domain: Option<String>,
    same_as: Option<(String, String)>,
}

impl Draft {
    /// Adds a later part of a pipeline. False when both say the same thing differently.
    fn append(&mut self, part: Draft, path: &str, line: u64, out: &mut Vec<Finding>) -> bool {
        self.steps.extend(part.steps);
        let clash = differ(&self.on_error, &part.on_error).then_some("on_error");
        let clash = clash.or(differ(&self.domain, &part.domain).then_some("domain"));
        let clash = clash.or(differ(&self.same_as, &part.same_as).then_some("same_as"));
        self.on_error = self.on_error.or(part.on_error);
        self.domain = self.domain.take().or(part.domain);
        self.same_as = self.same_as.take().or(part.same_as);
        if let Some(key) = clash {
            let message = format!("`{key}` differs between masks of one column");
            out.push(Finding::new(LintCode::E204, path, message).at(line));
        }
        clash.is_none()
    }

    fn finish(self, path: &str, line: u64, out: &mut Vec<Finding>) -> Option<Masking> {
        let alone = |k: MaskKind| matches!(k, MaskKind::Null | MaskKind::Constant | MaskKind::Clear);
        if let Some(step) = self.steps.iter().find(|s| self.steps.len() > 1 && alone(s.kind())) {
            let message = format!("`{}` stands alone, in no list", step.kind());
            out.push(Finding::new(LintCode::E204, path, message).at(line));
            return None;
        }
        let joinable = self.steps.last().is_some_and(|s| s.kind().joinable() && s.kind() != MaskKind::Clear);
        if (self.domain.is_some() || self.same_as.is_some()) && !joinable {
            let message = "`domain` and `same_as` need a mask that keeps equal values equal";
            out.push(
                Finding::new(LintCode::E204, path, message).at(line).advise("use hash, hash_int or email"),
            );
            return None;
        }
        Some(Masking {
            steps: self.steps,
            on_error: self.on_error.unwrap_or_default(),
            domain: self.domain,
            same_as: self.same_as,
        })
    }
}

fn differ<T: PartialEq>(a: &Option<T>, b: &Option<T>) -> bool {
    a.is_some() && b.is_some() && a != b
}

/// One mask that is no list.
fn step(node: &Node, path: &str, named: &Named, out: &mut Vec<Finding>) -> Option<Draft> {
    match &node.value {
        // YAML turns `ssn: null` and `ssn:` into nothing. To take that as "no mask" would unmask the column.
        Value::Null => Some(Draft { steps: vec![MaskSpec::Null], ..Draft::default() }),
        Value::Text(word) => {
            let kind = kind(word, path, node.line, named, out)?;
            let empty = Node { line: node.line, tagged: false, value: Value::Map(vec![]) };
            let fields = Fields::open(&empty, path, MASK, out)?;
            Some(Draft { steps: vec![params::read(kind, &fields, out)?], ..Draft::default() })
        }
        Value::Map(entries) => {
            if entries.iter().any(|(k, _)| k.name == "use") {
                reference(node, path, named, out)
            } else {
                object(node, path, named, out)
            }
        }
        _ => {
            out.push(wrong(path, node, "a mask: a kind, an object or a list"));
            None
        }
    }
}

fn object(node: &Node, path: &str, named: &Named, out: &mut Vec<Finding>) -> Option<Draft> {
    let Value::Map(entries) = &node.value else { return None };
    let Some((_, word)) = entries.iter().find(|(k, _)| k.name == "kind") else {
        out.push(Finding::new(LintCode::E100, path, "a mask needs a `kind`").at(node.line));
        return None;
    };
    let kind = match &word.value {
        // `kind: null` is the null mask as well.
        Value::Null => MaskKind::Null,
        Value::Text(text) => kind(text, &join(path, "kind"), word.line, named, out)?,
        _ => {
            out.push(wrong(&join(path, "kind"), word, "the name of a mask"));
            return None;
        }
    };
    let fields = Fields::open_with(
        node,
        path,
        &[params::keys(kind), MASK, DOMAIN_IF_KEYED[usize::from(keyed(kind))]],
        out,
    )?;
    let before = out.len();
    let spec = params::read(kind, &fields, out);
    let mut draft = extras(&fields, keyed(kind), out);
    if out.len() > before {
        return None;
    }
    draft.steps = vec![spec?];
    Some(draft)
}

/// For `email`, `domain` is the address's; the key's word cannot be written there.
fn keyed(kind: MaskKind) -> bool {
    matches!(kind, MaskKind::Hash | MaskKind::HashInt)
}

const DOMAIN_IF_KEYED: [Keys; 2] = [&[], &[("domain", Built::Yes)]];

fn reference(node: &Node, path: &str, named: &Named, out: &mut Vec<Finding>) -> Option<Draft> {
    const KEYS: Keys =
        &[("use", Built::Yes), ("on_error", Built::Yes), ("same_as", Built::Yes), ("domain", Built::Yes)];
    let before = out.len();
    let fields = Fields::open(node, path, KEYS, out)?;
    let extras = extras(&fields, true, out);
    let name = fields.required("use", out);
    if out.len() > before {
        return None;
    }
    let name = name?;
    let Some(masking) = named.get(&name) else {
        out.push(
            Finding::new(LintCode::E100, fields.at("use"), "`masks` has no entry of this name")
                .at(fields.line_of("use"))
                .suggest(nearest(&name, named.keys().map(String::as_str))),
        );
        return None;
    };
    let masking = masking.clone()?;
    Some(Draft {
        steps: masking.steps,
        on_error: extras.on_error.or(Some(masking.on_error)),
        domain: extras.domain.or(masking.domain),
        same_as: extras.same_as.or(masking.same_as),
    })
}

fn extras(fields: &Fields<'_>, keyed: bool, out: &mut Vec<Finding>) -> Draft {
    let on_error =
        fields.choice("on_error", &[("null", OnMaskError::Null), ("fail", OnMaskError::Fail)], &[], out);
    let same_as = fields.text("same_as", out).and_then(|text| {
        let pair = text.rsplit_once('.').filter(|(t, c)| !t.is_empty() && !c.is_empty());
        if pair.is_none() {
            out.push(
                Finding::new(LintCode::E100, fields.at("same_as"), "must be `table.column`")
                    .at(fields.line_of("same_as")),
            );
        }
        pair.map(|(t, c)| (t.to_owned(), c.to_owned()))
    });
    let domain = if keyed { fields.name("domain", out) } else { None };
    Draft { steps: vec![], on_error, domain, same_as }
}

fn kind(word: &str, path: &str, line: u64, named: &Named, out: &mut Vec<Finding>) -> Option<MaskKind> {
    if let Ok(kind) = word.parse() {
        return Some(kind);
    }
    let finding = if let Some(known) = KINDS_NOT_BUILT.iter().find(|k| **k == word) {
        let mut finding = not_built(path, known);
        finding.message = format!("mask kind {}", finding.message);
        finding
    } else if named.contains_key(word) {
        Finding::new(LintCode::E100, path, "no mask kind of this name")
            .advise(format!("write `{{use: {}}}`", short(word)))
    } else {
        Finding::new(LintCode::E100, path, "no mask kind of this name")
            .suggest(nearest(word, MaskKind::ALL.iter().map(|k| k.as_str())))
    };
    out.push(finding.at(line));
    None
}
