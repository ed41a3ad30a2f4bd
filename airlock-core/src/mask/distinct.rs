//! Whether different inputs of a key class stayed different, within one snapshot.

use std::collections::HashMap;
use std::sync::Arc;

/// What each key class has given so far: masked values with a second digest of their inputs. No raw value is kept.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    classes: HashMap<Arc<str>, HashMap<u128, u128>>,
    entries: usize,
}

impl Distinct {
    /// Whether `output` was given for this input only. `input` is a digest independent of `output`.
    ///
    /// Past [`ENTRIES_MAX`] nothing more is remembered; what is known is still compared.
    #[must_use]
    pub(super) fn admit(&mut self, class: &Arc<str>, output: u128, input: u128) -> bool {
        if !self.classes.contains_key(class) {
            self.classes.insert(class.clone(), HashMap::new());
        }
        let seen = self.classes.get_mut(class).expect("inserted above");
        match seen.get(&output) {
            Some(known) => *known == input,
            None => {
                if self.entries < ENTRIES_MAX {
                    self.entries += 1;
                    seen.insert(output, input);
                }
                true
            }
        }
    }
}

/// About 40 MB at most.
const ENTRIES_MAX: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_output_belongs_to_one_input_of_a_class() {
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let mut distinct = Distinct::default();
        assert!(distinct.admit(&a, 1, 10));
        assert!(distinct.admit(&a, 1, 10));
        assert!(distinct.admit(&b, 1, 11));
        assert!(distinct.admit(&a, 2, 12));
        assert!(!distinct.admit(&a, 1, 11));
    }
}
