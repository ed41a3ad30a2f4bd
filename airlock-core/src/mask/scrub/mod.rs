//! Free text without the personal data found in it.
//!
//! Looking is done on a folded copy of the text ([`fold`]): compatibility forms, letter case, accents, invisible
//! characters, foreign digits and escapes do not hide anything. What is found is cut from the text itself. In doubt
//! more is removed: a number that could be a telephone number goes.

mod checks;
mod detect;
mod fold;
mod known;

use super::Entity;
use super::error::BadCell;
use detect::Detector;
use fold::Folded;
pub(super) use known::KnownValues;

/// Removes entities and known values from text.
#[derive(Clone, Debug)]
pub(super) struct Scrubber {
    detectors: Vec<Detector>,
    replacement: Option<String>,
}

/// A part of a text to remove: bytes of the original, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Finding {
    start: usize,
    end: usize,
    /// `None` for a known value.
    entity: Option<Entity>,
}

impl Scrubber {
    pub(super) fn new(entities: &[Entity], replacement: Option<String>) -> Self {
        Self { detectors: entities.iter().map(|e| Detector::of(*e)).collect(), replacement }
    }

    /// Writes the text with every finding replaced. Findings that overlap are replaced as one.
    ///
    /// # Errors
    /// When the text is too long to be searched.
    pub(super) fn write(&self, text: &str, known: &KnownValues, out: &mut String) -> Result<(), BadCell> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(BadCell);
        }
        let mut findings = vec![];
        self.search(&Folded::new(text), known, &mut findings);
        if let Some(decoded) = Folded::decoded(text) {
            self.search(&decoded, known, &mut findings);
        }
        let mut at = 0;
        for finding in merged(findings) {
            out.push_str(&text[at..finding.start]);
            out.push_str(self.replacement.as_deref().unwrap_or_else(|| label(finding.entity)));
            at = finding.end;
        }
        out.push_str(&text[at..]);
        Ok(())
    }

    fn search(&self, folded: &Folded, known: &KnownValues, findings: &mut Vec<Finding>) {
        for detector in &self.detectors {
            detector.find(&folded.text, |start, end| {
                findings.push(folded.finding(start, end, Some(detector.entity)))
            });
        }
        known.find(&folded.text, |start, end| findings.push(folded.finding(start, end, None)));
    }
}

/// Overlapping findings as one, named after the longest; among equals a telephone number is the vaguest guess.
fn merged(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|f| (f.start, std::cmp::Reverse(f.end)));
    let mut out: Vec<(Finding, (usize, bool))> = vec![];
    for finding in findings {
        let weight = (finding.end - finding.start, finding.entity != Some(Entity::Phone));
        match out.last_mut() {
            Some((last, heaviest)) if finding.start < last.end => {
                last.end = last.end.max(finding.end);
                if weight > *heaviest {
                    (last.entity, *heaviest) = (finding.entity, weight);
                }
            }
            _ => out.push((finding, weight)),
        }
    }
    out.into_iter().map(|(finding, _)| finding).collect()
}

fn label(entity: Option<Entity>) -> &'static str {
    match entity {
        None => "<REDACTED>",
        Some(Entity::Email) => "<EMAIL>",
        Some(Entity::Phone) => "<PHONE>",
        Some(Entity::Card) => "<CARD>",
        Some(Entity::Iban) => "<IBAN>",
        Some(Entity::Ssn) => "<SSN>",
        Some(Entity::Ip) => "<IP>",
        Some(Entity::Url) => "<URL>",
        Some(Entity::Crypto) => "<CRYPTO>",
    }
}

/// Longer text is not searched but nulled: the folded copy takes nine bytes for one, and a search is not interrupted.
const TEXT_BYTES_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests;
