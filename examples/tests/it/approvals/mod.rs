//! Approvals over the real control plane: what the SDKs and examples do there, what survives a crash, what the control plane never
//! holds, and what nobody in between can forge.

mod blind;
mod crash;
mod forged;
pub(crate) mod hostile;
mod hostile_terminal;
mod lifecycle;
mod programs;
mod python_enforcer;
mod raw_enforcer;
mod rig;
mod screen;
mod standing;
mod terminal;
mod test_enforcer;
mod tty;
mod wire;

use crate::needs;

/// How many of something: in `make soak` as many as `variable` says.
fn times(variable: &str, usually: usize) -> usize {
    needs::optional(variable).map_or(usually, |text| text.parse().expect("a number"))
}
