//! A statement with its values: text of ours with a `?` for each value, never a value inside the text.

use airlock_core::Timestamp;

/// A value bound to a statement.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Bytes(Option<Vec<u8>>),
    Bool(bool),
}

macro_rules! value_from {
    ($($from:ty => $variant:ident($map:expr);)+) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                let map: fn($from) -> _ = $map;
                Self::$variant(map(value))
            }
        })+
    };
}

value_from! {
    &str => Text(|v| Some(v.to_owned()));
    &String => Text(|v| Some(v.clone()));
    String => Text(Some);
    Option<String> => Text(|v| v);
    Option<&str> => Text(|v| v.map(str::to_owned));
    i64 => Int(Some);
    Option<i64> => Int(|v| v);
    u32 => Int(|v| Some(i64::from(v)));
    Timestamp => Int(|v| Some(v.as_millis()));
    Option<Timestamp> => Int(|v| v.map(Timestamp::as_millis));
    &[u8] => Bytes(|v| Some(v.to_vec()));
    [u8; 32] => Bytes(|v| Some(v.to_vec()));
    Option<[u8; 32]> => Bytes(|v| v.map(|v| v.to_vec()));
    Vec<u8> => Bytes(Some);
    bool => Bool(|v| v);
}

macro_rules! value_from_id {
    ($($id:ty),+) => { $(impl From<&$id> for Value {
        fn from(id: &$id) -> Self { Self::Text(Some(id.as_str().to_owned())) }
    })+ };
}

use airlock_core::approval::{ArtifactHash, ArtifactType, EnforcerId, RequestId};
use airlock_core::id::{
    ApproverId, AuditId, ExchangeId, FamilyId, InvitationId, Kid, LoginId, OrgId, OrgSlug, PairingId, PatId,
    SessionId, TenantId, TenantSlug, UserId, WorkerId,
};
value_from_id!(
    ApproverId,
    ArtifactHash,
    ArtifactType,
    AuditId,
    EnforcerId,
    ExchangeId,
    FamilyId,
    InvitationId,
    Kid,
    LoginId,
    OrgId,
    OrgSlug,
    PairingId,
    PatId,
    RequestId,
    SessionId,
    TenantId,
    TenantSlug,
    UserId,
    WorkerId
);

/// A statement under construction. Text comes from the program (`&'static str`), values from anywhere.
#[derive(Clone, Debug)]
pub(crate) struct Sql {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

impl Sql {
    /// A statement that begins with this text.
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }
    /// Goes on with this text.
    pub(crate) fn push(mut self, text: &'static str) -> Self {
        self.text.push_str(text);
        self
    }
    /// Binds the value of the next `?`. Postgres holds no NUL in a text, so one becomes U+FFFD: what has it names nothing.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(match value.into() {
            Value::Text(Some(text)) if text.contains('\0') => {
                Value::Text(Some(text.replace('\0', "\u{fffd}")))
            }
            value => value,
        });
        self
    }
    /// Goes on with this text and its one value when there is one.
    pub(crate) fn push_if<V: Into<Value>>(self, text: &'static str, value: Option<V>) -> Self {
        match value {
            Some(value) => self.push(text).bind(value),
            None => self,
        }
    }
    /// `n` times the same text with commas between, for rows and lists of values.
    pub(crate) fn repeat(mut self, text: &'static str, n: usize) -> Self {
        for i in 0..n {
            if i > 0 {
                self.text.push(',');
            }
            self.text.push_str(text);
        }
        self
    }
    /// How SQLite would run it.
    #[cfg(test)]
    pub(crate) fn explained(mut self) -> Self {
        self.text.insert_str(0, "EXPLAIN QUERY PLAN ");
        self
    }
}
