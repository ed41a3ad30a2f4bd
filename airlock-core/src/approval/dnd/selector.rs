//! Which commands a standing decision about an act means.

use serde_json::{Map, Value};

/// Words that a command begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionSelector {
    prefix: Vec<String>,
    has_unknown_members: bool,
}

impl ActionSelector {
    /// Reads `{commandFamily?, argvPrefix?}`. Each element of the prefix is split on white space too; without a prefix the family
    /// is the first word. None if neither gives a word, so that no selector means every command.
    pub fn parse(selector: &Map<String, Value>) -> Option<Self> {
        let mut prefix = Vec::new();
        let known = |key: &str| selector.get(key).filter(|value| !value.is_null());
        if let Some(elements) = known("argvPrefix") {
            for element in elements.as_array()? {
                prefix.extend(element.as_str()?.split_whitespace().map(str::to_owned));
            }
        }
        if let Some(family) = known("commandFamily") {
            let family = family.as_str()?;
            if prefix.is_empty() {
                prefix.extend(family.split_whitespace().map(str::to_owned));
            }
        }
        let has_unknown_members = selector.keys().any(|key| key != "argvPrefix" && key != "commandFamily");
        (1..=WORDS_MAX).contains(&prefix.len()).then_some(Self { prefix, has_unknown_members })
    }
    /// How many words it asks for.
    pub fn word_count(&self) -> usize {
        self.prefix.len()
    }
    /// Whether a command begins with its words. What is to be stopped is stopped whatever follows them.
    pub fn matches(&self, command: &str) -> bool {
        let mut words = command.split_whitespace();
        self.prefix.iter().all(|word| words.next() == Some(word))
    }
    /// Whether a command begins with its words and then does nothing else: what may be done unasked is one command, not what a
    /// shell makes of `git status; rm -rf ~`. A member that we do not know may narrow the selector, so it lets nothing pass.
    pub fn matches_only(&self, command: &str) -> bool {
        let is_plain = |c: char| !SHELL_SYNTAX.contains(&c) && (!c.is_control() || c == '\t');
        // Other white space parts words for us and not for a shell.
        let is_space = |c: char| c.is_whitespace() && c != ' ' && c != '\t';
        !self.has_unknown_members
            && self.matches(command)
            && command.chars().all(|c| is_plain(c) && !is_space(c))
    }
}

/// What joins commands, runs one inside another, or sends output into a file, in POSIX shells, PowerShell or cmd.exe.
const SHELL_SYNTAX: &[char] = &[';', '|', '&', '$', '`', '<', '>', '(', ')', '{', '}', '%', '^', '\\'];
const WORDS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(text: &str) -> Option<ActionSelector> {
        ActionSelector::parse(&serde_json::from_str(text).unwrap())
    }

    #[track_caller]
    fn check(text: &str, command: &str, matches: bool, matches_only: bool) {
        let selector = selector(text).unwrap();
        assert_eq!(
            (selector.matches(command), selector.matches_only(command)),
            (matches, matches_only),
            "{command}"
        );
    }

    #[test]
    fn words_are_compared_whole_and_from_the_first() {
        let git_status = r#"{"commandFamily":"git","argvPrefix":["git status"]}"#;
        check(git_status, "git status", true, true);
        check(git_status, "  git\t status  --short ", true, true);
        for other in
            ["git", "", "git statusx", "Git status", "sudo git status", "git -C / status", "gitstatus"]
        {
            check(git_status, other, false, false);
        }
        check(r#"{"commandFamily":"npm"}"#, "npm test", true, true);
        check(r#"{"commandFamily":"npm","argvPrefix":[]}"#, "npmx", false, false);
    }

    #[test]
    fn a_second_command_behind_the_first_is_stopped_and_never_let_pass() {
        for tail in [
            "; rm -rf ~",
            " && rm x",
            " | sh",
            "\nrm x",
            " $(rm x)",
            " `rm x`",
            " > /etc/passwd",
            " <(x)",
            " \u{a0}x",
            " %X%",
        ] {
            check(
                r#"{"argvPrefix":["git","status"]}"#,
                &format!("git status{}", tail.replacen("; ", " ; ", 1)),
                true,
                false,
            );
        }
        // Glued to the word it is another word.
        check(r#"{"argvPrefix":["git","status"]}"#, "git status;rm x", false, false);
    }

    #[test]
    fn a_selector_with_members_of_a_later_day_only_stops() {
        check(r#"{"argvPrefix":["git"],"cwd":"/tmp"}"#, "git push", true, false);
    }

    #[test]
    fn what_asks_for_no_word_is_no_selector() {
        for text in [
            "{}",
            r#"{"argvPrefix":[]}"#,
            r#"{"argvPrefix":[" ",""]}"#,
            r#"{"commandFamily":""}"#,
            r#"{"commandFamily":null,"argvPrefix":null}"#,
            r#"{"argvPrefix":"git"}"#,
            r#"{"argvPrefix":[1]}"#,
            r#"{"commandFamily":7,"argvPrefix":["git"]}"#,
            r#"{"cwd":"/"}"#,
        ] {
            assert_eq!(selector(text), None, "{text}");
        }
        assert!(selector(&format!(r#"{{"commandFamily":"{}"}}"#, "a ".repeat(65))).is_none());
    }
}
