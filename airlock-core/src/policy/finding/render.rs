//! Writes findings for people, programs, code hosts and their annotations.

use std::fmt::Write as _;
use std::str::FromStr;

use serde_json::json;

use super::{Finding, Findings, Level, LintCode};

/// How findings are written (`--format`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FindingsFormat {
    /// One or two lines each.
    #[default]
    Text,
    /// One object.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
}

/// No format has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such format: text, json, sarif or github")]
pub struct UnknownFormat;

impl FromStr for FindingsFormat {
    type Err = UnknownFormat;
    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            "sarif" => Ok(Self::Sarif),
            "github" => Ok(Self::Github),
            _ => Err(UnknownFormat),
        }
    }
}

impl Findings {
    /// The findings as text in a format. `file` is how the policy's file is called in it.
    pub fn render(&self, format: FindingsFormat, file: &str) -> String {
        match format {
            FindingsFormat::Text => self.iter().map(|f| text(f, file)).collect(),
            FindingsFormat::Github => self.iter().map(|f| github(f, file)).collect(),
            FindingsFormat::Json => pretty(&self.json()),
            FindingsFormat::Sarif => pretty(&self.sarif(file)),
        }
    }

    fn json(&self) -> serde_json::Value {
        let findings: Vec<_> = self
            .iter()
            .map(|f| {
                json!({
                    "code": f.code.as_str(),
                    "level": f.level().as_str(),
                    "path": f.path,
                    "line": f.line,
                    "message": f.message,
                    "advice": f.advice,
                })
            })
            .collect();
        json!({
            "findings": findings,
            "errors": self.count(Level::Error),
            "warnings": self.count(Level::Warning),
        })
    }

    fn sarif(&self, file: &str) -> serde_json::Value {
        let rules: Vec<_> = LintCode::ALL
            .iter()
            .map(|c| json!({"id": c.as_str(), "shortDescription": {"text": c.summary()}}))
            .collect();
        let results: Vec<_> = self
            .iter()
            .map(|f| {
                json!({
                    "ruleId": f.code.as_str(),
                    "level": if f.level() == Level::Info { "note" } else { f.level().as_str() },
                    "message": {"text": sentence(f)},
                    "locations": [{"physicalLocation": {
                        "artifactLocation": {"uri": file},
                        "region": {"startLine": f.line.unwrap_or(1)},
                    }}],
                })
            })
            .collect();
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{"tool": {"driver": {"name": "airlock", "rules": rules}}, "results": results}],
        })
    }
}

fn text(finding: &Finding, file: &str) -> String {
    let mut out = String::from(file);
    if let Some(line) = finding.line {
        let _ = write!(out, ":{line}");
    }
    let _ = write!(out, ": {}[{}] ", finding.level().as_str(), finding.code);
    if !finding.path.is_empty() {
        let _ = write!(out, "{}: ", finding.path);
    }
    let _ = writeln!(out, "{}", finding.message);
    if let Some(advice) = &finding.advice {
        let _ = writeln!(out, "    {advice}");
    }
    out
}

fn github(finding: &Finding, file: &str) -> String {
    let command = match finding.level() {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "notice",
    };
    let line = finding.line.map_or_else(String::new, |l| format!(",line={l}"));
    format!(
        "::{command} file={}{line},title={}::{}\n",
        escaped(file, true),
        finding.code,
        escaped(&sentence(finding), false)
    )
}

/// Source: GitHub's toolkit, `packages/core/src/command.ts`.
fn escaped(text: &str, property: bool) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    if property { text.replace(':', "%3A").replace(',', "%2C") } else { text }
}

fn sentence(finding: &Finding) -> String {
    let mut out = String::new();
    if !finding.path.is_empty() {
        let _ = write!(out, "{}: ", finding.path);
    }
    out.push_str(&finding.message);
    if let Some(advice) = &finding.advice {
        let _ = write!(out, "; {advice}");
    }
    out
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> Findings {
        Findings::from(vec![
            Finding::new(LintCode::W101, "tables[users].phone", "`phone` looks personal").advise("mask it"),
            Finding::new(LintCode::E100, "tables[users].mask_column", "unknown key, 100% wrong").at(7),
        ])
    }

    #[test]
    fn text_is_one_line_each_with_advice_below() {
        assert_eq!(
            findings().render(FindingsFormat::Text, "a.yaml"),
            "a.yaml:7: error[E100] tables[users].mask_column: unknown key, 100% wrong\n\
             a.yaml: warning[W101] tables[users].phone: `phone` looks personal\n    mask it\n"
        );
    }

    #[test]
    fn github_escapes_what_its_commands_would_read() {
        assert_eq!(
            findings().render(FindingsFormat::Github, "a,b.yaml"),
            "::error file=a%2Cb.yaml,line=7,title=E100::tables[users].mask_column: unknown key, 100%25 wrong\n\
             ::warning file=a%2Cb.yaml,title=W101::tables[users].phone: `phone` looks personal; mask it\n"
        );
    }

    #[test]
    fn json_and_sarif_are_json() {
        let json: serde_json::Value =
            serde_json::from_str(&findings().render(FindingsFormat::Json, "a.yaml")).unwrap();
        assert_eq!(json["errors"], 1);
        assert_eq!(json["findings"][1]["code"], "W101");
        let sarif: serde_json::Value =
            serde_json::from_str(&findings().render(FindingsFormat::Sarif, "a.yaml")).unwrap();
        assert_eq!(
            sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"],
            7
        );
    }
}
