//! Every bound of the tunnel and of enrollment, with its reason.

use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Most body bytes in one chunk frame. Small enough that 32 answers take fair turns, large enough that the frame around
/// it does not count.
pub const CHUNK_BYTES_MAX: usize = 64 * KIB;
/// Longest body of one answer. An answer is held whole by the control plane until its audit row is durable.
pub const REPLY_BYTES_MAX: usize = 8 * MIB;
/// Calls in flight on one tunnel. Bounds what a peer can make us hold: 32 answers.
pub const CALLS_IN_FLIGHT_MAX: usize = 32;
/// Longest frame that the control plane takes: one chunk and what stands around it. A stranger can make us buffer no
/// more than this.
pub const WORKER_FRAME_BYTES_MAX: usize = 128 * KIB;
/// Longest frame that a worker takes: a call with the longest arguments and the longest scope.
pub const HUB_FRAME_BYTES_MAX: usize = MIB;
/// Longest arguments of a call: a statement of 64 KiB, each byte escaped as JSON's `\u0000`, and room for the rest.
pub const ARGUMENTS_BYTES_MAX: usize = 512 * KIB;
/// Longest hello, challenge or auth. They come from strangers.
pub const HANDSHAKE_BYTES_MAX: usize = 4 * KIB;
/// Frames waiting to be sent, body chunks aside. More means that the peer asks and does not read.
pub const FRAMES_WAITING_MAX: usize = 256;

/// Entries of a credential's list of snapshots.
pub const SNAPSHOT_PATTERNS_MAX: usize = 1024;
/// Bytes of one of them: a subject id and `*`.
pub const SNAPSHOT_PATTERN_BYTES_MAX: usize = 257;
/// Entries of a credential's list of tools.
pub const TOOLS_MAX: usize = 1024;
/// Bytes of a name: an actor, a detail code, a limit, a digest.
pub const NAME_BYTES_MAX: usize = 256;
/// Bytes of a sentence for the caller. Longer ones are cut by the sender.
pub const MESSAGE_BYTES_MAX: usize = 4 * KIB;
/// Bytes of a version or feature name.
pub const VERSION_BYTES_MAX: usize = 64;
/// Features that a worker may name.
pub const FEATURES_MAX: usize = 32;

/// From the first frame to the open tunnel.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Most that worker's and control plane's clocks may differ.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(120);
/// How long a hello's nonce is remembered: longer than its timestamp is accepted, both ways of skew.
pub const NONCE_MEMORY: Duration = Duration::from_secs(600);
/// Time between pings unless configured.
pub const HEARTBEAT: Duration = Duration::from_secs(15);
/// Shortest time between pings that a worker accepts.
pub const HEARTBEAT_MIN: Duration = Duration::from_secs(1);
/// Longest time between pings that a worker accepts.
pub const HEARTBEAT_MAX: Duration = Duration::from_secs(120);
/// Pings without a sign of life after which the peer is taken for dead.
pub const PINGS_MISSED_MAX: u32 = 3;
/// Time that calls in flight get when a tunnel is drained.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// Age at which the control plane drains a tunnel, so that the worker dials anew and finds new addresses and keys.
pub const TUNNEL_AGE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Longest time that one call may ask for.
pub const CALL_BUDGET_MAX: Duration = Duration::from_secs(600);
/// How much later than the worker the control plane gives a call up, so that the worker's own answer wins.
pub const CALL_GRACE: Duration = Duration::from_secs(2);

/// Bytes of a host name in an enrollment.
pub const HOSTNAME_BYTES_MAX: usize = 253;
