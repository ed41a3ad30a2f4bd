//! Masks that keep some characters: partial, truncate. A character is a grapheme cluster (UAX #29).

use unicode_segmentation::UnicodeSegmentation;

/// Some characters kept, the rest replaced.
#[derive(Clone, Debug)]
pub(super) struct Partial {
    pub(super) keep_first: usize,
    pub(super) keep_last: usize,
    pub(super) char: char,
    pub(super) min_masked: usize,
    pub(super) keep_separators: bool,
    pub(super) fixed_length: bool,
}

impl Partial {
    /// Writes the value with its middle replaced. At most half of the characters are kept, and `min_masked` are
    /// always replaced; where both cannot be had with what was asked for, everything is replaced. Separators are not
    /// counted as characters, unless the value has nothing else.
    pub(super) fn write(&self, value: &str, out: &mut String) {
        let is_separator = |c: &str| self.keep_separators && !self.fixed_length && SEPARATORS.contains(&c);
        let count = value.graphemes(true).filter(|c| !is_separator(c)).count();
        let kept = self.keep_first.saturating_add(self.keep_last);
        let reveals = kept.saturating_mul(2) <= count && count - kept >= self.min_masked;
        let only_separators = count == 0;

        if self.fixed_length {
            self.write_fixed(value, count, reveals, out);
            return;
        }
        let mut at = 0;
        for c in value.graphemes(true) {
            if is_separator(c) && !only_separators {
                out.push_str(c);
                continue;
            }
            let keep = reveals && (at < self.keep_first || at >= count - self.keep_last);
            if keep {
                out.push_str(c)
            } else {
                out.push(self.char)
            }
            at += 1;
        }
    }

    /// Every value gets as many characters as every other.
    fn write_fixed(&self, value: &str, count: usize, reveals: bool, out: &mut String) {
        let stars = |n: usize| std::iter::repeat_n(self.char, n);
        if !reveals {
            let kept = self.keep_first.saturating_add(self.keep_last).min(KEPT_MAX);
            out.extend(stars(kept + FIXED_MASKED));
            return;
        }
        out.extend(value.graphemes(true).take(self.keep_first));
        out.extend(stars(FIXED_MASKED));
        out.extend(value.graphemes(true).skip(count - self.keep_last));
    }
}

/// Writes the first `length` characters.
pub(super) fn truncate(value: &str, length: usize, out: &mut String) {
    out.extend(value.graphemes(true).take(length));
}

/// Shown between what is masked: they carry the shape of a number, not the number.
const SEPARATORS: [&str; 4] = [" ", "-", ".", "/"];
/// Replacements in a value of fixed length.
const FIXED_MASKED: usize = 8;
/// No value grows longer than this by itself, whatever the policy keeps.
const KEPT_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn last_four() -> Partial {
        Partial {
            keep_first: 0,
            keep_last: 4,
            char: '*',
            min_masked: 4,
            keep_separators: true,
            fixed_length: false,
        }
    }

    #[track_caller]
    fn check(partial: &Partial, value: &str, expected: &str) {
        let mut out = String::new();
        partial.write(value, &mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn the_last_four_of_a_card_stay() {
        check(&last_four(), "4111-1111-1111-1234", "****-****-****-1234");
        check(&last_four(), "4111 1111 1111 1234", "**** **** **** 1234");
        check(&last_four(), "123-45-6789", "***-**-6789");
    }

    #[test]
    fn short_values_are_masked_whole() {
        check(&last_four(), "1234567", "*******");
        check(&last_four(), "12345678", "****5678");
        check(&last_four(), "abc", "***");
        check(&last_four(), "", "");
        check(&Partial { keep_first: 1, keep_last: 1, ..last_four() }, "abcde", "*****");
        check(&Partial { keep_first: 1, keep_last: 1, min_masked: 0, ..last_four() }, "abc", "***");
        check(&Partial { keep_first: 1, keep_last: 1, min_masked: 0, ..last_four() }, "abcd", "a**d");
        check(&Partial { keep_first: usize::MAX, keep_last: 4, ..last_four() }, "abcdefgh", "********");
    }

    #[test]
    fn separators_alone_are_no_shape() {
        check(&last_four(), "---- ", "*****");
        check(&Partial { keep_separators: false, ..last_four() }, "12-34-56-78", "*******6-78");
    }

    #[test]
    fn characters_are_grapheme_clusters() {
        let two = Partial { keep_last: 2, min_masked: 2, ..last_four() };
        check(&two, "e\u{301}e\u{301}e\u{301}e\u{301}", "**e\u{301}e\u{301}");
        check(&two, "👨‍👩‍👧👨‍👩‍👧🇩🇪🇫🇷", "**🇩🇪🇫🇷");
        check(&two, "👨‍👩‍👧a", "**");
    }

    #[test]
    fn fixed_length_hides_the_length() {
        let fixed = Partial { fixed_length: true, ..last_four() };
        check(&fixed, "4111-1111-1111-1234", "********1234");
        check(&fixed, "41111234", "********1234");
        check(&fixed, "abc", "************");
        check(&fixed, "", "************");
    }

    #[test]
    fn truncate_counts_grapheme_clusters() {
        for (value, expected) in
            [("94103-1234", "941"), ("e\u{301}tude", "e\u{301}tu"), ("ab", "ab"), ("", "")]
        {
            let mut out = String::new();
            truncate(value, 3, &mut out);
            assert_eq!(out, expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn never_more_than_half_is_kept(value in "[a-z0-9é👍]{0,30}", keep_first in 0usize..20, keep_last in 0usize..20) {
            let partial = Partial { keep_first, keep_last, min_masked: 1, ..last_four() };
            let mut out = String::new();
            partial.write(&value, &mut out);
            let clusters = value.graphemes(true).count();
            assert_eq!(out.graphemes(true).count(), clusters);
            let kept = out.graphemes(true).filter(|c| *c != "*").count();
            assert!(kept * 2 <= clusters, "{value} -> {out}");
        }
    }
}
