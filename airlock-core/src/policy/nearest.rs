//! Finds the word that was probably meant.

/// The candidate closest to `word`, if one is close enough to be a slip of the finger, or is `word` and more.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let word: Vec<char> = word.chars().take(LONGEST).collect();
    let allowed = 1 + word.len() / 4;
    candidates
        .into_iter()
        .map(|c| {
            let candidate: Vec<char> = c.to_lowercase().chars().take(LONGEST).collect();
            let begun = word.len() > 3 && candidate.starts_with(&word);
            (if begun { 1 } else { distance(&word, &candidate) }, c)
        })
        .filter(|(d, _)| *d <= allowed && *d < word.len())
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

/// Names are short; longer text is not compared further.
const LONGEST: usize = 64;

/// Insertions, deletions, replacements and swaps of neighbours between two words.
///
/// Source: optimal string alignment, a restriction of Damerau-Levenshtein.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_other_words_are_not() {
        let words = ["mask_columns", "exclude_columns", "parent", "fk"];
        assert_eq!(nearest("mask_column", words), Some("mask_columns"));
        assert_eq!(nearest("maks_columns", words), Some("mask_columns"));
        assert_eq!(nearest("Parent", words), Some("parent"));
        assert_eq!(nearest("kf", words), Some("fk"));
        assert_eq!(nearest("mask", words), Some("mask_columns"));
        assert_eq!(nearest("zz", words), None);
        assert_eq!(nearest("", words), None);
        assert_eq!(nearest("colour", words), None);
    }
}
