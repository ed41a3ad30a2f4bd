//! The keys of each part of `airlock.yaml`: the one list of what a person may write.

/// Whether this version builds a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Built {
    /// Yes.
    Yes,
    /// No: refused by its name.
    No,
    /// No; a bare null asks for nothing and is accepted.
    NullOnly,
}

/// The keys of one part.
pub(super) type Keys = &'static [(&'static str, Built)];

use Built::{No, NullOnly, Yes};

pub(super) const TOP: Keys = &[
    ("version", Yes),
    ("root_table", Yes),
    ("root_filter_col", Yes),
    ("tables", Yes),
    ("data_dir", Yes),
    ("snapshot_ttl_s", Yes),
    ("hints", Yes),
    ("sample_queries", Yes),
    ("schema", Yes),
    ("masks", Yes),
    ("limits", Yes),
    ("source", Yes),
    ("storage", Yes),
    ("control_plane", Yes),
    ("reload", Yes),
    ("tenant_isolation", NullOnly),
    ("defaults", No),
    ("egress", No),
    ("audit", No),
    ("direct", No),
    ("schema_fingerprint", No),
];

pub(super) const TABLE: Keys = &[
    ("name", Yes),
    ("as", Yes),
    ("parent", Yes),
    ("fk", Yes),
    ("parent_key", Yes),
    ("via", Yes),
    ("via_fk", Yes),
    ("key", Yes),
    ("edges", Yes),
    ("scope", Yes),
    ("mask_columns", Yes),
    ("exclude_columns", Yes),
    ("columns", Yes),
    ("order_by", Yes),
    ("max_rows", Yes),
    ("on_limit", Yes),
    ("include", Yes),
    ("description", Yes),
    ("column_descriptions", Yes),
    ("where", NullOnly),
    ("allow_subquery", No),
    ("self_ref", NullOnly),
    ("closure", No),
];

/// Keys of one of `edges`.
pub(super) const EDGE: Keys = &[("via", Yes), ("via_fk", Yes), ("parent", No), ("fk", No)];

pub(super) const SAMPLE_QUERY: Keys = &[("name", Yes), ("sql", Yes), ("description", Yes)];

pub(super) const SOURCE: Keys = &[
    ("pool_size", Yes),
    ("require_read_only", Yes),
    ("require_replica", Yes),
    ("allow_bypass_rls", Yes),
    ("schema", No),
    ("session", No),
    ("application_name", No),
    ("allow_text_cast", No),
];

pub(super) const STORAGE: Keys = &[("mode", Yes), ("allow_disk", Yes)];

pub(super) const CONTROL_PLANE: Keys = &[
    ("url", Yes),
    ("tenant_id", Yes),
    ("worker_id", Yes),
    ("key_path", Yes),
    ("cp_public_key", Yes),
    ("heartbeat_s", Yes),
    ("reconnect_min_ms", Yes),
    ("reconnect_max_ms", Yes),
    ("ca_file", Yes),
    ("proxy", Yes),
    ("accept_config_put", No),
    ("accept_weaker_masks", No),
];

/// Keys of every mask.
pub(super) const MASK: Keys = &[
    ("kind", Yes),
    ("use", Yes),
    ("on_error", Yes),
    ("same_as", Yes),
    ("when", No),
    ("unless", No),
    ("else", No),
    ("scope", No),
    ("hash_empty", No),
];

/// Kinds of masks that the specification has and this version has not.
pub(super) const KINDS_NOT_BUILT: &[&str] = &[
    "token",
    "fpe",
    "phone",
    "card",
    "iban",
    "ip",
    "url",
    "regex_replace",
    "date_shift",
    "age_bucket",
    "round",
    "bucket",
    "noise",
    "clamp",
    "shuffle",
    "fake",
    "choice",
    "dict",
    "json",
    "array",
    "geo_round",
    "bytes_len",
    "presence",
];
