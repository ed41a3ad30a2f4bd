//! Approvals over the gateway's routes, in the words of the published protocol. The tests play both sides.

mod channels;
mod consent;
mod devices;
mod harness;
mod isolation;
mod keeping;
mod lifecycle;
mod limits;
mod notices;
mod page;
mod pairing;
mod refusals;
mod standing;
mod waiting;
