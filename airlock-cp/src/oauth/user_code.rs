//! The short code that a person types: how it is made, and how it is read.

use airlock_core::Host;

// Consonants: no word appears, and none is taken for a digit.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// How long the code for the person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserCode {
    /// `XXXX-XXXX`.
    Eight,
    /// `XXXXXX`, for programs that show no more.
    Six,
}

impl UserCode {
    /// A fresh code.
    pub(super) fn fresh(self, host: &dyn Host) -> String {
        let count = match self {
            Self::Eight => 8,
            Self::Six => 6,
        };
        let mut letters = String::new();
        while letters.len() < count {
            let mut random = [0; 16];
            host.random(&mut random);
            // Bytes of 240 and more would favour the first letters.
            let fair =
                random.into_iter().filter(|byte| *byte < 240).map(|byte| LETTERS[usize::from(byte % 20)]);
            letters.extend(fair.map(char::from).take(count - letters.len()));
        }
        if self == Self::Eight {
            letters.insert(4, '-');
        }
        letters
    }

    /// The letters of a code as a person types it; `None` if it can be none.
    pub(super) fn read(typed: &str) -> Option<String> {
        if typed.len() > 32 {
            return None;
        }
        let letters: String = typed
            .chars()
            .filter(|c| !matches!(c, '-' | ' ' | '_' | '.'))
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let ours = letters.bytes().all(|b| LETTERS.contains(&b));
        (ours && matches!(letters.len(), 6 | 8)).then_some(letters)
    }
}

#[cfg(test)]
mod tests {
    use airlock_core::runtime::SystemHost;

    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        for typed in ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "b.c_d-f-g-h-j-k"] {
            assert_eq!(UserCode::read(typed).as_deref(), Some("BCDFGHJK"), "{typed}");
        }
        assert_eq!(UserCode::read("bcdfgh").as_deref(), Some("BCDFGH"));
        for wrong in ["", "BCDF", "BCDF-GHJA", "BCDF-GHJ1", "BCDF-GHJKL", "ВCDF-GHJK", &"B".repeat(40)] {
            assert_eq!(UserCode::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_fresh_code_is_read_back_in_both_shapes() {
        let host = SystemHost::new();
        for (shape, length) in [(UserCode::Eight, 9), (UserCode::Six, 6)] {
            let code = shape.fresh(&host);
            assert_eq!(code.len(), length, "{code}");
            assert_eq!(UserCode::read(&code), Some(code.replace('-', "")));
        }
    }
}
