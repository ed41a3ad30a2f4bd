//! Fields that are typed into, one at a time.

use airlock_client::approver::Inert;

use crate::keys::Key;

/// One line to type into.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) hint: &'static str,
    text: String,
    is_secret: bool,
}

/// Fields, and which of them is typed into.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) fields: Vec<Field>,
    pub(crate) at: usize,
}

/// What a key did to a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    Going,
    Done,
    Left,
}

/// More than that is not typed; it can be pasted by mistake.
const CHARS_MAX: usize = 4_000;

impl Field {
    pub(crate) fn new(name: &'static str, hint: &'static str, text: &str) -> Self {
        Self { name, hint, text: text.to_owned(), is_secret: false }
    }
    pub(crate) fn secret(name: &'static str, hint: &'static str, text: &str) -> Self {
        Self { is_secret: true, ..Self::new(name, hint, text) }
    }
    /// What was typed, without the spaces around it.
    pub(crate) fn text(&self) -> &str {
        self.text.trim()
    }
    /// As it may stand on the screen.
    pub(crate) fn shown(&self) -> String {
        if self.is_secret {
            "•".repeat(self.text.chars().count())
        } else {
            Inert::line(&self.text).to_string()
        }
    }
    fn put(&mut self, text: &str) {
        let left = CHARS_MAX.saturating_sub(self.text.chars().count());
        self.text.extend(text.chars().filter(|c| !c.is_control()).take(left));
    }
}

impl Form {
    pub(crate) fn new(fields: Vec<Field>) -> Self {
        Self { fields, at: 0 }
    }
    /// What was typed into the field of this place.
    pub(crate) fn text(&self, at: usize) -> &str {
        self.fields.get(at).map(Field::text).unwrap_or_default()
    }
    pub(crate) fn handle(&mut self, key: &Key) -> Typed {
        let last = self.fields.len().saturating_sub(1);
        let Some(field) = self.fields.get_mut(self.at) else { return Typed::Left };
        match key {
            Key::Char(c) => field.put(c.encode_utf8(&mut [0; 4])),
            Key::Pasted(text) => field.put(text),
            Key::Back => drop(field.text.pop()),
            Key::Next => self.at = if self.at == last { 0 } else { self.at + 1 },
            Key::Previous => self.at = self.at.checked_sub(1).unwrap_or(last),
            Key::Enter if self.at == last => return Typed::Done,
            Key::Enter => self.at += 1,
            Key::Leave => return Typed::Left,
            Key::Stop => {}
        }
        Typed::Going
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        Form::new(vec![Field::new("one", "", "a"), Field::secret("two", "", "")])
    }

    #[test]
    fn keys_go_into_the_field_that_is_typed_into() {
        let mut form = form();
        for key in
            [Key::Char('b'), Key::Back, Key::Char('ü'), Key::Enter, Key::Pasted("s\n3\u{1b}[2J".to_owned())]
        {
            assert_eq!(form.handle(&key), Typed::Going);
        }
        assert_eq!((form.text(0), form.text(1), form.at), ("aü", "s3[2J", 1));
        assert_eq!(form.fields[1].shown(), "•••••");
        assert_eq!(form.handle(&Key::Enter), Typed::Done);
        assert_eq!(form.handle(&Key::Leave), Typed::Left);
        form.handle(&Key::Next);
        assert_eq!(form.at, 0);
        form.handle(&Key::Previous);
        assert_eq!(form.at, 1);
    }

    #[test]
    fn a_text_has_an_end_and_is_shown_inert() {
        let mut form = form();
        form.handle(&Key::Pasted("x".repeat(10_000)));
        assert_eq!(form.text(0).len(), CHARS_MAX);
        let mut form = Form::new(vec![Field::new("one", "", "")]);
        form.handle(&Key::Pasted("a\u{202e}b".to_owned()));
        assert_eq!(form.fields[0].shown(), r"a\u{202e}b");
    }
}
