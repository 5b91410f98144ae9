//! Which threads the proxy's own goes before where two want the same core.
//!
//! Invariant: a thread can only step back, never forward, and the proxy's never does; where ranking fails, nothing else does.
//! Absent on purpose: other systems than Linux, which rank whole processes by the same call and would hold the proxy back, too.

/// How far a thread stands back, in steps of nice: it has a third of the proxy's weight, and still moves on a busy machine.
#[cfg(target_os = "linux")]
const STEPS: i32 = 5;

/// Puts the calling thread, and every thread that it starts from now on, behind the proxy's: who writes the history, looks
/// through it or draws (a rasteriser in software takes every core for as long as a frame lasts) can wait a few milliseconds,
/// a request cannot.
pub fn stand_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(STEPS) {
        tracing::debug!(%error, "a thread stands beside the proxy's");
    }
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test's threads need no names")]
mod tests {
    use super::{STEPS, stand_back};

    /// The calling thread's nice value.
    fn rank() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[test]
    fn a_thread_steps_back_with_those_it_starts_and_leaves_others_where_they_are() {
        let before = rank();
        let stepped = std::thread::spawn(|| {
            stand_back();
            (rank(), std::thread::spawn(rank).join().unwrap())
        });
        let behind = (before + STEPS).min(19);
        assert_eq!(stepped.join().unwrap(), (behind, behind));
        assert_eq!(rank(), before);
    }
}
