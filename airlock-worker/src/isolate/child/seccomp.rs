//! The system calls that running a query needs; every other one fails with `EPERM`.
//!
//! Refusing rather than killing lets harmless probes of the C library (time zone files, processor counts) fail as they
//! do on a machine that lacks them.

use std::collections::BTreeMap;

use libc::{c_long, pid_t};
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule, TargetArch};

use super::super::measure::State;

/// Installs the filter on this thread; threads started later inherit it.
pub(super) fn apply() -> Result<State, seccompiler::Error> {
    let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else {
        return Ok(State::Unsupported);
    };
    // The flags of clone3 are in memory, where a filter cannot look. Told that it does not exist, the C library
    // takes clone instead. A filter of its own, because each has one error number; the list lets the call pass to it.
    let absent = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let clone3 = BTreeMap::from([(libc::SYS_clone3, vec![])]);
    install(SeccompFilter::new(clone3, SeccompAction::Allow, absent, arch)?)?;
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    install(SeccompFilter::new(allowed()?, refuse, SeccompAction::Allow, arch)?)?;
    Ok(State::On)
}

fn install(filter: SeccompFilter) -> Result<(), seccompiler::Error> {
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)
}

/// Each system call with the arguments it may have; an empty list is any.
fn allowed() -> Result<BTreeMap<c_long, Vec<SeccompRule>>, seccompiler::BackendError> {
    let mut rules: BTreeMap<_, _> = ANY_ARGUMENTS.iter().map(|&call| (call, vec![])).collect();
    let when = |argument, test, value: i64| {
        let condition = SeccompCondition::new(argument, Dword, test, value.cast_unsigned())?;
        Ok::<_, seccompiler::BackendError>(vec![SeccompRule::new(vec![condition])?])
    };
    let flag = |bits: i32| (MaskedEq(u64::from(bits.cast_unsigned())), i64::from(bits));
    let without = |bits: i32| (MaskedEq(u64::from(bits.cast_unsigned())), 0);

    // Memory is never executable.
    let (test, value) = without(libc::PROT_EXEC);
    rules.insert(libc::SYS_mmap, when(2, test.clone(), value)?);
    rules.insert(libc::SYS_mprotect, when(2, test, value)?);
    // Threads, not processes.
    let (test, value) = flag(libc::CLONE_THREAD);
    rules.insert(libc::SYS_clone, when(0, test, value)?);
    // Names of threads.
    rules.insert(libc::SYS_prctl, when(0, Eq, i64::from(libc::PR_SET_NAME))?);
    // Limits and signals of this process only: `abort` ends it by a signal.
    rules.insert(libc::SYS_prlimit64, when(0, Eq, 0)?);
    let own: pid_t = rustix::process::getpid().as_raw_nonzero().get();
    rules.insert(libc::SYS_tgkill, when(0, Eq, i64::from(own))?);
    Ok(rules)
}

const ANY_ARGUMENTS: &[c_long] = &[
    // The socket to the parent, and descriptors that came through it.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_close,
    libc::SYS_fcntl,
    libc::SYS_dup,
    // Memory.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Threads and signals of this process.
    libc::SYS_clone3, // refused by the other filter
    libc::SYS_futex,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_rseq,
    libc::SYS_set_robust_list,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_membarrier,
    libc::SYS_getcpu,
    libc::SYS_getrusage,
    // Time and randomness.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    // An asynchronous runtime within the process.
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_ppoll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
];
